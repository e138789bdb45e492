// pg-boss asks for jobs at an interval, half a second at the least, so its workers take a thousand at
// a time.
import PgBoss from 'pg-boss';
import { measure, port, started } from './measure.mjs';

const queue = `node-${process.pid}`;
const boss = new PgBoss({ host: '127.0.0.1', port, user: 'bench', database: 'postgres', max: 32 });
boss.on('error', (error) => {
  throw error;
});
await boss.start();
await boss.createQueue(queue);
for (let i = 0; i < 8; ++i)
  await boss.work(queue, { batchSize: 1000, pollingIntervalSeconds: 0.5 }, async (jobs) => {
    for (const _ of jobs) started();
  });
await measure((args) => boss.send(queue, { args }));
