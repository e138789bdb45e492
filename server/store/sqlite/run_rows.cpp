#include "server/store/sqlite/run_rows.hpp"

#include "proto/codec.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::sqlite {
namespace {

constexpr std::uint8_t format = 1;

/// What may be absent, by its bit, in the order it is written.
enum part : std::uint32_t {
    has_due = 1U << 0,
    has_durable = 1U << 1,
    has_available = 1U << 2,
    has_started = 1U << 3,
    has_finished = 1U << 4,
    has_acked = 1U << 5,
    has_expiry = 1U << 6,
    has_retry_delay = 1U << 7,
    has_length = 1U << 8,
    has_left = 1U << 9,
    is_failed_last = 1U << 10,
    has_parent_results = 1U << 11,
    has_result = 1U << 12,
    has_usual_history = 1U << 13,
    all_parts = (1U << 14) - 1,
};

/// That of a job whose only run is the latest.
constexpr std::string_view usual_history = R"({"latest":true})";

/// Visits all optional times and lengths of a record with their bits, in order.
template <class Record, class Visit>
void each_time(Record& record, Visit visit) {
    visit(has_due, record.due_at);
    visit(has_durable, record.durable_at);
    visit(has_available, record.available_at);
    visit(has_started, record.started_at);
    visit(has_finished, record.finished_at);
    visit(has_acked, record.acked_at);
    visit(has_expiry, record.lease_expires_at);
}
template <class Record, class Visit>
void each_length(Record& record, Visit visit) {
    visit(has_retry_delay, record.retry_delay);
    visit(has_length, record.lease_length);
    visit(has_left, record.run_left);
}

/// Numbers as seven bits a byte, the lowest first; the top bit says that more follow.
class run_writer {
public:
    explicit run_writer(std::string& out) : out_(out) {}

    void number(std::uint64_t n) {
        for (; n >= 0x80; n >>= 7) out_ += static_cast<char>(n | 0x80);
        out_ += static_cast<char>(n);
    }
    /// Small ones of either sign are short.
    void signed_number(std::int64_t n) {
        number(static_cast<std::uint64_t>(n) << 1 ^ static_cast<std::uint64_t>(n >> 63));
    }
    void text(std::string_view t) {
        number(t.size());
        out_ += t;
    }

private:
    std::string& out_;
};

class run_reader {
public:
    run_reader(std::span<const std::uint8_t> bytes, std::int64_t seq) : rest_(bytes), seq_(seq) {}

    std::uint64_t number() {
        std::uint64_t n = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) refuse();
            const std::uint64_t byte = rest_.front();
            rest_ = rest_.subspan(1);
            if (shift == 63 && byte > 1) refuse();
            n |= (byte & 0x7F) << shift;
            if (byte < 0x80) return n;
        }
        refuse();
    }
    template <class Number>
    Number number_as(Number most = std::numeric_limits<Number>::max()) {
        const auto n = number();
        if (std::cmp_greater(n, most)) refuse();
        return static_cast<Number>(n);
    }
    std::int64_t signed_number() {
        const auto n = number();
        return static_cast<std::int64_t>(n >> 1 ^ (~(n & 1) + 1));
    }
    std::string text() {
        const auto size = number();
        if (size > rest_.size()) refuse();
        const std::string_view t(reinterpret_cast<const char*>(rest_.data()), size);
        if (t.find('\0') != t.npos) refuse();  // as in a page of zeros
        rest_ = rest_.subspan(size);
        return std::string(t);
    }
    void expect_end() const {
        if (!rest_.empty()) refuse();
    }
    [[noreturn]] void refuse() const {
        throw_damaged("the run of job " + std::to_string(seq_) + " cannot be read");
    }

private:
    std::span<const std::uint8_t> rest_;
    std::int64_t seq_;
};

/// From when the job was received on, so that most take four bytes instead of eight; beyond the
/// range of numbers they wrap around both ways.
std::int64_t offset(timestamp time, const job_record& record) {
    return static_cast<std::int64_t>(
        static_cast<std::uint64_t>(time.time_since_epoch().count()) -
        static_cast<std::uint64_t>(record.received_at.time_since_epoch().count()));
}
timestamp at_offset(std::int64_t from, const job_record& record) {
    return timestamp{std::chrono::microseconds{static_cast<std::int64_t>(
        static_cast<std::uint64_t>(from) +
        static_cast<std::uint64_t>(record.received_at.time_since_epoch().count()))}};
}

std::string encode(const job_record& record, const row_texts& texts, std::uint32_t parts) {
    std::string out;
    out.reserve(80 + record.parent_results.size() + record.result.size() + texts.history.size());
    out += static_cast<char>(format);
    const bool usual = texts.history == usual_history;
    parts |= (record.failed_last ? is_failed_last : 0U) | (usual ? has_usual_history : 0U);
    const auto note = [&](part bit, const auto& value) { parts |= value ? bit : 0U; };
    each_time(record, note);
    each_length(record, note);
    run_writer to(out);
    to.number(parts);
    to.signed_number(record.ticket);
    to.number(record.interruptions);
    to.number(record.lease.epoch);
    to.number(record.lease.counter);
    to.number(record.lease.nonce);
    to.number(static_cast<std::uint64_t>(record.outcome));
    each_time(record, [&](part, const auto& time) {
        if (time) to.signed_number(offset(*time, record));
    });
    each_length(record, [&](part, const auto& length) {
        if (length) to.signed_number(length->count());
    });
    if ((parts & has_parent_results) != 0) to.text(record.parent_results);
    if ((parts & has_result) != 0) to.text(record.result);
    if (!usual) to.text(texts.history);
    return out;
}

/// Attempt and worker must be in `record` already.
void decode(std::span<const std::uint8_t> run, job_record& record) {
    run_reader from(run, record.seq);
    if (from.number() != format) from.refuse();
    const auto parts = from.number_as<std::uint32_t>(all_parts);
    record.failed_last = (parts & is_failed_last) != 0;
    record.ticket = from.signed_number();
    record.interruptions = from.number_as<std::uint32_t>();
    record.lease.epoch = from.number_as<std::uint32_t>();
    record.lease.counter = from.number();
    record.lease.nonce = from.number_as<std::uint32_t>();
    record.outcome = static_cast<lease_outcome>(
        from.number_as(static_cast<std::uint8_t>(lease_outcome::cancelled)));
    each_time(record, [&](part bit, auto& time) {
        time.reset();
        if ((parts & bit) != 0) time = at_offset(from.signed_number(), record);
    });
    each_length(record, [&](part bit, auto& length) {
        length.reset();
        if ((parts & bit) != 0) length = std::chrono::milliseconds{from.signed_number()};
    });
    if ((parts & has_parent_results) != 0) record.parent_results = from.text();
    if ((parts & has_result) != 0) record.result = from.text();
    const bool usual = (parts & has_usual_history) != 0;
    const auto history = usual ? std::string(usual_history) : from.text();
    from.expect_end();
    record.failures.clear();
    record.attempts.clear();
    record.children.clear();
    record.progress.reset();
    try {
        decode_stored_history(history, record);
    } catch (const std::runtime_error& e) {
        throw_damaged("job " + std::to_string(record.seq) + ": " + e.what());
    }
}

}  // namespace

void put_run(statement& row, const job_record& record, const row_texts& texts) {
    const auto run = encode(record, texts,
                            (record.parent_results.empty() ? 0U : has_parent_results) |
                                (record.result.empty() ? 0U : has_result));
    row.bind(1, record.seq);
    row.bind(2, std::int64_t{record.attempt});
    row.bind_unless_empty(3, record.worker_id);
    row.bind(4, std::span(reinterpret_cast<const std::uint8_t*>(run.data()), run.size()));
    row.run();
}

void apply_run(const statement& row, int first, job_record& record) {
    record.state = job_state::active;
    record.attempt = static_cast<std::uint32_t>(row.integer(first));
    record.worker_id = row.text(first + 1);
    record.parent_results.clear();
    record.result.clear();
    decode(row.blob(first + 2), record);
}

std::string encode_end(const job_record& record, const row_texts& texts) {
    return encode(record, texts, 0);
}

void apply_end(std::span<const std::uint8_t> run, job_record& record) {
    decode(run, record);
}

}  // namespace sluice::sqlite
