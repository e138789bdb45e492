#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/worker/handlers/http/push_outcome.hpp"
#include "server/worker/handlers/http/reply_reader.hpp"
#include "server/worker/handlers/http/target_url.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

/// Whatever a receiver answers, cut wherever the network likes: reading must not crash, must keep
/// to its bounds, and must not depend on where the bytes were cut; and what becomes of the job must
/// be something that can be stored.
namespace {

using namespace sluice;
using namespace sluice::worker;
using namespace sluice::worker::push;
using step = reply_reader::step;

void demand(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

/// A connection without a socket; the end of the bytes is its end.
exchanged read_in_pieces(std::string_view cuts, std::string_view bytes, bool head) {
    reply_reader reader(head);
    boost::beast::flat_buffer buffer{reply_buffer_bytes_max};
    step how = step::need_more;
    for (std::size_t i = 0; how == step::need_more && !bytes.empty(); ++i) {
        std::size_t size = bytes.size();
        if (!cuts.empty()) size = 1 + static_cast<unsigned char>(cuts[i % cuts.size()]);
        size = std::min({size, bytes.size(), buffer.max_size() - buffer.size()});
        if (size == 0) return fault{.kind = fault_kind::bad_response, .message = "too long"};
        boost::asio::buffer_copy(buffer.prepare(size), boost::asio::buffer(bytes.data(), size));
        buffer.commit(size);
        bytes.remove_prefix(size);
        how = reader.read(buffer);
    }
    if (how == step::need_more) how = reader.end();
    demand(how != step::need_more, "an end that is none");
    if (how == step::failed) return reader.take_fault();
    auto answer = reader.take_reply();
    // As a connection has it: bytes beyond the answer were never asked for.
    answer.keep_alive = answer.keep_alive && buffer.size() == 0 && bytes.empty();
    return answer;
}

void check_bounds(const exchanged& end) {
    const auto* answer = std::get_if<reply>(&end);
    if (answer == nullptr) {
        const auto kind = std::get<fault>(end).kind;
        demand(kind == fault_kind::bad_response || kind == fault_kind::connection_lost,
               "a fault that reading cannot have");
        return;
    }
    demand(answer->status >= 200 && answer->status < 1000, "a status that is none");
    demand(answer->body.size() <= reply_body_bytes_max, "a body above its limit");
    demand(answer->location.size() <= url_bytes_max, "a location above its limit");
    demand(answer->cut <= (answer->body.size() == reply_body_bytes_max), "a body cut too early");
}

void check_same(const exchanged& a, const exchanged& b) {
    demand(a.index() == b.index(), "cutting changes whether there is an answer");
    const auto* one = std::get_if<reply>(&a);
    const auto* other = std::get_if<reply>(&b);
    // Which fault it is may depend on the cuts: the parser looks at a head when all of it is there.
    if (one == nullptr) return;
    demand(one->status == other->status && one->body == other->body && one->cut == other->cut &&
               one->retry_after == other->retry_after && one->job_lease == other->job_lease &&
               one->location == other->location && one->keep_alive == other->keep_alive,
           "cutting changes an answer");
}

void demand_json(std::string_view text) {
    demand(text.empty() || !check_json(text, limits::json_depth_max + 1), "a result is not JSON");
}

void check_outcome(const exchanged& end) {
    for (const auto form : {result_form::exchange, result_form::body}) {
        exchange_facts facts;
        facts.lease = "1.2.3";
        facts.form = form;
        const auto how = outcome_of(end, facts);
        if (const auto* done = std::get_if<completed>(&how)) demand_json(done->result);
        if (const auto* dead = std::get_if<dead_lettered>(&how)) demand_json(dead->failure.details);
        const auto* bad = std::get_if<failed>(&how);
        if (bad == nullptr) continue;
        demand_json(bad->failure.details);
        const auto wait = bad->retry_after.value_or(std::chrono::milliseconds{0});
        demand(wait.count() >= 0 && wait <= std::chrono::hours{1}, "a wait beyond its limit");
    }
}

}  // namespace

/// The first byte says whether it was a HEAD request, the next four where the rest is cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.size() < 6) return 0;
    const bool head = input[0] == 'H';
    const auto bytes = input.substr(5);
    const auto whole = read_in_pieces({}, bytes, head);
    check_bounds(whole);
    check_outcome(whole);
    check_same(read_in_pieces(input.substr(1, 4), bytes, head), whole);
    return 0;
}
