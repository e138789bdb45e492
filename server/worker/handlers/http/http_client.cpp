#include "server/worker/handlers/http/http_client.hpp"

#include "server/worker/handlers/http/trust.hpp"

#include <algorithm>
#include <utility>

namespace sluice::worker::push {

namespace asio = boost::asio;

namespace {

using clock = std::chrono::steady_clock;

fault make_fault(fault_kind kind, std::string message) {
    return {.kind = kind, .message = std::move(message)};
}

peer peer_of(const target_url& url, const asio::ip::address& address) {
    return {.secure = url.secure, .host = url.host, .port = url.port, .address = address};
}

std::string in_ms(std::chrono::milliseconds time) {
    return std::to_string(time.count()) + " ms";
}

/// The reason why the exchange was cut short takes the place of the error that caused.
fault explain(fault as_seen, const cutoff& limit, const std::string& what_was_late) {
    if (limit.why() == cutoff::cause::stopped)
        return make_fault(fault_kind::stopped, "the job was asked to stop");
    if (limit.why() == cutoff::cause::timed_out)
        return make_fault(fault_kind::timed_out, what_was_late);
    return as_seen;
}

}  // namespace

http_client::http_client(asio::any_io_executor executor, name_lookup& names,
                         const egress_rules& rules, const options& with)
    : executor_(executor),
      names_(names),
      rules_(rules),
      tls_(make_client_tls(with.ca_file)),
      rounds_(executor),
      idle_(executor, with.idle_most, with.idle_time) {}

/// One closed address closes the name: the next look-up may put it first.
std::optional<fault> http_client::check(const target_url& url, const addresses& where) const {
    for (const auto& address : where.found)
        if (auto why = rules_.refuse(url, address))
            return make_fault(fault_kind::egress_denied, std::move(*why));
    return std::nullopt;
}

http_client::kept http_client::take_idle(const target_url& url, const addresses& where) {
    for (const auto& address : where.found) {
        auto whom = peer_of(url, address);
        if (auto via = idle_.take(whom)) return {.via = std::move(via), .whom = std::move(whom)};
    }
    return {};
}

asio::awaitable<exchanged> http_client::exchange(outgoing request, std::stop_token stop) {
    const auto begin = clock::now();
    const auto total = begin + request.timeout;
    auto connect_by = std::min(total, begin + request.connect_timeout);
    addresses where;
    if (request.url.literal) {
        where.found.push_back(*request.url.literal);
    } else {
        auto finding = names_.find(request.url.host, connect_by, stop);
        where = co_await std::move(finding);
    }
    // What others are about to send leaves together with this, so that a receiver that is near is
    // woken once for all of it: 1.2 times the calls (bench_push).
    auto together = rounds_.wait();
    co_await std::move(together);
    if (stop.stop_requested())
        co_return make_fault(fault_kind::stopped, "the job was asked to stop");
    if (where.found.empty())
        co_return make_fault(
            where.timed_out ? fault_kind::timed_out : fault_kind::name_not_resolved,
            request.url.host + ": " + where.fault);
    if (auto denied = check(request.url, where)) co_return std::move(*denied);

    cutoff limit(executor_, stop);
    kept on = take_idle(request.url, where);
    if (on.via) {
        limit.watch(on.via, total);
        auto trying = attempt(request, on, limit);
        attempted first = co_await std::move(trying);
        if (!first.may_repeat) co_return std::move(first.end);
        connect_by = std::min(total, clock::now() + request.connect_timeout);
    }
    auto connecting = connect(request, where, connect_by, limit);
    auto connected = co_await std::move(connecting);
    if (auto* failed = std::get_if<fault>(&connected)) co_return std::move(*failed);
    on = std::move(std::get<kept>(connected));
    limit.watch(on.via, total);
    auto trying = attempt(request, on, limit);
    attempted last = co_await std::move(trying);
    co_return std::move(last.end);
}

/// Each address gets an equal part of the time that is left, so that one that swallows packets
/// does not use up what the next one needs.
asio::awaitable<std::variant<http_client::kept, fault>> http_client::connect(
    const outgoing& request, const addresses& where, time_point deadline, cutoff& limit) {
    fault last;
    const auto count = static_cast<int>(std::min<std::size_t>(where.found.size(), 8));
    for (int i = 0; i < count; ++i) {
        const auto address = where.found[static_cast<std::size_t>(i)];
        const auto now = clock::now();
        auto via = std::make_shared<connection>(executor_, tls_);
        cutoff share(executor_, {});
        share.watch(via, now + (deadline - now) / (count - i));
        limit.watch(via, deadline);
        auto opening = via->open(request.url, address);
        auto wrong = co_await std::move(opening);
        if (!wrong && limit.why() == cutoff::cause::none && share.why() == cutoff::cause::none)
            co_return kept{.via = std::move(via), .whom = peer_of(request.url, address)};
        via->close();
        const auto late = "no connection to " + request.url.host_field + " within " +
                          in_ms(std::min(request.connect_timeout, request.timeout));
        last = explain(wrong.value_or(fault{}), share, late);
        last = explain(std::move(last), limit, late);
        if (limit.why() != cutoff::cause::none) break;
    }
    co_return last;
}

asio::awaitable<http_client::attempted> http_client::attempt(const outgoing& request, kept& on,
                                                             cutoff& limit) {
    attempted out;
    const auto late = [&] {
        return "no whole answer from " + request.url.host_field + " within " +
               in_ms(request.timeout);
    };
    auto sent = on.via->send_at_once(request.bytes);
    if (!sent.failed && sent.sent < request.bytes.size()) {
        auto sending = on.via->send_rest(request.bytes, sent);
        sent = co_await std::move(sending);
    }
    // By the time all have been sent the first answers are there: another 1.2 times.
    auto all_sent = rounds_.wait();
    co_await std::move(all_sent);
    // A receiver may answer, and close, before it has read all: look for the answer all the same.
    auto receiving = on.via->receive(request.head);
    auto got = co_await std::move(receiving);
    if (auto* answer = std::get_if<reply>(&got.end);
        answer != nullptr && limit.why() == cutoff::cause::none) {
        if (answer->keep_alive && !sent.failed) {
            idle_.put(std::move(on.whom), std::move(on.via));
        } else {
            on.via->close();
        }
        out.end = std::move(*answer);
        co_return out;
    }
    on.via->close();
    auto* failed = std::get_if<fault>(&got.end);
    fault seen = failed != nullptr ? std::move(*failed) : fault{};
    out.may_repeat = limit.why() == cutoff::cause::none && !got.began &&
                     seen.kind == fault_kind::connection_lost &&
                     (request.idempotent || (sent.failed && sent.sent == 0));
    out.end = explain(std::move(seen), limit, late());
    co_return out;
}

}  // namespace sluice::worker::push
