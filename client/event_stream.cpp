#include "client/event_stream.hpp"

#include <utility>

namespace sluice::client {
namespace {

/// Three times what the server leaves between two comments.
constexpr auto silence_max = std::chrono::seconds{45};

std::string joined(const std::vector<std::string>& values) {
    std::string text;
    for (const auto& value : values) text += (text.empty() ? "" : ",") + encode_component(value);
    return text;
}

std::string target_of(const stream_filter& filter) {
    std::string target = "/ojs/v1/events/stream";
    if (!filter.types.empty()) target += "?types=" + joined(filter.types);
    if (!filter.queues.empty())
        target += (filter.types.empty() ? "?queues=" : "&queues=") + joined(filter.queues);
    return target;
}

failure lost(std::string message) {
    failure f;
    f.kind = failure_kind::lost;
    f.message = std::move(message);
    return f;
}

}  // namespace

event_stream::event_stream(asio::any_io_executor executor, settings with, stream_filter filter)
    : connection_(std::move(executor), std::move(with)), target_(target_of(filter)) {}

asio::awaitable<std::optional<failure>> event_stream::open() {
    call request;
    request.target = target_;
    request.fields.emplace_back("Accept", "text/event-stream");
    if (!reader_.last_id().empty()) {
        request.fields.emplace_back("Last-Event-ID", reader_.last_id());
    }
    reader_.restart();
    auto answer = co_await connection_.begin_stream(std::move(request));
    if (answer.has_error()) co_return answer.error();
    if (answer->status == 200) co_return std::nullopt;
    failure f = read_error(answer->status, answer->body);
    if (f.request_id.empty()) f.request_id = answer->request_id;
    co_return f;
}

asio::awaitable<outcome<std::vector<stream_news>>> event_stream::next() {
    const std::string where = connection_.configured().url.text();
    auto bytes = co_await connection_.read_more(silence_max);
    if (bytes.has_error() && bytes.error().kind == failure_kind::timed_out)
        co_return lost(where + " has fallen silent");
    if (bytes.has_error()) co_return bytes.error();
    if (bytes->empty()) co_return lost(where + " has ended the stream of events");
    std::vector<stream_news> news;
    if (!reader_.feed(*bytes)) co_return lost("an event from " + where + " is too long");
    while (auto message = reader_.next()) {
        stream_news each;
        each.gap = message->type == "gap";
        if (!each.gap) {
            auto event = read_event(message->data);
            if (!event) continue;
            each.event = std::move(*event);
        }
        news.push_back(std::move(each));
    }
    co_return news;
}

}  // namespace sluice::client
