#include "tests/bench/field/sluice_peer.hpp"

#include "tests/bench/client.hpp"
#include "tests/bench/field/wire_formats.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sluice::bench {
namespace {

constexpr const char* remote_type = "bench.job";  // no handler of the server takes it

std::string chunk(const std::string& text) {
    std::array<char, 24> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
    return size.data() + text + "\r\n";
}

/// `[{"job_id":...,"lease":...},...]`
std::string acks(const std::vector<sluice_lease>& leases) {
    std::string all = "[";
    for (const auto& each : leases)
        all.append(all.size() > 1 ? "," : "")
            .append(R"({"job_id":")")
            .append(each.id)
            .append(R"(","lease":")")
            .append(each.lease)
            .append(R"("})");
    return all + "]";
}

}  // namespace

sluice_peer::sluice_peer(std::shared_ptr<host> server, promise what, worker_way way)
    : server_(std::move(server)), promise_(what), way_(way) {}

std::string sluice_peer::name() const {
    return std::string("Sluice, ") + (promise_ == promise::synced ? "fsync" : "written") +
           (way_ == worker_way::stream ? ", worker stream" : "");
}

batch_ways sluice_peer::ways() const {
    return {"jobs/batch", way_ == worker_way::stream ? "100 credits" : "workers/batch"};
}

void sluice_peer::fresh() {
    static int queues = 0;
    queue_ = "bench-" + std::to_string(++queues);
}

std::string sluice_peer::job(const std::string& type, std::uint64_t number) const {
    return R"({"type":")" + type + R"(","args":[")" + job_payload(number) +
           R"("],"options":{"queue":")" + queue_ +
           (promise_ == promise::synced ? R"("}})" : R"(","durability":"written"}})");
}

protocol sluice_peer::put_type(const std::string& type, std::size_t batch) const {
    const auto request = [*this, type, batch](std::uint64_t number) {
        if (batch == 1) return http_post("/ojs/v1/jobs", job(type, number));
        std::string body = R"({"jobs":[)";
        for (std::size_t i = 0; i < batch; ++i)
            body.append(i > 0 ? "," : "").append(job(type, number * batch + i));
        return http_post("/ojs/v1/jobs/batch", body + "]}");
    };
    return {request, http_answer};
}

protocol sluice_peer::put(std::size_t batch, bool) {
    return put_type(remote_type, batch);
}

protocol sluice_peer::put_for_server(std::size_t batch) {
    return put_type("sluice.echo", batch);
}

taker sluice_peer::take(std::size_t batch, bool) {
    const auto worker = "w" + std::to_string(++workers_);
    return way_ == worker_way::stream ? take_by_stream(worker, batch)
                                      : take_by_requests(worker, batch);
}

taker sluice_peer::take_by_requests(const std::string& worker, std::size_t batch) const {
    const auto fetch = R"("worker_id":")" + worker + R"(","queues":[")" + queue_ +
                       R"("],"count":)" + std::to_string(batch);
    const auto wait = http_post("/ojs/v1/workers/fetch", "{" + fetch + R"(,"wait_ms":20000})");
    const auto request = [=](std::string_view last) {
        const auto leases = sluice_leases(last);
        if (leases.empty()) return wait;
        if (batch > 1)
            return http_post("/ojs/v1/workers/batch", R"({"worker_id":")" + worker + R"(","ack":)" +
                                                          acks(leases) + R"(,"fetch":{)" + fetch +
                                                          "}}");
        auto one = acks(leases);
        one = one.substr(1, one.size() - 3);  // without the brackets, open for more
        return http_post("/ojs/v1/workers/ack", one + R"(,"fetch":{)" + fetch + "}}");
    };
    return {request, http_answer};
}

taker sluice_peer::take_by_stream(const std::string& worker, std::size_t batch) const {
    const auto first =
        "POST /ojs/v1/workers/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n" +
        chunk(R"({"fetch":{"queues":[")" + queue_ + R"("],"worker_id":")" + worker +
              R"("},"credits":)" + std::to_string(batch) + "}\n");
    const auto request = [first](std::string_view last) {
        if (last.empty()) return first;
        const auto leases = sluice_leases(last);
        return chunk(R"({"ack":)" + acks(leases) + R"(,"credits":)" +
                     std::to_string(leases.size()) + "}\n");
    };
    return {request, sluice_lines_with_job};
}

std::uint64_t sluice_peer::completed() const {
    client asking(server_->port());
    return asking.call("GET", "/ojs/v1/queues/" + queue_ + "/stats")
        .at("stats")
        .at("completed")
        .get<std::uint64_t>();
}

void sluice_peer::wait_until_completed() const {
    using namespace std::chrono_literals;
    client asking(server_->port());
    for (;;) {
        const auto stats = asking.call("GET", "/ojs/v1/queues/" + queue_ + "/stats").at("stats");
        if (stats.at("discarded").get<std::uint64_t>() > 0)
            throw std::runtime_error("jobs were discarded");
        if (stats.at("depth").get<std::uint64_t>() == 0) return;
        std::this_thread::sleep_for(10ms);
    }
}

std::shared_ptr<host> sluice_host(const data_root& root, const std::string& sluiced) {
    const auto start = [root, sluiced](std::uint16_t port) {
        const auto where = own_directory(root, "sluice");
        return std::make_unique<process>(
            std::vector<std::string>{sluiced, "--listen", "127.0.0.1:" + std::to_string(port),
                                     "--data", where / "data"},
            port, where / "log");
    };
    return std::make_shared<host>("Sluice", start);
}

}  // namespace sluice::bench
