// A worker in Node (18 or later): fetches with a long poll, beats from a timer, drains on SIGTERM.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const url = (process.env.SLUICE_URL ?? "http://127.0.0.1:8080") + "/ojs/v1/workers/";
const worker_id = `node-${randomUUID()}`, leaseMs = 60_000;
const headers = { "Content-Type": "application/json", Authorization: `Bearer ${process.env.SLUICE_TOKEN ?? ""}` };
const held = new Map();
let leaving = false;

/** The answer, after as many tries as it takes; null when the server refuses for good. */
async function call(what, body) {
  for (;; await sleep(1000)) {
    try {
      const answer = await fetch(url + what, { method: "POST", headers, body: JSON.stringify({ worker_id, ...body }) });
      if (answer.ok) return await answer.json();
      console.error(what, answer.status, await answer.text());
      if (answer.status < 500 && answer.status !== 429) return null; // such as a lost lease: no answer counts
    } catch (e) { console.error(what, e.message); }
  }
}
const beat = () => call("heartbeat", { state: leaving ? "quiet" : "running", active_jobs: [...held.values()] });
const square = async (n) => { if (typeof n !== "number") throw new TypeError("no number"); return n * n; };

process.on("SIGTERM", () => { leaving = true; });
const beats = setInterval(beat, leaseMs / 3);
await beat();
while (!leaving) {
  const answer = await call("fetch", { queues: ["numbers"], types: ["number.square"], wait_ms: 1000, visibility_timeout_ms: leaseMs });
  if (!answer) process.exit(1);
  for (const job of answer.jobs) {
    const claim = { job_id: job.id, lease: job.lease };
    held.set(job.id, claim);
    const outcome = await square(...job.args).then((result) => ["ack", { result }],
      (e) => ["nack", { error: { code: e.name, message: e.message } }]);
    await call(outcome[0], { ...claim, ...outcome[1] });
    held.delete(job.id);
  }
}
clearInterval(beats);
