// The table of works: who does what, with how many connections.

#include "tests/bench/field/sluice_peer.hpp"
#include "tests/bench/field/work.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::bench {
namespace {

constexpr std::size_t batch_jobs = 100;
constexpr std::size_t batch_connections = 4;
using steady = std::chrono::steady_clock;

double seconds(steady::duration length) {
    return std::chrono::duration<double>(length).count();
}

contestant of(peer& who, std::string way, std::function<sample(const effort&)> measure) {
    return {who.name(),    std::move(way),          who.promises(),
            &who.server(), [&who] { who.fresh(); }, std::move(measure)};
}

sample of_rate(const counted& jobs) {
    sample found;
    found.value = jobs.rate();
    found.jobs = jobs.done;
    return found;
}

contestant push(peer& who, std::size_t connections, std::size_t batch) {
    return of(who, batch > 1 ? who.ways().put : "", [&who, connections, batch](const effort& with) {
        auto jobs = closed_loop(
            who.server().port(), [&who, batch] { return who.put(batch, false); }, connections,
            with.when, with.duration);
        jobs.done *= static_cast<double>(batch);
        return of_rate(jobs);
    });
}

flow_plan plan_of(peer& who, std::size_t producers, std::size_t workers, std::size_t batch,
                  bool prompt) {
    return {who.server().port(),
            [&who, batch, prompt] { return who.put(batch, prompt); },
            [&who, batch, prompt] { return who.take(batch, prompt); },
            producers,
            workers,
            batch};
}

contestant end_to_end(peer& who, std::size_t producers, std::size_t workers, std::size_t batch) {
    return of(who, batch > 1 ? who.ways().take : "",
              [&who, producers, workers, batch](const effort& with) {
                  return of_rate(flow(plan_of(who, producers, workers, batch, false), with.when,
                                      with.duration));
              });
}

/// From the producer to the end of the job in the server's own workers.
contestant in_server(sluice_peer& who, std::size_t producers, std::size_t batch) {
    return of(who, "workers in the server", [&who, producers, batch](const effort& with) {
        std::uint64_t before = 0, after = 0;
        auto noting = with.when;
        noting.begins = [&] {
            if (with.when.lead_in.count() > 0) before = who.completed();  // the queue is there
            with.when.begins();
        };
        noting.ends = [&] {
            with.when.ends();
            after = who.completed();
        };
        auto jobs = closed_loop(
            who.server().port(), [&who, batch] { return who.put_for_server(batch); }, producers,
            noting, with.duration);
        who.wait_until_completed();
        jobs.done = static_cast<double>(after - before);
        return of_rate(jobs);
    });
}

contestant lines(sluice_peer& who) {
    return of(who, "lines, 1 connection", [&who](const effort& with) {
        const auto end = steady::now() + with.when.lead_in + with.duration;
        return of_rate(stream_lines(
            who.server().port(), [&who](std::uint64_t n) { return who.job("bench.job", n); },
            [end](std::uint64_t) { return steady::now() < end; }, with.when, with.duration));
    });
}

sample of_delays(const delays& found) {
    sample all;
    all.value = quantile(found.of_jobs, 0.5);
    all.p99 = quantile(found.of_jobs, 0.99);
    if (!found.of_load.empty()) all.load_p99 = quantile(found.of_load, 0.99);
    all.jobs = static_cast<double>(found.of_jobs.size());
    return all;
}

contestant delay(peer& who, std::string way, double rate, std::size_t connections) {
    return of(who, std::move(way), [&who, rate, connections](const effort& with) {
        const double times = rate > 500 ? rate / 1000 : 1;  // half the time is enough of many jobs
        const auto jobs = static_cast<std::size_t>(static_cast<double>(with.jobs) * times);
        // Where many wait, each notice wakes all of them for one job.
        const bool prompt = connections == 1;
        return of_delays(measure_delays(plan_of(who, connections, connections, 1, prompt),
                                        with.when, rate, jobs));
    });
}

contestant delay_in_server(sluice_peer& who) {
    return of(who, "worker in the server", [&who](const effort& with) {
        const auto found =
            sluice_latency(who.server().port(), 500, with.jobs,
                           who.promises() == promise::synced ? "fsync" : "written", with.when);
        return of_delays({found, {}});
    });
}

/// Bytes of resident memory for each job that waits, beyond those of the empty server.
contestant weigh(peer& who) {
    return of(who, "", [&who](const effort& with) {
        const auto before = who.server().running().resident_kib();
        sample found;
        while (found.jobs < static_cast<double>(with.waiting)) {
            const auto begun = steady::now();
            const auto rate = closed_loop(
                who.server().port(), [&who] { return who.put(batch_jobs, false); },
                batch_connections, std::chrono::milliseconds{200});
            found.jobs += rate * batch_jobs * seconds(steady::now() - begun);
        }
        const auto more = who.server().running().resident_kib() - before;
        found.value = static_cast<double>(more) * 1024 / found.jobs;
        return found;
    });
}

}  // namespace

struct field::everyone {
    std::shared_ptr<host> sluice;
    std::unique_ptr<sluice_peer> synced, written, synced_stream, written_stream;
    std::unique_ptr<host> echo;
    peer_list others;
    peer_list alone;  // servers of the backlog that is weighed, which have done nothing else

    explicit everyone(const settings& with)
        : sluice(sluice_host(with.directory, with.sluiced)), echo(echo_host(with.directory)) {
        using way = sluice_peer::worker_way;
        const auto ours = [this](promise what, way how) {
            return std::make_unique<sluice_peer>(sluice, what, how);
        };
        synced = ours(promise::synced, way::requests);
        written = ours(promise::written, way::requests);
        synced_stream = ours(promise::synced, way::stream);
        written_stream = ours(promise::written, way::stream);
        add_redis(others, with.directory);
        add_beanstalkd(others, with.directory);
        add_postgres(others, with.directory);
        add_rabbitmq(others, with.directory);
        add_nats(others, with.directory);
        const auto apart = with.directory / "waiting";
        alone.push_back(std::make_unique<sluice_peer>(sluice_host(apart, with.sluiced),
                                                      promise::written, way::requests));
        add_redis(alone, apart);
        add_beanstalkd(alone, apart);
        std::erase_if(alone, [](const auto& each) {
            return each->promises() != promise::memory && !each->name().starts_with("Sluice");
        });
    }

    /// Adds to the row all others that promise the same as it is about.
    template <class Make>
    void add_others(work& to, bool durable, const Make& make) {
        for (const auto& each : others)
            if ((each->promises() == promise::synced) == durable)
                to.contestants.push_back(make(*each));
    }

    host& of_name(std::string_view name) {
        const auto found =
            std::ranges::find_if(others, [name](const auto& each) { return each->name() == name; });
        return (*found)->server();
    }

    void throughput(std::vector<work>& to, bool durable) {
        auto& ours = durable ? *synced : *written;
        auto& streaming = durable ? *synced_stream : *written_stream;
        const auto row = [&](std::string id, std::string title, std::vector<contestant> first,
                             const auto& make) {
            to.push_back({std::move(id) + (durable ? "" : "w"), std::move(title), "jobs/s",
                          std::move(first)});
            add_others(to.back(), durable, make);
        };
        row("P1", "one job a request, 64 connections", {push(ours, 64, 1)},
            [](peer& who) { return push(who, 64, 1); });
        row("P2", "one job a request, 1 connection", {push(ours, 1, 1)},
            [](peer& who) { return push(who, 1, 1); });
        row("P3", "100 jobs a request, 4 connections",
            {push(ours, batch_connections, batch_jobs), lines(ours)},
            [](peer& who) { return push(who, batch_connections, batch_jobs); });
        if (durable)
            row("P5", "from 64 producers to 32 workers, one job a request",
                {in_server(ours, 64, 1), end_to_end(ours, 64, 32, 1)},
                [](peer& who) { return end_to_end(who, 64, 32, 1); });
        row("P7", "from 32 producers to 32 workers, ack with the next fetch",
            {end_to_end(ours, 32, 32, 1), end_to_end(streaming, 32, 32, 1)},
            [](peer& who) { return end_to_end(who, 32, 32, 1); });
        to.back().contestants[1].way = "1 credit";
        row("P8", "from 4 producers to 4 workers, 100 jobs a request",
            {in_server(ours, batch_connections, batch_jobs), end_to_end(ours, 4, 4, batch_jobs),
             end_to_end(streaming, 4, 4, batch_jobs)},
            [](peer& who) { return end_to_end(who, 4, 4, batch_jobs); });
    }

    void latency(std::vector<work>& to, bool durable) {
        auto& ours = durable ? *synced : *written;
        auto& streaming = durable ? *synced_stream : *written_stream;
        to.push_back({durable ? "P9" : "P11",
                      "from creation to start, 500 jobs a second",
                      "us",
                      {delay_in_server(ours), delay(ours, "a request for each job", 500, 1),
                       delay(streaming, "lines", 500, 1)}});
        add_others(to.back(), durable, [](peer& who) { return delay(who, "", 500, 1); });
        if (!durable) return;
        to.push_back({"P10",
                      "from creation to start, 7,000 jobs a second, 32 connections",
                      "us",
                      {delay(ours, "a request for each job", 7000, 32),
                       delay(streaming, "lines", 7000, 32)}});
        add_others(to.back(), durable, [](peer& who) { return delay(who, "", 7000, 32); });
    }
};

field::field(const settings& with) : peers_(std::make_unique<everyone>(with)) {
    works_.push_back(floor_of_machine(with.directory, *peers_->echo));
    peers_->throughput(works_, true);
    peers_->latency(works_, true);
    works_.push_back(through_node(
        with.node_scripts, *peers_->sluice, peers_->of_name("Redis list, appendfsync always"),
        peers_->of_name("PostgreSQL SKIP LOCKED, synchronous_commit on")));
    peers_->throughput(works_, false);
    peers_->latency(works_, false);
    work backlog{"P12", "memory of each job that waits, a million of them", "bytes", {}, true};
    for (const auto& each : peers_->alone) backlog.contestants.push_back(weigh(*each));
    works_.push_back(std::move(backlog));
}

field::~field() = default;

}  // namespace sluice::bench
