#include "tests/queue/simulation/world.hpp"

#include <algorithm>

/// Jobs that completions store, which are looked at apart: nobody takes them.
namespace sluice::test {
namespace {

const std::string follow_up_type = "follow.up";

}  // namespace

bool world::is_follow_up(const job_spec& spec) {
    return spec.type == follow_up_type;
}

/// Each names the job whose completion it goes with.
std::vector<job_spec> world::some_follow_ups(const uuid& parent) {
    std::vector<job_spec> jobs;
    if (!one_in(4)) return jobs;
    for (auto count = 1 + below(2); count > 0; --count) {
        auto& spec = jobs.emplace_back();
        spec.type = follow_up_type;
        spec.queue = "follow-ups";
        spec.args = "[\"" + to_string(parent) + "\"]";
    }
    return jobs;
}

/// What a store does that is faulty on purpose.
void world::lose_follow_up(journal_batch& batch) {
    const auto lost = std::ranges::find_if(batch.jobs, [](const job_write& write) {
        return write.from == job_place::nowhere && is_follow_up(*write.record.spec);
    });
    if (lost != batch.jobs.end()) batch.jobs.erase(lost);
}

/// At any moment the disk holds a completed job and its follow-ups, or neither.
void world::look_at_follow_ups() {
    const auto image = disk_->image();
    const auto find = [&](const uuid& id) -> const job_record* {
        const auto seq = image.seq_of.find(id);
        if (seq == image.seq_of.end()) return nullptr;
        for (const auto* table : {&image.live, &image.history})
            if (const auto row = table->find(seq->second); row != table->end())
                return row->second.record.get();
        return nullptr;
    };
    const auto wrong = [&](const std::string& what) {
        seen_.miscounts.push_back("C20 follow-up: " + what);
    };
    for (const auto* table : {&image.live, &image.history})
        for (const auto& [seq, row] : *table) {
            const auto& record = *row.record;
            for (const auto& child : record.children) {
                const auto* made = find(child);
                if (record.state != job_state::completed) wrong("of a job that is not complete");
                if (!made || !is_follow_up(*made->spec)) wrong("is not there");
            }
            if (!is_follow_up(*record.spec)) continue;
            const auto parent = parse_uuid(record.spec->args.substr(2, 36));
            const auto* of = parent ? find(*parent) : nullptr;
            if (!of || std::ranges::find(of->children, record.spec->id) == of->children.end())
                wrong("without its job");
        }
}

}  // namespace sluice::test
