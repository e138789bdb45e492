#include "server/process/output.hpp"
#include "process_fixture.hpp"

namespace sluice::process::test {
namespace {

using RunnerOutput = process_fixture;

TEST_F(RunnerOutput, KeepsTheFirstBytesAndCountsTheRest) {
    auto what = shell("head -c 300000 /dev/zero | tr '\\0' x; echo; exit 0");
    what.output_bytes_max = 1000;
    what.log_bytes_max = 20000;
    const auto how = run(std::move(what));
    EXPECT_EQ(how.result, '"' + std::string(1000, 'x') + '"');
    EXPECT_EQ(logged[log_stream::stdout_].size(), 1U);
    EXPECT_EQ(logged[log_stream::stdout_][0].size(), std::size_t{16} << 10);
    EXPECT_GT(how.dropped_bytes, 280000U);
}

TEST_F(RunnerOutput, TakesTenGibibytesInFlatMemory) {
    auto what = python(
        "import os\n"
        "block = b'y\\n' * 32768\n"
        "for _ in range(163840): os.write(1, block)");
    what.log_bytes_max = 1000;  // what the test itself keeps
    run(shell("head -c 100000000 /dev/zero"));
    const auto before = resident_bytes();
    const auto how = run(std::move(what));
    EXPECT_EQ(how.how, verdict::completed);
    EXPECT_GT(how.dropped_bytes, 10'000'000'000U);
    EXPECT_LT(resident_bytes(), before + output_growth_max);
}

TEST_F(RunnerOutput, StopsACommandThatNeverStopsTalking) {
    on_line = [this](const std::string& line) {
        if (line == "y") stop.request_stop();
    };
    auto what = shell("yes & yes >&2");
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(run(std::move(what)).how, verdict::stopped);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
}

TEST_F(RunnerOutput, BinaryOutputBecomesAResultThatIsJson) {
    const auto how = run(shell("printf '\\377\\000\\001\"'"));
    EXPECT_EQ(how.how, verdict::completed);
    EXPECT_EQ(how.result, "\"\xEF\xBF\xBD\\u0000\\u0001\\\"\"");
}

TEST_F(RunnerOutput, CutsALongLineBetweenCodePoints) {
    run(python("print('\u20ac' * 10000); print('next')"));
    const auto& lines = logged[log_stream::stdout_];
    ASSERT_EQ(lines.size(), 3U);
    std::string whole;
    for (int i = 0; i < 10000; ++i) whole += "\xE2\x82\xAC";
    EXPECT_EQ(lines[0].size(), 16383U);
    EXPECT_EQ(lines[0] + lines[1], whole);
    EXPECT_EQ(lines[2], "next");
}

TEST(OutputStream, TheEndOfALineInPiecesIsNoLine) {
    std::vector<std::string> lines;
    listener hear;
    hear.log = [&lines](log_stream, std::string_view line) { lines.emplace_back(line); };
    log_budget budget(100'000, hear);
    output_stream out(log_stream::stdout_, 0, budget);
    const std::string piece(log_line_bytes_max, 'x');
    out.feed(piece);
    out.feed("\nnext\n");
    out.finish();
    EXPECT_EQ(lines, (std::vector<std::string>{piece, "next"}));
}

TEST_F(RunnerOutput, ALogOnDescriptorThreeComesInLinesAndPieces) {
    run(
        python("import json, os\n"
               "os.write(3, (json.dumps({'log': 'a\\n' + 'x' * 20000}) + '\\n').encode())"));
    const auto& lines = logged[log_stream::log];
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0], "a");
    EXPECT_EQ(lines[1] + lines[2], std::string(20000, 'x'));
}

TEST_F(RunnerOutput, SaysHowManyLinesTheLogIsMissing) {
    auto what = shell("seq 1 5000; seq 1 100 >&2; printf last");
    what.log_bytes_max = 1000;
    run(std::move(what));
    const auto kept = logged[log_stream::stdout_].size() + logged[log_stream::stderr_].size();
    EXPECT_GT(kept, 100U);
    const auto& notes = logged[log_stream::note];
    ASSERT_EQ(notes.size(), 2U);
    EXPECT_EQ(notes[0], full_note(1000));
    EXPECT_EQ(notes[1], dropped_note(5101 - kept));
    logged.clear();
    run(shell("seq 1 50"));
    EXPECT_TRUE(logged[log_stream::note].empty());
}

TEST_F(RunnerOutput, LogsLinesAsTheyCome) {
    std::vector<std::string> seen;
    on_line = [&](const std::string& line) { seen.push_back(line); };
    run(shell("printf 'one\\r\\ntwo\\n\\nthree'; sleep 0.05; echo err >&2"));
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "two", "", "err", "three"}));
}

}  // namespace
}  // namespace sluice::process::test
