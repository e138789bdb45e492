// A plain client of Sluice: undici's pool of connections that are kept open, one job a request; two
// workers of 16 jobs each, which ack with the request that fetches the next ones.
import { Pool } from 'undici';
import { measure, port, producers, started, workers } from './measure.mjs';

const queue = `node-${process.pid}`;
const headers = { 'content-type': 'application/json' };
const pool = (connections) => new Pool(`http://127.0.0.1:${port}`, { connections, pipelining: 1 });
const producing = pool(producers);
const working = pool(2);

async function post(from, path, body) {
  const answer = await from.request({ path, method: 'POST', headers, body: JSON.stringify(body) });
  if (answer.statusCode >= 300) throw new Error(`${path}: ${await answer.body.text()}`);
  return answer.body.json();
}

// One worker for all that run here: it answers for what has ended and asks for as much.
async function work(worker_id, count) {
  const fetch = { worker_id, queues: [queue], count };
  for (let jobs = []; ; ) {
    const ack = jobs.map((job) => ({ job_id: job.id, lease: job.lease }));
    ({ jobs } = ack.length
      ? await post(working, '/ojs/v1/workers/batch', { worker_id, ack, fetch })
      : await post(working, '/ojs/v1/workers/fetch', { ...fetch, wait_ms: 20000 }));
    for (const _ of jobs) started();
  }
}

for (let i = 0; i < 2; ++i) work(`w${i}`, workers / 2);
const options = { queue };
await measure(async (args) => {
  const answer = await producing.request({
    path: '/ojs/v1/jobs',
    method: 'POST',
    headers,
    body: JSON.stringify({ type: 'bench.node', args: [args], options }),
  });
  if (answer.statusCode !== 201) throw new Error(await answer.body.text());
  await answer.body.dump();
});
