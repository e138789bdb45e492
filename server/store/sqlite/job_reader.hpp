#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::sqlite {

/// The reading connection. Each call sees one snapshot and holds none afterwards, so that it never
/// keeps the log from starting anew. For one thread at a time. Throws database_error.
class job_reader {
public:
    explicit job_reader(connection db);

    void scan(const restore_sink& sink);
    std::vector<job_record> load(std::span<const std::int64_t> seqs);
    std::optional<job_store::found_job> find(const uuid& id);
    std::vector<job_store::found_job> find_unique(const unique_key& key, job_state state,
                                                  std::int64_t before_seq, std::size_t max);
    std::optional<key_record> find_key(std::string_view key);
    std::vector<job_results> results(std::span<const std::int64_t> seqs);
    std::optional<workflow_record> find_workflow(const uuid& id);
    std::vector<workflow_record> list_workflows(const workflow_query& query);
    log_end end_of_log(std::int64_t seq);
    std::vector<log_line> lines(std::int64_t seq, std::uint64_t after, std::size_t lines_max);
    job_page list(const job_query& query);
    dead_letter_summary sum_dead_letters(std::size_t max);
    std::vector<job_record> old_dead_letters(timestamp time, std::size_t max);

private:
    struct list_statements {
        statement newest;    ///< the largest seq below ?1
        statement matching;  ///< rows of a range of seqs, newest first
    };

    std::optional<job_record> read(job_place place, std::int64_t seq);
    std::optional<job_store::found_job> find_at(std::int64_t seq, const uuid& id);
    std::int64_t newest_below(list_statements& list, std::int64_t seq);
    void collect(list_statements& list, const job_query& query, std::int64_t from,
                 std::int64_t below, std::vector<job_record>& out);
    std::int64_t lowest_dead(const job_query& query, std::int64_t below);
    std::vector<job_record> dead_letters(const job_query& query, std::int64_t from,
                                         std::int64_t below);
    static list_statements prepare_list(connection& db, job_place place);

    connection db_;
    statement live_results_, history_results_, workflow_, workflow_list_, workflow_state_list_;
    statement live_, history_, live_unique_, active_unique_, history_unique_, payload_, client_id_,
        key_, dead_, count_dead_, lowest_dead_, sum_dead_, old_dead_, log_end_, log_lines_;
    list_statements live_list_, history_list_;
};

}  // namespace sluice::sqlite
