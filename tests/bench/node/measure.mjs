// What all peers share here: 64 producers that each wait for their job to be stored before they send
// the next, with a pause while 2,000 are on their way. Jobs count that start in `durationMs` after
// the lead-in; the others are waited for, up to three times as long, so that none is left.

export const producers = 64;
export const workers = 32;
export const port = Number(process.argv[2]);
const durationMs = Number(process.argv[3]);
const leadInMs = Number(process.argv[4]); // what comes in this time does not count

// As large as the jobs of the other peers: 100 bytes.
export const payload = (number) => String(number).padStart(24, '0') + 'x'.repeat(76);

let created = 0;
let taken = 0;
let allTaken = () => {};
let producing = true;

// Each worker calls this once for each job.
export function started() {
  ++taken;
  if (!producing && taken >= created) allTaken();
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// `add` stores one job and resolves when it is stored.
export async function measure(add) {
  const end = performance.now() + leadInMs + durationMs;
  const mark = (word, after) =>
    pause(after).then(() => {
      process.stdout.write(word + '\n');
      return { at: performance.now(), used: process.cpuUsage(), taken };
    });
  const marks = Promise.all([mark('begins', leadInMs), mark('ends', leadInMs + durationMs)]);
  const produce = async () => {
    while (performance.now() < end) {
      while (created > taken + 2000) await pause(1);
      await add(payload(created++));
    }
  };
  await Promise.all(Array.from({ length: producers }, produce));
  const done = new Promise((resolve) => (allTaken = resolve));
  producing = false;
  // A slow peer may be left with jobs: it has worked all the time.
  if (taken < created) await Promise.race([done, pause(3 * durationMs)]);
  const [begun, ended] = await marks;
  const jobs = ended.taken - begun.taken;
  const cpu = (mark) => mark.used.user + mark.used.system;
  const seconds = (ended.at - begun.at) / 1000;
  process.stdout.write(JSON.stringify({ jobs, seconds, cpu_us: (cpu(ended) - cpu(begun)) / (jobs || 1) }) + '\n');
  process.exit(0); // with whatever connections are open
}
