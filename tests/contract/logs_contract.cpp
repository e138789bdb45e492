#include "proto/limits.hpp"
#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

using texts = std::vector<std::string>;

/// A list of texts: GCC 12 cannot keep the array behind a braced list across a `co_await`.
template <class... Text>
texts these(const Text&... text) {
    return {std::string(text)...};
}

append_log_request lines_of(const job_record& held, texts lines) {
    append_log_request request;
    request.job_id = held.spec->id;
    request.lease = held.lease;
    for (auto& text : lines) request.lines.push_back({log_stream::stdout_, std::move(text)});
    return request;
}

/// Appends lines, which must be taken.
asio::awaitable<log_receipt> say(backend_contract& t, job_record held, texts lines) {
    auto request = lines_of(held, std::move(lines));
    auto receipt = co_await t.queue().append_log(std::move(request));
    EXPECT_TRUE(receipt) << receipt.error().message;
    co_return receipt ? *receipt : log_receipt{};
}

asio::awaitable<log_page> page_of(backend_contract& t, log_query query) {
    auto page = co_await t.queue().read_log(query, std::stop_token{});
    EXPECT_TRUE(page) << page.error().message;
    co_return page ? std::move(*page) : log_page{};
}

asio::awaitable<log_page> log_of(backend_contract& t, uuid id, std::uint64_t after = 0,
                                 std::size_t limit = 1000) {
    log_query query;
    query.job_id = id;
    query.after = after;
    query.limit = limit;
    auto page = co_await page_of(t, query);
    co_return page;
}

texts texts_of(const log_page& page) {
    texts all;
    for (const auto& line : page.lines) all.push_back(line.text);
    return all;
}

CONTRACT(ALogIsKeptInOrderAcrossACrashAndTheEndOfItsJob) {
    const auto pushed = co_await t.push(contract_job());
    auto page = co_await log_of(t, pushed.spec->id);
    EXPECT_TRUE(page.lines.empty());
    EXPECT_FALSE(page.ended);
    const auto held = co_await t.fetch_one("default");
    const auto first = co_await say(t, held, these("one", "", "th\"ree\n"));
    EXPECT_EQ(first.kept, 3U);
    EXPECT_EQ(first.last, 3U);
    co_await t.reopen();
    const auto second = co_await say(t, held, these("four"));
    EXPECT_EQ(second.last, 4U);
    co_await t.ack(held);
    co_await t.reopen();
    page = co_await log_of(t, pushed.spec->id);
    EXPECT_EQ(texts_of(page), (texts{"one", "", "th\"ree\n", "four"}));
    EXPECT_EQ(page.next, 4U);
    EXPECT_EQ(page.state, job_state::completed);
    EXPECT_TRUE(page.ended);
    EXPECT_FALSE(page.more);
    for (const auto& line : page.lines) {
        EXPECT_EQ(line.attempt, 1U);
        EXPECT_EQ(line.stream, log_stream::stdout_);
    }
}

CONTRACT(ALogIsReadPageByPage) {
    const auto pushed = co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    texts lines;
    for (int i = 0; i < 25; ++i) lines.push_back(std::to_string(i));
    co_await say(t, held, lines);
    co_await t.ack(held);
    texts read;
    std::uint64_t after = 0;
    for (int pages = 1;; ++pages) {
        const auto page = co_await log_of(t, pushed.spec->id, after, 10);
        for (auto& text : texts_of(page)) read.push_back(text);
        after = page.next;
        EXPECT_EQ(page.more, pages < 3);
        EXPECT_EQ(page.ended, pages == 3);
        if (!page.more) break;
    }
    EXPECT_EQ(read, lines);
    const auto beyond = co_await log_of(t, pushed.spec->id, 1'000'000);
    EXPECT_TRUE(beyond.lines.empty());
    EXPECT_EQ(beyond.next, 1'000'000U);
    EXPECT_TRUE(beyond.ended);
}

CONTRACT(APageOfALogIsBounded) {
    const auto pushed = co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    for (int i = 0; i < 4; ++i)
        co_await say(t, held, texts(30, std::string(limits::log_line_bytes_max, 'x')));
    const auto page = co_await log_of(t, pushed.spec->id);
    EXPECT_TRUE(page.more);
    EXPECT_GE(page.lines.size(), 60U);
    EXPECT_LE(page.lines.size(), 65U);
    const auto rest = co_await log_of(t, pushed.spec->id, page.next);
    EXPECT_EQ(page.lines.size() + rest.lines.size(), 120U);
}

CONTRACT(LinesAreRefusedFromAnybodyButTheHolder) {
    const auto pushed = co_await t.push(contract_job());
    append_log_request request;
    request.job_id = pushed.spec->id;
    request.lines = {{log_stream::log, "x"}};
    auto answer = co_await t.queue().append_log(request);
    EXPECT_EQ(code_of(answer), errc::conflict);
    const auto held = co_await t.fetch_one("default");
    request.lease = held.lease;
    request.lease->nonce += 1;
    answer = co_await t.queue().append_log(request);
    EXPECT_EQ(code_of(answer), errc::lease_lost);
    request.lease = held.lease;
    request.job_id.bytes[15] ^= 1U;
    answer = co_await t.queue().append_log(request);
    EXPECT_EQ(code_of(answer), errc::not_found);
    co_await t.ack(held);
    answer = co_await t.queue().append_log(lines_of(held, these("late")));
    EXPECT_EQ(code_of(answer), errc::conflict);
    const auto page = co_await log_of(t, pushed.spec->id);
    EXPECT_TRUE(page.lines.empty());
}

CONTRACT(ALogOfAJobThatIsNotThereIsNotFound) {
    log_query query;
    query.job_id = make_uuid(timestamp{} + 400'000h, 4'711, 5);
    query.wait = 10s;
    const auto page = co_await t.queue().read_log(query, std::stop_token{});
    EXPECT_EQ(code_of(page), errc::not_found);
}

CONTRACT(AReaderWaitsForTheNextLineAndForTheEnd) {
    const auto pushed = co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    log_query query;
    query.job_id = pushed.spec->id;
    query.wait = 15s;
    auto reading = t.start(page_of(t, query));
    co_await log_of(t, pushed.spec->id);  // the other one is asleep by now
    co_await t.yield();
    EXPECT_FALSE(reading.done());
    co_await say(t, held, these("a"));
    auto page = co_await reading.answer();
    EXPECT_EQ(texts_of(page), texts{"a"});
    EXPECT_FALSE(page.ended);
    query.after = page.next;
    auto again = t.start(page_of(t, query));
    co_await t.yield();
    co_await t.ack(held);
    page = co_await again.answer();
    EXPECT_TRUE(page.lines.empty());
    EXPECT_TRUE(page.ended);
}

CONTRACT(AReaderIsLetGoByAStopAndByADrain) {
    const auto pushed = co_await t.push(contract_job());
    log_query query;
    query.job_id = pushed.spec->id;
    query.wait = 15s;
    std::stop_source stop;
    auto reading = t.start(t.queue().read_log(query, stop.get_token()));
    auto other = t.start(t.queue().read_log(query, std::stop_token{}));
    co_await log_of(t, pushed.spec->id);
    co_await t.yield();
    stop.request_stop();
    const auto page = co_await reading.answer();
    EXPECT_TRUE(page && page->lines.empty() && !page->ended);
    EXPECT_FALSE(other.done());
    t.queue().begin_drain();
    const auto last = co_await other.answer();
    EXPECT_TRUE(last && last->lines.empty());
}

CONTRACT(ALogGoesWithItsJob) {
    auto spec = contract_job();
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    const auto pushed = co_await t.push(spec);
    const auto id = pushed.spec->id;
    auto held = co_await t.fetch_one("default");
    co_await say(t, held, these("a"));
    auto nacked = co_await t.queue().nack(backend_contract::nack_of(held));
    EXPECT_TRUE(nacked);
    auto page = co_await log_of(t, id);
    EXPECT_EQ(texts_of(page), texts{"a"});
    EXPECT_TRUE(page.ended);
    const auto revived = co_await t.queue().retry_dead_letter(id);
    EXPECT_TRUE(revived);
    held = co_await t.fetch_one("default");
    co_await say(t, held, these("b"));
    page = co_await log_of(t, id);
    EXPECT_EQ(texts_of(page), (texts{"a", "b"}));
    nacked = co_await t.queue().nack(backend_contract::nack_of(held));
    const auto deleted = co_await t.queue().delete_dead_letter(id);
    EXPECT_TRUE(nacked && deleted);
    log_query query;
    query.job_id = id;
    const auto gone = co_await t.queue().read_log(query, std::stop_token{});
    EXPECT_EQ(code_of(gone), errc::not_found);
}

CONTRACT(AResetTakesEveryLog) {
    co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    co_await say(t, held, these("a"));
    log_query query;
    query.job_id = held.spec->id;
    query.after = 1;
    query.wait = 15s;
    auto reading = t.start(t.queue().read_log(query, std::stop_token{}));
    co_await t.yield();
    const auto reset = co_await t.queue().reset();
    EXPECT_TRUE(reset);
    const auto page = co_await reading.answer();
    EXPECT_EQ(code_of(page), errc::not_found);
    const auto late = co_await t.queue().append_log(lines_of(held, these("b")));
    EXPECT_EQ(code_of(late), errc::not_found);
}

CONTRACT(AFullLogSaysSo) {
    t.rules.job_log_bytes = 2000;
    co_await t.reopen();
    const auto pushed = co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    const auto receipt = co_await say(t, held, texts(50, std::string(36, 'x')));
    EXPECT_EQ(receipt.kept, 20U);
    EXPECT_EQ(receipt.dropped, 30U);
    co_await t.ack(held);
    const auto page = co_await log_of(t, pushed.spec->id);
    EXPECT_EQ(page.lines.size(), 22U);
    if (page.lines.size() != 22) co_return;
    EXPECT_EQ(page.lines[20].stream, log_stream::note);
    EXPECT_EQ(page.lines[21].text, "30 lines dropped");
}

CONTRACT(LinesThatDoNotWaitJoinTheEndOfTheirRun) {
    const auto pushed = co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    const auto before = t.queue().health().commits;
    auto request = lines_of(held, {"last words"});
    request.wait_until_written = false;
    auto saying = t.start(t.queue().append_log(request));
    auto ending = t.start(t.queue().ack(backend_contract::ack_of(held)));
    const auto said = co_await saying.answer();
    const auto ended = co_await ending.answer();
    EXPECT_TRUE(said && ended);
    EXPECT_EQ(t.queue().health().commits, before + 1);
    const auto page = co_await log_of(t, pushed.spec->id);
    EXPECT_EQ(texts_of(page), texts{"last words"});
}

}  // namespace
}  // namespace sluice::test
