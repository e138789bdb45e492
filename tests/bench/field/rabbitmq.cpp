// RabbitMQ: a quorum queue with publisher confirms, and a classic queue in memory. Jobs are pushed
// to a worker up to its prefetch count.

#include "tests/bench/field/amqp.hpp"
#include "tests/bench/field/peer.hpp"

#include <signal.h>

#include <fstream>
#include <utility>

namespace sluice::bench {
namespace {

class rabbitmq final : public peer {
public:
    rabbitmq(std::shared_ptr<host> server, bool quorum)
        : server_(std::move(server)), quorum_(quorum) {}
    std::string name() const override {
        return quorum_ ? "RabbitMQ quorum queue, confirms" : "RabbitMQ classic transient, confirms";
    }
    batch_ways ways() const override { return {"publish × 100 pipelined", "prefetch 100"}; }
    promise promises() const override { return quorum_ ? promise::synced : promise::memory; }
    host& server() override { return *server_; }

    void fresh() override {
        auto steps = hello();
        if (!queue_.empty()) steps.push_back({amqp::remove(queue_), method(amqp::queue_delete_ok)});
        queue_ = (quorum_ ? "quorum-" : "classic-") + std::to_string(++queues_);
        steps.push_back({amqp::declare(queue_, quorum_), method(amqp::queue_declare_ok)});
        say(server_->port(), std::move(steps));
    }

    protocol put(std::size_t batch, bool) override {
        auto greeting = hello();
        greeting.push_back({amqp::confirm_select(), method(amqp::confirm_ok)});
        const auto request = [batch, queue = queue_, quorum = quorum_](std::uint64_t number) {
            std::string all;
            for (std::size_t i = 0; i < batch; ++i)
                all += amqp::publish(queue, job_payload(batch == 1 ? number : number * batch + i),
                                     quorum);
            return all;
        };
        const auto answer = [batch, before = std::uint64_t{0}](std::string_view text) mutable {
            const auto size = amqp::confirms(text, before, batch);
            if (size > 0) before += batch;
            return size;
        };
        return {request, answer, greeting};
    }

    taker take(std::size_t batch, bool) override {
        auto greeting = hello();
        greeting.push_back({amqp::qos(static_cast<std::uint16_t>(batch)), method(amqp::qos_ok)});
        greeting.push_back({amqp::consume(queue_), method(amqp::consume_ok)});
        const auto request = [](std::string_view last) {
            return last.empty() ? "" : amqp::acknowledge(amqp::deliveries(last).second, true);
        };
        return {request, [](std::string_view text) { return amqp::deliveries(text).first; },
                greeting};
    }

private:
    static answer_size method(amqp::method which) {
        return [which](std::string_view text) { return amqp::until(text, which); };
    }
    static std::vector<exchange> hello() {
        return {{amqp::protocol_header(), method(amqp::connection_start)},
                {amqp::start_ok(), method(amqp::connection_tune)},
                {amqp::tune_ok_and_open(), method(amqp::connection_open_ok)},
                {amqp::channel_open(), method(amqp::channel_open_ok)}};
    }

    std::shared_ptr<host> server_;
    bool quorum_;
    std::string queue_;
    std::size_t queues_ = 0;
};

/// Erlang's port mapper, which each node needs: one of our own, that ends with us.
std::shared_ptr<process> port_mapper(const std::filesystem::path& where, std::uint16_t port) {
    return std::make_shared<process>(
        std::vector<std::string>{"epmd", "-address", "127.0.0.1", "-port", std::to_string(port)},
        port, where / "epmd.log");
}

std::vector<std::string> server_command(const std::filesystem::path& where, std::uint16_t port,
                                        std::uint16_t mapper) {
    const auto file = [&where](const char* name) { return (where / name).string(); };
    return {"env",
            "HOME=" + where.string(),
            "RABBITMQ_NODENAME=bench@localhost",
            "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
            "RABBITMQ_NODE_PORT=" + std::to_string(port),
            "RABBITMQ_DIST_PORT=" + std::to_string(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE=" + file("mnesia"),
            "RABBITMQ_LOG_BASE=" + file("logs"),
            "RABBITMQ_PID_FILE=" + file("pid"),
            "RABBITMQ_LOGS=-",
            "RABBITMQ_CONFIG_FILE=" + file("rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE=" + file("rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE=" + file("plugins"),
            "ERL_EPMD_ADDRESS=127.0.0.1",
            "ERL_EPMD_PORT=" + std::to_string(mapper),
            "/usr/lib/rabbitmq/bin/rabbitmq-server"};
}

}  // namespace

void add_rabbitmq(peer_list& to, const data_root& root) {
    const auto mapper = std::make_shared<std::shared_ptr<process>>();
    const auto start = [root, mapper](std::uint16_t port) {
        const auto where = own_directory(root, "rabbitmq");
        std::ofstream(where / "rabbitmq.conf") << "log.console.level = warning\n";
        const auto mapper_port = free_port();
        *mapper = port_mapper(where, mapper_port);
        return std::make_unique<process>(server_command(where, port, mapper_port), port,
                                         where / "log");
    };
    const auto server = std::make_shared<host>("RabbitMQ", start, host::slow{SIGTERM});
    for (const bool quorum : {true, false})
        to.push_back(std::make_unique<rabbitmq>(server, quorum));
}

}  // namespace sluice::bench
