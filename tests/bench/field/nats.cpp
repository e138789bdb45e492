// NATS JetStream: a work-queue stream in files, a pull consumer. Its text protocol
// (https://docs.nats.io/reference/reference-protocols/nats-protocol) and the JSON of JetStream's
// API. Version 2.9 of the server syncs every two minutes and has no setting for it.

#include "tests/bench/field/peer.hpp"
#include "tests/bench/field/wire_formats.hpp"

#include <stdexcept>
#include <utility>

namespace sluice::bench {
namespace {

std::string publish(std::string_view subject, std::string_view reply, std::string_view payload) {
    std::string text = "PUB ";
    text.append(subject).append(" ");
    if (!reply.empty()) text.append(reply).append(" ");
    return text.append(std::to_string(payload.size()))
        .append("\r\n")
        .append(payload)
        .append("\r\n");
}

/// `count` answers of JetStream's API, none of them an error.
std::size_t receipts(std::string_view text, std::size_t count) {
    const auto [messages, size] = nats_messages(text);
    for (const auto& each : messages)
        if (each.payload.find(R"("error")") != std::string_view::npos)
            throw std::runtime_error("NATS: " + std::string(each.payload));
    return messages.size() >= count ? size : 0;
}

class nats final : public peer {
public:
    explicit nats(std::shared_ptr<host> server) : server_(std::move(server)) {}
    std::string name() const override { return "NATS JetStream, file"; }
    batch_ways ways() const override { return {"PUB × 100 pipelined", "pull 100"}; }
    promise promises() const override { return promise::written; }
    host& server() override { return *server_; }

    void fresh() override {
        const auto inbox = next_inbox();
        const auto call = [&](const std::string& api, const std::string& body) {
            return exchange{publish("$JS.API." + api, inbox, body),
                            [](std::string_view text) { return receipts(text, 1); }};
        };
        const exchange remove{publish("$JS.API.STREAM.DELETE.JOBS", inbox, ""),
                              [](std::string_view text) { return nats_messages(text).second; }};
        say(server_->port(),
            {hello(inbox), remove,  // refused when there is none
             call("STREAM.CREATE.JOBS",
                  R"({"name":"JOBS","subjects":["jobs"],"retention":"workqueue","storage":"file",)"
                  R"("num_replicas":1})"),
             call("CONSUMER.DURABLE.CREATE.JOBS.all",
                  R"({"stream_name":"JOBS","config":{"durable_name":"all","ack_policy":"explicit",)"
                  R"("max_ack_pending":100000}})")});
    }

    protocol put(std::size_t batch, bool) override {
        const auto inbox = next_inbox();
        const auto request = [batch, inbox](std::uint64_t number) {
            std::string all;
            for (std::size_t i = 0; i < batch; ++i)
                all +=
                    publish("jobs", inbox, job_payload(batch == 1 ? number : number * batch + i));
            return all;
        };
        return {request,
                [batch](std::string_view text) { return receipts(text, batch); },
                {hello(inbox)}};
    }

    taker take(std::size_t batch, bool) override {
        const auto inbox = next_inbox();
        const auto request = [batch, inbox](std::string_view last) {
            if (last.empty())
                return publish("$JS.API.CONSUMER.MSG.NEXT.JOBS.all", inbox,
                               R"({"batch":)" + std::to_string(batch) + "}");
            const auto jobs = nats_messages(last).first;
            std::string all;
            // The last ack asks for as many more.
            for (std::size_t i = 0; i + 1 < jobs.size(); ++i)
                all += publish(jobs[i].reply, "", "+ACK");
            return all + publish(jobs.back().reply, inbox,
                                 R"(+NXT {"batch":)" + std::to_string(jobs.size()) + "}");
        };
        return {request,
                [](std::string_view text) { return nats_messages(text).second; },
                {hello(inbox)}};
    }

private:
    std::string next_inbox() { return "in." + std::to_string(++inboxes_); }
    static exchange hello(const std::string& inbox) {
        return {"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB " + inbox + " 1\r\nPING\r\n",
                [](std::string_view text) -> std::size_t {
                    constexpr std::string_view pong = "PONG\r\n";
                    if (text.find("-ERR") != std::string_view::npos)
                        throw std::runtime_error("NATS: " + std::string(text));
                    const auto at = text.find(pong);
                    return at == std::string_view::npos ? 0 : at + pong.size();
                }};
    }

    std::shared_ptr<host> server_;
    std::size_t inboxes_ = 0;
};

}  // namespace

void add_nats(peer_list& to, const data_root& root) {
    const auto start = [root](std::uint16_t port) {
        const auto where = own_directory(root, "nats");
        return std::make_unique<process>(
            std::vector<std::string>{"nats-server", "-a", "127.0.0.1", "-p", std::to_string(port),
                                     "-js", "-sd", where / "data"},
            port, where / "log");
    };
    to.push_back(std::make_unique<nats>(std::make_shared<host>("NATS", start)));
}

}  // namespace sluice::bench
