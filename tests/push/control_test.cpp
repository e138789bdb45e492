#include "server/worker/handlers/http/egress.hpp"
#include "server/worker/handlers/http/reply.hpp"
#include "tests/push/abuses.hpp"
#include "tests/push/naive_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

/// The controls of the tests of receivers that do harm: a client without the protection in question
/// meets the same receiver and comes to the harm. A test that could not fail would prove nothing.
///
/// | what the receiver or the job does | test | its control |
/// |---|---|---|
/// | resets, trickles, hangs, lies about lengths, speaks no HTTP, never ends |
/// Push.SurvivesReceiversFromHell | AClientWithoutLimits..., row by row | | sends 1 GiB |
/// Push.KeepsSixtyFourKibibytesOfAnEndlessBody | ABodyHasNoEnd | | redirects to a private address |
/// Push.FollowsNoRedirect | AClientThatFollowsGetsInside | | answers what nobody asked |
/// Push.NeverTrustsBytesNobodyAskedFor | TheNextAnswerIsThereAlready | | closes a connection it
/// kept | Push.RepeatsOnANewConnectionOnly... | in the test: GET and POST | | has a private address
/// | Push.ReachesNoPrivateAddress... | in the test: it is listed | | has a public address and a
/// private one | Push.ReachesNoPrivateAddress... | OneLookAtTheFirstAddressIsNotEnough | | changes
/// its address between look and call | Push.ConnectsToTheAddressThatWasJudged |
/// ASecondLookUpGetsInside | | changes its address between attempts | Push.ChecksTheNameAgain... |
/// in the test: the first attempt | | has no or another's certificate, old TLS | Tls.* | in the
/// tests: the right name | | is the server itself | Egress.ClosesTheServersOwnPort | in the test:
/// before the port is known | | smuggles lines into a header | RequestHead.IsNeverSplit,
/// HttpArgs.RefuseWhatDoesNotFit | ALineEndInAHeaderIsASecondRequest | | is a slow name |
/// NameLookup.* | in the tests: names that are wanted | | cannot be stopped | Push.StopsPromptly |
/// "never answers" of the first row |
namespace sluice::worker::push::test {
namespace {

using namespace std::chrono_literals;

const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// More than ours would ever hold of one answer.
constexpr std::size_t too_much = reply_buffer_bytes_max + reply_body_bytes_max;

class PushControl : public ::testing::Test {
protected:
    boost::asio::io_context context;

    naive_reply call(const receiver& whom, const std::string& request,
                     std::chrono::milliseconds patience = 10s, std::size_t enough = too_much) {
        naive_reply out;
        aside(context, [&] { out = naive_call(whom.port(), request, patience, enough); });
        return out;
    }
};

TEST_F(PushControl, AClientWithoutLimitsComesToHarm) {
    for (const auto& each : abuses()) {
        receiver bad(context.get_executor(), [&](const std::string&) { return each.doing; });
        // Ours gives up after 500 ms. What does not come by itself is not waited for.
        const bool waits = each.control == naive_fault::waits_on;
        const bool endless = !each.doing.repeat.empty();
        const auto enough = waits || endless ? too_much : each.doing.raw.size();
        const auto got = call(bad, get, waits ? 600ms : 10s, std::max<std::size_t>(enough, 1));
        switch (each.control) {
            case naive_fault::ends_too:
                EXPECT_TRUE(got.ended) << each.name;
                break;
            case naive_fault::believes_it:
                EXPECT_GT(got.status, 0U) << each.name;
                break;
            case naive_fault::takes_text:
                EXPECT_EQ(got.text, each.doing.raw) << each.name;
                break;
            case naive_fault::waits_on:
                EXPECT_FALSE(got.ended) << each.name;
                break;
            case naive_fault::reads_on:
                EXPECT_GT(got.text.size(), reply_buffer_bytes_max) << each.name;
                EXPECT_FALSE(got.ended) << each.name;
                break;
            case naive_fault::has_location:
                EXPECT_EQ(got.location, "http://169.254.169.254/") << each.name;
                break;
        }
        bad.stop();
        context.poll();
    }
}

TEST_F(PushControl, ABodyHasNoEnd) {
    receiver endless(context.get_executor(), [&](const std::string&) {
        return script{.raw = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
                      .repeat = std::string(65536, 'x')};
    });
    EXPECT_GT(call(endless, get, 10s, std::size_t{4} << 20).body.size(), reply_body_bytes_max);
    endless.stop();
    context.poll();
}

TEST_F(PushControl, AClientThatFollowsGetsInside) {
    receiver inside(context.get_executor(), [](const std::string&) { return script{}; });
    receiver outside(context.get_executor(), [&](const std::string&) {
        return script{.raw = "HTTP/1.1 302 Found\r\nLocation: " + inside.url() +
                             "\r\nContent-Length: 0\r\n\r\n",
                      .end = script::ending::close};
    });
    const auto where = parse_target_url(call(outside, get).location);
    ASSERT_TRUE(where);
    EXPECT_EQ(where->port, inside.port());
    call(inside, get, 200ms);
    EXPECT_EQ(inside.connections, 1U);
}

TEST_F(PushControl, TheNextAnswerIsThereAlready) {
    const std::string one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    receiver liar(context.get_executor(),
                  [&](const std::string&) { return script{.raw = one + one}; });
    EXPECT_EQ(call(liar, get, 10s, one.size() * 2).text, one + one);
    EXPECT_EQ(liar.requests.size(), 1U);
}

TEST_F(PushControl, OneLookAtTheFirstAddressIsNotEnough) {
    namespace ip = boost::asio::ip;
    const egress_rules rules({});
    const auto url = *parse_target_url("http://both.example/");
    EXPECT_FALSE(rules.refuse(url, ip::make_address("8.8.8.8")));
    EXPECT_TRUE(rules.refuse(url, ip::make_address("127.0.0.1")));
}

TEST_F(PushControl, ASecondLookUpGetsInside) {
    namespace ip = boost::asio::ip;
    receiver inside(context.get_executor(), [](const std::string&) { return script{}; });
    const egress_rules rules({"127.0.0.2"});
    const auto url =
        *parse_target_url("http://rebound.example:" + std::to_string(inside.port()) + '/');
    const std::vector<ip::address> answers{ip::make_address("127.0.0.2"),
                                           ip::make_address("127.0.0.1")};
    std::size_t asked = 0;
    ASSERT_FALSE(rules.refuse(url, answers[asked++]));                                // the look
    if (answers[asked++] == ip::make_address("127.0.0.1")) call(inside, get, 200ms);  // the call
    EXPECT_EQ(inside.connections, 1U);
}

TEST_F(PushControl, ALineEndInAHeaderIsASecondRequest) {
    receiver whom(context.get_executor(), [](const std::string&) { return script{}; });
    const std::string value = "y\r\n\r\nGET /inside HTTP/1.1\r\nHost: x";
    call(whom, "GET / HTTP/1.1\r\nHost: x\r\nX-Y: " + value + "\r\n\r\n", 200ms);
    ASSERT_EQ(whom.requests.size(), 2U);
    EXPECT_TRUE(whom.requests[1].starts_with("GET /inside "));
}

}  // namespace
}  // namespace sluice::worker::push::test
