// PostgreSQL as a queue: a table, claims with FOR UPDATE SKIP LOCKED. Its own protocol, version 3,
// with prepared statements (https://www.postgresql.org/docs/15/protocol.html). A finished job is
// deleted in the transaction that claims the next one, so both share one sync.

#include "tests/bench/field/peer.hpp"
#include "tests/bench/field/wire_formats.hpp"

#include <signal.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sluice::bench {
namespace {

const std::string programs = "/usr/lib/postgresql/15/bin/";

std::string integer(std::size_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        text += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
    return text;
}

std::string zero(const std::string& text) {
    return text + '\0';
}

std::string message(char type, const std::string& body) {
    return type + integer(body.size() + 4, 4) + body;
}

const std::string sync = message('S', "");

std::string parse(const std::string& name, const std::string& statement) {
    return message('P', zero(name) + zero(statement) + integer(0, 2));
}

/// Bind and execute a prepared statement with one parameter, or none.
std::string run(const std::string& name, const std::vector<std::string>& parameters) {
    auto bind = zero("") + zero(name) + integer(0, 2) + integer(parameters.size(), 2);
    for (const auto& each : parameters) bind += integer(each.size(), 4) + each;
    bind += integer(0, 2);  // results as text
    return message('B', bind) + message('E', zero("") + integer(0, 4));
}

std::size_t ready(std::string_view text) {
    return postgres_until(text, "Z");
}

/// The start of a session whose commits are synced, or not.
exchange hello(bool synced) {
    const auto body = integer(196608, 4) + zero("user") + zero("bench") + zero("database") +
                      zero("postgres") + zero("synchronous_commit") + zero(synced ? "on" : "off") +
                      zero("");
    return {integer(body.size() + 4, 4) + body, ready};
}

std::string array_of(const std::vector<std::string>& items) {
    std::string all = "{";
    for (const auto& each : items) all.append(all.size() > 1 ? "," : "").append(each);
    return all + "}";
}

/// What a worker knows that waits for notices. A notice may come at any time, also while a claim
/// that does not see its job yet is on its way.
struct waiting {
    bool claiming = false;
    bool noticed = false;
};

class postgres final : public peer {
public:
    postgres(std::shared_ptr<host> server, bool synced)
        : server_(std::move(server)), synced_(synced) {}
    std::string name() const override {
        return std::string("PostgreSQL SKIP LOCKED, synchronous_commit ") +
               (synced_ ? "on" : "off");
    }
    batch_ways ways() const override { return {"multi-row INSERT", "LIMIT 100"}; }
    promise promises() const override { return synced_ ? promise::synced : promise::written; }
    host& server() override { return *server_; }

    void fresh() override {
        say(server_->port(),
            {hello(), query("DROP TABLE IF EXISTS job"),
             query("CREATE TABLE job (id bigserial PRIMARY KEY, state smallint NOT NULL DEFAULT 0,"
                   " args text NOT NULL)"),
             query("CREATE INDEX ON job (id) WHERE state = 0")});
    }

    protocol put(std::size_t batch, bool prompt) override {
        const std::string notice = prompt ? run("notice", {}) : "";
        const auto request = [batch, notice](std::uint64_t number) {
            if (batch == 1) return run("put", {job_payload(number)}) + notice + sync;
            std::vector<std::string> all;
            for (std::size_t i = 0; i < batch; ++i) all.push_back(job_payload(number * batch + i));
            return run("put_all", {array_of(all)}) + notice + sync;
        };
        return {request,
                ready,
                {hello(),
                 {parse("put", "INSERT INTO job (args) VALUES ($1)") +
                      parse("put_all", "INSERT INTO job (args) SELECT unnest($1::text[])") +
                      parse("notice", "SELECT pg_notify('job', '')") + sync,
                  ready}}};
    }

    taker take(std::size_t batch, bool prompt) override {
        std::vector<exchange> greeting{
            hello(),
            {parse("claim",
                   "UPDATE job SET state = 1 WHERE id = ANY(ARRAY(SELECT id FROM job WHERE state "
                   "= 0 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT " +
                       std::to_string(batch) + ")) RETURNING id, args") +
                 parse("ack", "DELETE FROM job WHERE id = ANY($1::bigint[])") + sync,
             ready}};
        const auto claim = [](std::string_view last) {
            const auto ids = postgres_first_columns(last);
            return (ids.empty() ? "" : run("ack", {array_of(ids)})) + run("claim", {}) + sync;
        };
        if (!prompt) return {claim, ready, greeting, std::chrono::milliseconds{1}};
        greeting.push_back(query("LISTEN job"));
        const auto state = std::make_shared<waiting>();
        const auto request = [claim, state](std::string_view last) -> std::string {
            if (ready(last) > 0) state->claiming = false;
            if (postgres_until(last, "A") > 0) state->noticed = true;
            const bool has_job = !postgres_first_columns(last).empty();
            if (state->claiming || (!last.empty() && !has_job && !state->noticed)) return "";
            state->claiming = true;
            state->noticed = false;
            return claim(last);
        };
        return {request, [](std::string_view text) { return postgres_until(text, "ZA"); },
                greeting};
    }

private:
    exchange hello() const { return ::sluice::bench::hello(synced_); }
    static exchange query(const std::string& statement) {
        return {message('Q', zero(statement)), ready};
    }

    std::shared_ptr<host> server_;
    bool synced_;
};

std::unique_ptr<process> start(const data_root& root, std::uint16_t port) {
    const auto where = own_directory(root, "postgres", "postgres");
    const auto initdb = as_user(
        "postgres", {programs + "initdb", "--auth=trust", "--username=bench", "--encoding=UTF8",
                     "--no-locale", "--pgdata=" + (where / "data").string()});
    std::string line;
    for (const auto& word : initdb) line += "'" + word + "' ";
    line += ">'" + (where / "initdb.log").string() + "' 2>&1";
    if (std::system(line.c_str()) != 0) throw std::runtime_error("initdb failed: " + line);
    auto running = std::make_unique<process>(
        as_user("postgres", {programs + "postgres", "-D", where / "data", "-p",
                             std::to_string(port), "-c", "listen_addresses=127.0.0.1", "-c",
                             "unix_socket_directories=", "-c", "max_connections=300"}),
        port, where / "log");
    // It accepts connections a while before it serves them.
    for (int i = 0; i < 500; ++i) {
        try {
            say(port, {hello(true)});
            return running;
        } catch (const std::exception&) {
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
    }
    throw std::runtime_error("PostgreSQL does not come up");
}

}  // namespace

void add_postgres(peer_list& to, const data_root& root) {
    // An immediate shutdown, for it gives back its shared memory.
    const auto server = std::make_shared<host>(
        "PostgreSQL", [root](std::uint16_t port) { return start(root, port); },
        host::slow{SIGQUIT});
    for (const bool synced : {true, false})
        to.push_back(std::make_unique<postgres>(server, synced));
}

}  // namespace sluice::bench
