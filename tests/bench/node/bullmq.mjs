import { Queue, Worker } from 'bullmq';
import { measure, port, started, workers } from './measure.mjs';

const name = `node-${process.pid}`;
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
const queue = new Queue(name, { connection });
const worker = new Worker(name, async () => started(), { connection, concurrency: workers });
worker.on('error', (error) => {
  throw error;
});
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
await measure((args) => queue.add('job', [args], { removeOnComplete: true }));
