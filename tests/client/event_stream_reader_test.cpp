#include "client/event_stream_reader.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::client {
namespace {

std::vector<stream_message> drain(event_stream_reader& reader) {
    std::vector<stream_message> all;
    while (auto message = reader.next()) all.push_back(std::move(*message));
    return all;
}

std::vector<stream_message> read(std::string_view bytes) {
    event_stream_reader reader;
    EXPECT_TRUE(reader.feed(bytes));
    return drain(reader);
}

std::string text_of(const std::vector<stream_message>& messages) {
    std::string text;
    for (const auto& m : messages) text += "[" + m.id + "|" + m.type + "|" + m.data + "]";
    return text;
}

// What the server sends: an opening, a position, an event, a comment, a gap; with each kind of end
// of line.
const std::string whole =
    "\xef\xbb\xbfretry: 3000\n: open\n\nid: evt_1\n\nid: evt_2\nevent: job.started\n"
    "data: {\"a\":1}\n\n:\n\nevent: gap\r\ndata: {\"after\":\"evt_2\"}\r\n\r\n"
    "id: evt_3\revent:job.failed\rdata: one\rdata:  two\r\r";
const std::string meaning =
    "[evt_2|job.started|{\"a\":1}][evt_2|gap|{\"after\":\"evt_2\"}][evt_3|job.failed|one\n two]";

TEST(EventStreamReader, ReadsWhatTheServerSends) {
    EXPECT_EQ(text_of(read(whole)), meaning);
}

TEST(EventStreamReader, ReadsTheSameWhereverTheBytesAreCut) {
    for (std::size_t first = 0; first <= whole.size(); ++first) {
        for (std::size_t second = first; second <= whole.size(); ++second) {
            event_stream_reader reader;
            EXPECT_TRUE(reader.feed(std::string_view{whole}.substr(0, first)));
            EXPECT_TRUE(reader.feed(std::string_view{whole}.substr(first, second - first)));
            EXPECT_TRUE(reader.feed(std::string_view{whole}.substr(second)));
            ASSERT_EQ(text_of(drain(reader)), meaning) << first << " " << second;
        }
    }
    event_stream_reader reader;
    for (const char byte : whole) EXPECT_TRUE(reader.feed({&byte, 1}));
    EXPECT_EQ(text_of(drain(reader)), meaning);
}

TEST(EventStreamReader, KeepsTheLastIdOfWhatWasWhole) {
    event_stream_reader reader;
    EXPECT_TRUE(reader.feed("id: a\n\nid: b\ndata: x\n"));
    EXPECT_EQ(reader.last_id(), "a");
    EXPECT_TRUE(drain(reader).empty());
    EXPECT_TRUE(reader.feed("\n"));
    EXPECT_EQ(reader.last_id(), "b");
    EXPECT_EQ(text_of(drain(reader)), "[b|message|x]");
}

TEST(EventStreamReader, ForgetsHalfAnEventWhenANewStreamBegins) {
    event_stream_reader reader;
    EXPECT_TRUE(reader.feed("id: a\ndata: x\n\nid: b\nevent: e\ndata: half"));
    reader.restart();
    EXPECT_EQ(reader.last_id(), "a");
    EXPECT_TRUE(reader.feed("data: y\n\n"));
    EXPECT_EQ(text_of(drain(reader)), "[a|message|y]");
}

TEST(EventStreamReader, PassesOverWhatIsNoEvent) {
    EXPECT_EQ(text_of(read("event: e\n\ndata: x\n\n")), "[|message|x]");
    EXPECT_EQ(text_of(read("nonsense\nretry\nid\ndata\ndata\n\n")), "[|message|\n]");
    EXPECT_EQ(text_of(read(std::string_view{"id: a\0b\ndata: x\n\n", 17})), "[|message|x]");
    EXPECT_EQ(text_of(read("data: not whole\n")), "");
}

TEST(EventStreamReader, GivesUpOnWhatHasNoEnd) {
    const std::string part(event_stream_reader::bytes_max / 2, 'x');
    event_stream_reader line;
    EXPECT_TRUE(line.feed("data: "));
    EXPECT_TRUE(line.feed(part));
    EXPECT_FALSE(line.feed(part));
    EXPECT_FALSE(line.feed("\n\n"));
    event_stream_reader event;
    EXPECT_TRUE(event.feed("data: " + part + "\n"));
    EXPECT_FALSE(event.feed("data: " + part + "\n"));
    EXPECT_FALSE(event.next());
    event_stream_reader fits;
    EXPECT_TRUE(fits.feed("data: " + part + "\n\ndata: " + part + "\n\n"));
    EXPECT_EQ(drain(fits).size(), 2U);
}

}  // namespace
}  // namespace sluice::client
