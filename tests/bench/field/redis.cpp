// Redis: a list with a list of its own for each worker, as its documentation of LMOVE has it, and a
// stream with a consumer group. Durable as appendfsync says.

#include "tests/bench/field/peer.hpp"
#include "tests/bench/field/wire_formats.hpp"

#include <stdexcept>
#include <utility>

namespace sluice::bench {
namespace {

std::string command(const std::vector<std::string>& words) {
    auto text = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& word : words)
        text.append("$")
            .append(std::to_string(word.size()))
            .append("\r\n")
            .append(word)
            .append("\r\n");
    return text;
}

answer_size replies(std::size_t count) {
    return [count](std::string_view text) { return redis_replies(text, count); };
}

std::vector<std::string> payloads(std::uint64_t number, std::size_t batch) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < batch; ++i)
        all.push_back(job_payload(batch == 1 ? number : number * batch + i));
    return all;
}

class redis_peer : public peer {
public:
    redis_peer(std::shared_ptr<host> server, std::string mode, promise what)
        : server_(std::move(server)), mode_(std::move(mode)), promise_(what) {}
    promise promises() const override { return promise_; }
    host& server() override { return *server_; }

protected:
    std::string next_worker() { return "w" + std::to_string(++workers_); }

    std::shared_ptr<host> server_;
    std::string mode_;

private:
    promise promise_;
    std::size_t workers_ = 0;
};

class redis_list final : public redis_peer {
public:
    using redis_peer::redis_peer;
    std::string name() const override { return "Redis list, " + mode_; }
    batch_ways ways() const override { return {"variadic LPUSH", "LMOVE × 100"}; }
    void fresh() override { say(server_->port(), {{command({"FLUSHALL"}), replies(1)}}); }
    protocol put(std::size_t batch, bool) override {
        return {[batch](std::uint64_t number) {
                    std::vector<std::string> words{"LPUSH", "jobs"};
                    for (auto& each : payloads(number, batch)) words.push_back(std::move(each));
                    return command(words);
                },
                replies(1)};
    }
    taker take(std::size_t batch, bool) override {
        const auto own = next_worker();
        auto fetch = command({"BLMOVE", "jobs", own, "RIGHT", "LEFT", "0"});
        for (std::size_t i = 1; i < batch; ++i)
            fetch += command({"LMOVE", "jobs", own, "RIGHT", "LEFT"});
        const auto ack = command({"DEL", own});
        const auto first = command({"PING"});  // in place of an ack: as many replies each time
        return {[=](std::string_view last) { return (last.empty() ? first : ack) + fetch; },
                replies(1 + batch)};
    }
};

class redis_stream final : public redis_peer {
public:
    using redis_peer::redis_peer;
    std::string name() const override { return "Redis stream, " + mode_; }
    batch_ways ways() const override { return {"XADD × 100 pipelined", "COUNT 100"}; }
    void fresh() override {
        say(server_->port(),
            {{command({"FLUSHALL"}), replies(1)},
             {command({"XGROUP", "CREATE", "jobs", "all", "$", "MKSTREAM"}), replies(1)}});
    }
    protocol put(std::size_t batch, bool) override {
        return {[batch](std::uint64_t number) {
                    std::string all;
                    for (const auto& each : payloads(number, batch))
                        all += command({"XADD", "jobs", "*", "d", each});
                    return all;
                },
                replies(batch)};
    }
    taker take(std::size_t batch, bool) override {
        const auto fetch = command({"XREADGROUP", "GROUP", "all", next_worker(), "COUNT",
                                    std::to_string(batch), "BLOCK", "0", "STREAMS", "jobs", ">"});
        const auto first = command({"PING"});
        return {[=](std::string_view last) {
                    if (last.empty()) return first + fetch;
                    std::vector<std::string> words{"XACK", "jobs", "all"};
                    for (auto& id : redis_entry_ids(last)) words.push_back(std::move(id));
                    return command(words) + fetch;
                },
                replies(2)};
    }
};

std::shared_ptr<host> redis_host(const data_root& root, const std::string& fsync) {
    const auto start = [root, fsync](std::uint16_t port) {
        const auto where = own_directory(root, "redis-" + fsync);
        std::vector<std::string> argv{"redis-server",
                                      "--bind",
                                      "127.0.0.1",
                                      "--port",
                                      std::to_string(port),
                                      "--dir",
                                      where,
                                      "--save",
                                      "",
                                      "--auto-aof-rewrite-percentage",
                                      "0",
                                      "--appendonly",
                                      fsync == "memory" ? "no" : "yes"};
        if (fsync != "memory") argv.insert(argv.end(), {"--appendfsync", fsync});
        return std::make_unique<process>(argv, port, where / "log");
    };
    return std::make_shared<host>("Redis, " + fsync, start);
}

}  // namespace

void add_redis(peer_list& to, const data_root& root) {
    const std::pair<const char*, promise> modes[] = {
        {"always", promise::synced}, {"everysec", promise::written}, {"memory", promise::memory}};
    for (const auto& [fsync, what] : modes) {
        const auto server = redis_host(root, fsync);
        const auto mode = what == promise::memory ? "memory" : "appendfsync " + std::string(fsync);
        to.push_back(std::make_unique<redis_list>(server, mode, what));
        to.push_back(std::make_unique<redis_stream>(server, mode, what));
    }
}

}  // namespace sluice::bench
