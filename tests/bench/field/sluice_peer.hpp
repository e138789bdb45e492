#pragma once

#include "tests/bench/field/peer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::bench {

/// Sluice, with its defaults. Jobs are synced, or only written.
class sluice_peer final : public peer {
public:
    /// How its workers speak: a request each time, or lines on a connection that stays.
    enum class worker_way { requests, stream };

    sluice_peer(std::shared_ptr<host> server, promise what, worker_way way);
    std::string name() const override;
    batch_ways ways() const override;
    promise promises() const override { return promise_; }
    host& server() override { return *server_; }
    void fresh() override;
    protocol put(std::size_t batch, bool prompt) override;
    taker take(std::size_t batch, bool prompt) override;

    /// As put, of jobs that the server's own workers run.
    protocol put_for_server(std::size_t batch);
    /// How many jobs of the queue have been completed.
    std::uint64_t completed() const;
    /// Returns once the server's own workers have completed all jobs of the queue.
    void wait_until_completed() const;
    /// One job as `put` sends it.
    std::string job(const std::string& type, std::uint64_t number) const;
    const std::string& queue() const { return queue_; }

private:
    protocol put_type(const std::string& type, std::size_t batch) const;
    taker take_by_requests(const std::string& worker, std::size_t batch) const;
    taker take_by_stream(const std::string& worker, std::size_t batch) const;

    std::shared_ptr<host> server_;
    promise promise_;
    worker_way way_;
    std::string queue_;
    std::size_t workers_ = 0;
};

std::shared_ptr<host> sluice_host(const data_root& root, const std::string& sluiced);

}  // namespace sluice::bench
