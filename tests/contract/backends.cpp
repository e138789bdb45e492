#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "server/store/sqlite/sqlite_store.hpp"
#include "tests/contract/backend_contract.hpp"
#include "tests/support/memory_store.hpp"

#include <unistd.h>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace sluice::test {
namespace {

/// The local backend on some store.
class local_home : public backend_home {
public:
    explicit local_home(bool at_rest) : at_rest_(at_rest) {}

    std::unique_ptr<backend> open(asio::any_io_executor executor, engine_config rules) override {
        if (at_rest_) {
            rules.window_jobs = 0;
            rules.finished_cache = 0;
        }
        local_backend_options options;
        options.engine = std::move(rules);
        options.now = system_instant;
        options.on_store_failure = [](const std::string& reason) {
            ADD_FAILURE() << "the store failed: " << reason;
        };
        options.seed = ++opened_;
        return make_local_backend(std::move(executor), open_store(), std::move(options));
    }

private:
    virtual std::unique_ptr<job_store> open_store() = 0;

    bool at_rest_;
    std::uint64_t opened_ = 0;
};

class memory_home final : public local_home {
public:
    using local_home::local_home;

private:
    std::unique_ptr<job_store> open_store() override {
        return std::make_unique<memory_store>(disk_);
    }

    std::shared_ptr<memory_disk> disk_ = std::make_shared<memory_disk>();
};

class sqlite_home final : public local_home {
public:
    using local_home::local_home;
    ~sqlite_home() override { std::filesystem::remove_all(directory_); }

private:
    static std::filesystem::path new_directory() {
        auto name = (std::filesystem::temp_directory_path() / "sluice-contract-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
        return name;
    }

    std::unique_ptr<job_store> open_store() override {
        sqlite_store_config config;
        config.directory = directory_;
        config.disk_low_bytes = 0;
        config.reserve_bytes = 0;
        return open_sqlite_store(config);
    }

    std::filesystem::path directory_ = new_directory();
};

template <class Home>
backend_kind local_kind(std::string name, bool at_rest) {
    return {std::move(name), [at_rest] { return std::make_unique<Home>(at_rest); }};
}

}  // namespace

std::vector<backend_kind> all_backends() {
    return {
        local_kind<memory_home>("memory", false),
        local_kind<memory_home>("memory_with_all_jobs_at_rest", true),
        local_kind<sqlite_home>("sqlite", false),
        local_kind<sqlite_home>("sqlite_with_all_jobs_at_rest", true),
    };
}

}  // namespace sluice::test
