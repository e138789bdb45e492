#include "server/store/sqlite/schema.hpp"

#include "server/store/sqlite/checked_pages.hpp"

#include <array>
#include <span>
#include <string>

namespace sluice::sqlite {
namespace {

/// `jobs` has no index beside its rowid: an id made by the server carries its sequence number, and
/// `client_ids` lists only those that producers chose. Columns that restore reads come first, the
/// long ones last, so that a scan does not follow overflow pages. Times are microseconds since
/// 1970. `spec` holds what differs from the defaults, `history` failures and attempts, both JSON;
/// texts that would fill a page are kept in `payloads`, where updates do not rewrite them, and the
/// row's `args` is NULL.
constexpr const char* version_1 = R"sql(
CREATE TABLE jobs(
  seq INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, state INTEGER NOT NULL,
  priority INTEGER NOT NULL, queue INTEGER NOT NULL, type INTEGER NOT NULL,
  due_at INTEGER, expires_at INTEGER, client_id INTEGER NOT NULL, id BLOB NOT NULL,
  attempt INTEGER NOT NULL, interruptions INTEGER NOT NULL, failed_last INTEGER NOT NULL,
  received_at INTEGER NOT NULL, durable_at INTEGER, available_at INTEGER, started_at INTEGER,
  finished_at INTEGER, acked_at INTEGER,
  lease_epoch INTEGER, lease_counter INTEGER, lease_nonce INTEGER, outcome INTEGER NOT NULL,
  worker TEXT, lease_expires_at INTEGER, retry_delay_ms INTEGER,
  result TEXT, history TEXT, spec TEXT, args TEXT);
CREATE TABLE history(
  seq INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, state INTEGER NOT NULL,
  priority INTEGER NOT NULL, queue INTEGER NOT NULL, type INTEGER NOT NULL,
  due_at INTEGER, expires_at INTEGER, client_id INTEGER NOT NULL, id BLOB NOT NULL,
  attempt INTEGER NOT NULL, interruptions INTEGER NOT NULL, failed_last INTEGER NOT NULL,
  received_at INTEGER NOT NULL, durable_at INTEGER, available_at INTEGER, started_at INTEGER,
  finished_at INTEGER, acked_at INTEGER,
  lease_epoch INTEGER, lease_counter INTEGER, lease_nonce INTEGER, outcome INTEGER NOT NULL,
  worker TEXT, lease_expires_at INTEGER, retry_delay_ms INTEGER,
  dead_letter INTEGER NOT NULL, purge_at INTEGER,
  result TEXT, history TEXT, spec TEXT, args TEXT);
CREATE INDEX history_purge ON history(purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX history_dead ON history(seq) WHERE dead_letter = 1;
CREATE TABLE payloads(seq INTEGER PRIMARY KEY, spec TEXT, args TEXT NOT NULL);
CREATE TABLE client_ids(id BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE idempotency(
  key TEXT PRIMARY KEY, hash BLOB NOT NULL, job_ids BLOB NOT NULL,
  expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency(expires_at);
CREATE TABLE queues(name TEXT PRIMARY KEY, paused INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('commit', 0), ('epoch', 0), ('next_seq', 1);
CREATE VIEW job_overview AS
  SELECT j.seq, lower(hex(j.id)) AS id, q.name AS queue, t.name AS type,
    CASE j.state WHEN 0 THEN 'pending' WHEN 1 THEN 'scheduled' WHEN 2 THEN 'available'
      WHEN 3 THEN 'active' WHEN 4 THEN 'retryable' WHEN 5 THEN 'completed'
      WHEN 6 THEN 'cancelled' ELSE 'discarded' END AS state,
    j.priority, j.attempt, datetime(j.received_at / 1e6, 'unixepoch') AS received,
    datetime(j.due_at / 1e6, 'unixepoch') AS due, j.worker,
    coalesce(j.args, (SELECT p.args FROM payloads p WHERE p.seq = j.seq)) AS args, j.result
  FROM (SELECT seq, id, queue, type, state, priority, attempt, received_at, due_at, worker, args,
               result FROM jobs
        UNION ALL
        SELECT seq, id, queue, type, state, priority, attempt, received_at, due_at, worker, args,
               result FROM history) j
  LEFT JOIN names q ON q.id = j.queue LEFT JOIN names t ON t.id = j.type;
)sql";

/// The rows of one job lie side by side. `bytes` is what its log counts for up to this line.
constexpr const char* logs_of_version_2 = R"sql(
CREATE TABLE job_logs(
  seq INTEGER NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL, attempt INTEGER NOT NULL,
  stream INTEGER NOT NULL, bytes INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY(seq, number)) WITHOUT ROWID;
)sql";

/// What a restart needs of a run: how long its lease lives from each word of its worker, and what
/// was left of the execution timeout at the latest one. NULL in rows of before: as the job says.
constexpr const char* leases_of_version_2 = R"sql(
ALTER TABLE jobs ADD COLUMN lease_length_ms INTEGER;
ALTER TABLE jobs ADD COLUMN run_left_ms INTEGER;
ALTER TABLE history ADD COLUMN lease_length_ms INTEGER;
ALTER TABLE history ADD COLUMN run_left_ms INTEGER;
)sql";

/// `unfinished` holds sequence numbers of 8 bytes each, the lowest byte first.
constexpr const char* crons_of_version_3 = R"sql(
CREATE TABLE crons(
  name TEXT PRIMARY KEY, expression TEXT NOT NULL, timezone TEXT NOT NULL, job TEXT NOT NULL,
  overlap INTEGER NOT NULL, catch_up INTEGER NOT NULL, enabled INTEGER NOT NULL,
  description TEXT, created_at INTEGER NOT NULL, last_run_at INTEGER, next_run_at INTEGER,
  run_count INTEGER NOT NULL, last_job BLOB, unfinished BLOB, removed INTEGER NOT NULL)
  WITHOUT ROWID;
)sql";

/// NULL for most jobs: what has none costs an index nothing.
constexpr const char* unique_of_version_4 = R"sql(
ALTER TABLE jobs ADD COLUMN unique_key BLOB;
ALTER TABLE history ADD COLUMN unique_key BLOB;
CREATE INDEX jobs_unique ON jobs(unique_key, state) WHERE unique_key IS NOT NULL;
CREATE INDEX history_unique ON history(unique_key, state) WHERE unique_key IS NOT NULL;
)sql";

/// A workflow's jobs have the numbers that follow its own. What each step changes is apart, so that
/// it does not rewrite what never does. `plan` and `nodes` are those of rules::workflow_progress.
constexpr const char* workflows_of_version_5 = R"sql(
CREATE TABLE workflows(
  seq INTEGER PRIMARY KEY, id BLOB NOT NULL, type INTEGER NOT NULL, name TEXT, meta TEXT,
  jobs INTEGER NOT NULL, created_at INTEGER NOT NULL, plan BLOB NOT NULL, outline TEXT NOT NULL);
CREATE TABLE workflow_progress(
  seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, unfinished INTEGER NOT NULL, ended_at INTEGER,
  purge_at INTEGER, nodes BLOB NOT NULL);
CREATE INDEX workflows_unfinished ON workflow_progress(seq) WHERE unfinished > 0;
CREATE INDEX workflows_state ON workflow_progress(state, seq);
CREATE INDEX workflows_purge ON workflow_progress(purge_at) WHERE purge_at IS NOT NULL;
ALTER TABLE jobs ADD COLUMN parent_results TEXT;
ALTER TABLE history ADD COLUMN parent_results TEXT;
)sql";

/// NULL for most jobs. A restart needs the key of a waiting job, and does not read its text.
constexpr const char* limits_of_version_6 = R"sql(
ALTER TABLE jobs ADD COLUMN limit_key TEXT;
ALTER TABLE history ADD COLUMN limit_key TEXT;
)sql";

/// `value` is JSON.
constexpr const char* settings_of_version_7 = R"sql(
CREATE TABLE settings(
  kind INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(kind, name))
  WITHOUT ROWID;
)sql";

/// NULL for most jobs. As with limits; see fairness_text.
constexpr const char* fairness_of_version_8 = R"sql(
ALTER TABLE jobs ADD COLUMN fairness TEXT;
ALTER TABLE history ADD COLUMN fairness TEXT;
)sql";

/// Of active jobs, see run_rows.hpp. Attempt and worker are for the view, which people read. In
/// `history` a `run` counts instead of the columns it holds.
constexpr const char* runs_of_version_10 = R"sql(
ALTER TABLE history ADD COLUMN run BLOB;
CREATE TABLE runs(
  seq INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, worker TEXT, run BLOB NOT NULL);
DROP VIEW job_overview;
CREATE VIEW job_overview AS
  SELECT j.seq, lower(hex(j.id)) AS id, q.name AS queue, t.name AS type,
    CASE j.state WHEN 0 THEN 'pending' WHEN 1 THEN 'scheduled' WHEN 2 THEN 'available'
      WHEN 3 THEN 'active' WHEN 4 THEN 'retryable' WHEN 5 THEN 'completed'
      WHEN 6 THEN 'cancelled' ELSE 'discarded' END AS state,
    j.priority, j.attempt, datetime(j.received_at / 1e6, 'unixepoch') AS received,
    datetime(j.due_at / 1e6, 'unixepoch') AS due, j.worker,
    coalesce(j.args, (SELECT p.args FROM payloads p WHERE p.seq = j.seq)) AS args, j.result
  FROM (SELECT l.seq, id, queue, type, iif(r.seq IS NULL, state, 3) AS state, priority,
               coalesce(r.attempt, l.attempt) AS attempt, received_at,
               iif(r.seq IS NULL, due_at, NULL) AS due_at,
               iif(r.seq IS NULL, l.worker, r.worker) AS worker, args, result
        FROM jobs l LEFT JOIN runs r ON r.seq = l.seq
        UNION ALL
        SELECT seq, id, queue, type, state, priority, attempt, received_at, due_at, worker, args,
               result FROM history) j
  LEFT JOIN names q ON q.id = j.queue LEFT JOIN names t ON t.id = j.type;
)sql";

constexpr std::array to_version_1{version_1};
constexpr std::array to_version_2{logs_of_version_2, leases_of_version_2};
constexpr std::array to_version_3{crons_of_version_3};
constexpr std::array to_version_4{unique_of_version_4};
constexpr std::array to_version_5{workflows_of_version_5};
constexpr std::array to_version_6{limits_of_version_6};
constexpr std::array to_version_7{settings_of_version_7};
constexpr std::array to_version_8{fairness_of_version_8};
/// Nothing is built anew, but `history` may leave out the latest run, which servers of before would
/// take for damage.
constexpr std::array<const char*, 0> to_version_9{};
constexpr std::array to_version_10{runs_of_version_10};

/// Step i leads from version i to i + 1.
constexpr std::array<std::span<const char* const>, schema_version> ladder{
    to_version_1, to_version_2, to_version_3, to_version_4, to_version_5,
    to_version_6, to_version_7, to_version_8, to_version_9, to_version_10};

}  // namespace

void create_database(connection& db) {
    int reserved = page_checksum_bytes;
    sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    const std::string size = "PRAGMA page_size=" + std::to_string(page_bytes);
    db.execute(size.c_str());
    const std::string id = "PRAGMA application_id=" + std::to_string(application_id);
    db.execute(id.c_str());
    migrate(db, db.query_integer("PRAGMA user_version"));
    db.execute("PRAGMA journal_mode=WAL");
}

void migrate(connection& db, std::int64_t version) {
    if (version == schema_version) return;
    transaction all(db, "BEGIN IMMEDIATE");
    for (auto i = static_cast<std::size_t>(version); i < ladder.size(); ++i)
        for (const char* statements : ladder[i]) db.execute(statements);
    const std::string done = "PRAGMA user_version=" + std::to_string(schema_version);
    db.execute(done.c_str());
    all.commit();
}

}  // namespace sluice::sqlite
