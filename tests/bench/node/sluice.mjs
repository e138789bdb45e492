// A plain client of Sluice: node:http with connections that are kept open, one job a request; two
// workers of 16 jobs each, which ack with the request that fetches the next ones.
import http from 'node:http';
import { measure, port, producers, started, workers } from './measure.mjs';

const queue = `node-${process.pid}`;
const agent = new http.Agent({ keepAlive: true, maxSockets: producers + 2 });

// Resolves with the answer's text once all of it has come.
function post(path, body) {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const whole = { host: '127.0.0.1', port, path, method: 'POST', agent, headers };
    const request = http.request(whole, (answer) => {
      let said = '';
      answer.setEncoding('utf8');
      answer.on('data', (some) => (said += some));
      answer.on('error', reject);
      answer.on('end', () => (answer.statusCode < 300 ? resolve(said) : reject(new Error(said))));
    });
    request.on('error', reject);
    request.end(text);
  });
}

// One worker for all that run here: it answers for what has ended and asks for as much.
async function work(worker_id, count) {
  const fetch = { worker_id, queues: [queue], count };
  for (let jobs = []; ; ) {
    const ack = jobs.map((job) => ({ job_id: job.id, lease: job.lease }));
    const answer = ack.length
      ? await post('/ojs/v1/workers/batch', { worker_id, ack, fetch })
      : await post('/ojs/v1/workers/fetch', { ...fetch, wait_ms: 20000 });
    ({ jobs } = JSON.parse(answer));
    for (const _ of jobs) started();
  }
}

for (let i = 0; i < 2; ++i) work(`w${i}`, workers / 2);
const options = { queue };
await measure((args) => post('/ojs/v1/jobs', { type: 'bench.node', args: [args], options }));
