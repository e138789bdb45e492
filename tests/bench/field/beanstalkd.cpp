// beanstalkd: with a log that is synced after each write (-f0), and without a log.

#include "tests/bench/field/peer.hpp"
#include "tests/bench/field/wire_formats.hpp"

#include <utility>

namespace sluice::bench {
namespace {

class beanstalkd final : public peer {
public:
    beanstalkd(std::shared_ptr<host> server, std::string mode, promise what)
        : server_(std::move(server)), mode_(std::move(mode)), promise_(what) {}
    std::string name() const override { return "beanstalkd, " + mode_; }
    batch_ways ways() const override { return {"put × 100 pipelined", "reserve × 100"}; }
    promise promises() const override { return promise_; }
    host& server() override { return *server_; }
    /// It cannot be emptied, and what stays in its log is copied again and again.
    void fresh() override {
        server_->renew();
        server_->resume();
    }

    protocol put(std::size_t batch, bool) override {
        const auto request = [batch](std::uint64_t number) {
            std::string all;
            for (std::size_t i = 0; i < batch; ++i)
                all.append("put 0 0 60 100\r\n")
                    .append(job_payload(batch == 1 ? number : number * batch + i))
                    .append("\r\n");
            return all;
        };
        const auto answer = [batch](std::string_view text) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < batch; ++i) {
                const auto one = line_answer(text.substr(size), "INSERTED");
                if (one == 0) return std::size_t{0};
                size += one;
            }
            return size;
        };
        return {request, answer};
    }

    taker take(std::size_t batch, bool) override {
        const auto expected = std::make_shared<std::size_t>();
        const auto request = [batch, expected](std::string_view last) {
            std::string all;
            *expected = batch;
            for (const auto& id : beanstalkd_ids(last)) {
                all.append("delete ").append(id).append("\r\n");
                ++*expected;
            }
            all += "reserve\r\n";
            for (std::size_t i = 1; i < batch; ++i) all += "reserve-with-timeout 0\r\n";
            return all;
        };
        const auto answer = [expected](std::string_view text) {
            return beanstalkd_replies(text, *expected);
        };
        return {request, answer};
    }

private:
    std::shared_ptr<host> server_;
    std::string mode_;
    promise promise_;
};

}  // namespace

void add_beanstalkd(peer_list& to, const data_root& root) {
    for (const bool synced : {true, false}) {
        const auto start = [root, synced](std::uint16_t port) {
            const auto where = own_directory(root, synced ? "beanstalkd" : "beanstalkd-memory");
            std::vector<std::string> argv{"beanstalkd", "-l", "127.0.0.1", "-p",
                                          std::to_string(port)};
            if (synced) argv.insert(argv.end(), {"-b", where, "-f0"});
            return std::make_unique<process>(argv, port, where / "log");
        };
        const std::string mode = synced ? "-f0" : "memory";
        to.push_back(
            std::make_unique<beanstalkd>(std::make_shared<host>("beanstalkd, " + mode, start), mode,
                                         synced ? promise::synced : promise::memory));
    }
}

}  // namespace sluice::bench
