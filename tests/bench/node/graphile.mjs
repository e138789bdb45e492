// With a local queue, which fetches jobs for all workers at one time and is what makes it fast.
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';
import { measure, port, producers, started, workers } from './measure.mjs';

const pool = (max) => new pg.Pool({ connectionString: `postgres://bench@127.0.0.1:${port}/postgres`, max });
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ pgPool: pool(producers), logger });
await utils.migrate();
await run({
  preset: {
    worker: {
      concurrentJobs: workers,
      localQueue: { size: 4 * workers },
      completeJobBatchDelay: 0,
      logger,
    },
  },
  pgPool: pool(workers),
  noHandleSignals: true,
  taskList: { job: async () => started() },
});
await measure((args) => utils.addJob('job', [args]));
