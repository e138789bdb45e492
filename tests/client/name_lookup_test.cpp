// What becomes of a client whose name server does not answer.

#include "client/client.hpp"
#include "client/worker.hpp"
#include "tests/client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

namespace {

/// Look-ups of "hangs.test" hang until let go; those of "here.test" find this machine.
struct name_server {
    std::mutex mutex;
    std::condition_variable changed;
    int asked = 0;
    int answered = 0;
    bool open = false;
};

name_server& names() {
    static auto* const one = new name_server;  // it outlives the threads that hang in it
    return *one;
}

}  // namespace

/// Takes the place of the C library's in this program.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                           addrinfo** found) {
    using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    if (host != nullptr && std::strcmp(host, "here.test") == 0)
        return real("127.0.0.1", service, hints, found);
    if (host == nullptr || std::strcmp(host, "hangs.test") != 0)
        return real(host, service, hints, found);
    auto& to = names();
    std::unique_lock lock(to.mutex);
    ++to.asked;
    to.changed.notify_all();
    to.changed.wait_for(lock, std::chrono::seconds{20}, [&] { return to.open; });
    ++to.answered;
    to.changed.notify_all();
    return EAI_AGAIN;
}

namespace sluice::client {
namespace {

using namespace std::chrono_literals;

class NameLookup : public testing::Test {
protected:
    NameLookup() {
        const std::lock_guard lock(names().mutex);
        names().asked = names().answered = 0;
        names().open = false;
    }
    /// Nothing of this test is left for the next one.
    ~NameLookup() override {
        std::unique_lock lock(names().mutex);
        names().open = true;
        names().changed.notify_all();
        names().changed.wait(lock, [] { return names().answered == names().asked; });
    }

    static void wait_until_asked() {
        std::unique_lock lock(names().mutex);
        names().changed.wait(lock, [] { return names().asked > 0; });
    }
    static bool still_hangs() {
        const std::lock_guard lock(names().mutex);
        return names().answered == 0;
    }
    /// Lets all go first, and waits until they have gone.
    static int asked_in_all() {
        std::unique_lock lock(names().mutex);
        names().open = true;
        names().changed.notify_all();
        names().changed.wait(lock, [] { return names().answered == names().asked; });
        return names().asked;
    }
    static settings for_host(std::string host) {
        settings with;
        with.url.host = std::move(host);
        with.url.port = "1";
        return with;
    }
    static asio::awaitable<void> call(connection& to, std::optional<failure>& problem) {
        sluice::client::call asked;
        asked.target = "/";
        auto answer = co_await to.exchange(std::move(asked));
        if (answer.has_error()) problem = answer.error();
    }
    static void start(asio::io_context& io, connection& to, std::optional<failure>& problem) {
        asio::co_spawn(io, call(to, problem), [](std::exception_ptr broken) {
            if (broken) std::rethrow_exception(broken);
        });
    }
};

TEST_F(NameLookup, ThatHangsHoldsUpNeitherACloseNorTheEndOfTheContext) {
    std::optional<failure> problem;
    {
        asio::io_context io;
        connection to{io.get_executor(), for_host("hangs.test")};
        start(io, to, problem);
        io.poll();
        wait_until_asked();
        to.close();
        io.restart();
        io.run();
    }
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->kind, failure_kind::closed);
    EXPECT_TRUE(still_hangs());
}

TEST_F(NameLookup, ThatHangsIsGivenUpInTimeAndNotBegunTwice) {
    asio::io_context io;
    auto with = for_host("hangs.test");
    with.timeout = 10ms;
    connection to{io.get_executor(), with};
    for (int i = 0; i < 3; ++i) {
        std::optional<failure> problem;
        start(io, to, problem);
        io.restart();
        io.run();
        ASSERT_TRUE(problem);
        EXPECT_EQ(problem->kind, failure_kind::unreachable);
    }
    wait_until_asked();
    EXPECT_TRUE(still_hangs());
    EXPECT_EQ(asked_in_all(), 1);
}

TEST_F(NameLookup, ThatHangsDoesNotHoldUpAWorkersEnd) {
    worker_options options;
    worker made{for_host("hangs.test"), options};
    std::thread stopper{[&] {
        wait_until_asked();
        made.stop();
    }};
    const auto totals = made.run();
    stopper.join();
    EXPECT_TRUE(totals.has_value());
    EXPECT_TRUE(still_hangs());
}

TEST_F(NameLookup, FindsAServerByItsName) {
    asio::io_context io;
    test::scripted_server server{io.get_executor(), [](auto&) { return test::script{}; }};
    auto with = server.settings_for_client();
    with.url.host = "here.test";
    connection to{io.get_executor(), with};
    std::optional<failure> problem;
    asio::co_spawn(io, call(to, problem), [&](std::exception_ptr broken) {
        server.stop();
        if (broken) std::rethrow_exception(broken);
    });
    io.run();
    EXPECT_FALSE(problem);
    EXPECT_EQ(server.requests.size(), 1U);
}

TEST_F(NameLookup, OfANameThatIsNoneIsSaidToBeUnreachable) {
    asio::io_context io;
    connection to{io.get_executor(), for_host("no such name")};
    std::optional<failure> problem;
    start(io, to, problem);
    io.run();
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->kind, failure_kind::unreachable);
}

}  // namespace
}  // namespace sluice::client
