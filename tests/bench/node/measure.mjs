// What all peers share here: 64 producers that each wait for their job to be stored before they send
// the next, with a pause while 2,000 are on their way; the time ends with the last job's start, or
// after four times as long as they send.

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
let last = 0;

// Each worker calls this once for each job.
export function started() {
  ++taken;
  last = performance.now();
  if (!producing && taken >= created) allTaken();
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// `add` stores one job and resolves when it is stored.
export async function measure(add) {
  const end = performance.now() + leadInMs + durationMs;
  let begun = performance.now();
  let usedBefore = process.cpuUsage();
  let notCounted = 0;
  setTimeout(() => {
    begun = performance.now();
    usedBefore = process.cpuUsage();
    notCounted = taken;
    process.stdout.write('counting\n');
  }, leadInMs);
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
  const used = process.cpuUsage(usedBefore);
  const jobs = taken - notCounted;
  const cpu_us = (used.user + used.system) / jobs;
  process.stdout.write(JSON.stringify({ jobs, seconds: (last - begun) / 1000, cpu_us }) + '\n');
  process.exit(0); // with whatever connections are open
}
