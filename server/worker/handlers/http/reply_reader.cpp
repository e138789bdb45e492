#include "server/worker/handlers/http/reply_reader.hpp"

#include "server/worker/handlers/http/target_url.hpp"

#include <utility>

namespace sluice::worker::push {

namespace http = boost::beast::http;

std::string_view to_string(fault_kind kind) {
    switch (kind) {
        case fault_kind::name_not_resolved:
            return "name_not_resolved";
        case fault_kind::egress_denied:
            return "egress_denied";
        case fault_kind::connect_failed:
            return "connect_failed";
        case fault_kind::tls_failed:
            return "tls_failed";
        case fault_kind::timed_out:
            return "timed_out";
        case fault_kind::connection_lost:
            return "connection_lost";
        case fault_kind::bad_response:
            return "bad_response";
        case fault_kind::stopped:
            return "stopped";
    }
    return "unknown";
}

reply_reader::reply_reader(bool head) : head_(head) {
    begin();
}

void reply_reader::begin() {
    parser_.emplace();
    parser_->header_limit(reply_head_bytes_max);
    parser_->body_limit(boost::none);  // bounded_body has its own
    parser_->skip(head_);
    parser_->eager(true);
}

reply_reader::step reply_reader::read(boost::beast::flat_buffer& buffer) {
    while (buffer.size() > 0) {
        boost::system::error_code ec;
        began_ = true;
        const auto used = parser_->put(buffer.data(), ec);
        buffer.consume(used);
        if (ec == http::error::need_more) return step::need_more;
        if (ec && !parser_->get().body().cut) return fail(ec);
        if (ec || parser_->is_done()) {
            const step how = next();
            if (how != step::need_more) return how;
        } else if (used == 0) {
            return step::need_more;
        }
    }
    return step::need_more;
}

reply_reader::step reply_reader::end() {
    if (!parser_->got_some()) return fail(http::error::end_of_stream);
    boost::system::error_code ec;
    parser_->put_eof(ec);
    if (ec) return fail(ec);
    const step how = next();
    return how == step::need_more ? fail(http::error::end_of_stream) : how;
}

reply_reader::step reply_reader::lost() {
    return fail(http::error::end_of_stream);
}

reply_reader::step reply_reader::next() {
    auto& message = parser_->get();
    const unsigned status = message.result_int();
    if (status < 200 && status != 101 && interim_++ < interim_replies_max) {
        begin();
        return step::need_more;
    }
    if (status < 200)
        return fail(fault_kind::bad_response, "too many interim answers, or an upgrade");
    reply_.status = status;
    reply_.cut = message.body().cut;
    reply_.body = std::move(message.body().text);
    reply_.retry_after = std::string(message[http::field::retry_after]);
    reply_.job_lease = std::string(message["Job-Lease"]);
    reply_.location = std::string(message[http::field::location].substr(0, url_bytes_max));
    reply_.keep_alive = !reply_.cut && parser_->keep_alive();
    return step::done;
}

reply_reader::step reply_reader::fail(fault_kind kind, std::string message) {
    fault_ = {.kind = kind, .message = std::move(message)};
    return step::failed;
}

/// What the parser found wrong, or that the connection ended before the answer did.
reply_reader::step reply_reader::fail(const boost::system::error_code& ec) {
    if (ec != http::error::end_of_stream && ec != http::error::partial_message)
        return fail(fault_kind::bad_response, ec.message());
    return fail(fault_kind::connection_lost, began_ ? "the connection ended before the answer did"
                                                    : "the connection ended before an answer came");
}

}  // namespace sluice::worker::push
