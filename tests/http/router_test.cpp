#include "server/http/router.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::http {
namespace {

asio::awaitable<response> nothing(request, path_values) {
    co_return response{};
}

struct router_fixture {
    router routes;

    router_fixture() {
        routes.add("GET", "/", {scope::none, 1}, nothing);
        routes.add("POST", "/jobs", {scope::enqueue, 2}, nothing);
        routes.add("GET", "/jobs", {scope::read, 3}, nothing);
        routes.add("GET", "/jobs/{id}", {scope::read, 4}, nothing);
        routes.add("DELETE", "/jobs/{id}", {scope::enqueue, 5}, nothing);
        routes.add("GET", "/jobs/stats", {scope::read, 6}, nothing);
        routes.add("POST", "/queues/{name}/jobs/{id}", {scope::work, 7}, nothing);
    }
    std::size_t found(std::string_view method, std::string_view path) const {
        const router::match m = routes.find(method, path);
        return m.handle ? m.options.body_bytes_max : 0;
    }
};

TEST(Router, FindsByMethodAndPath) {
    const router_fixture f;
    EXPECT_EQ(f.found("GET", "/"), 1U);
    EXPECT_EQ(f.found("POST", "/jobs"), 2U);
    EXPECT_EQ(f.found("GET", "/jobs"), 3U);
    EXPECT_EQ(f.found("DELETE", "/jobs/7"), 5U);
    EXPECT_EQ(f.routes.find("POST", "/jobs").options.needs, scope::enqueue);
}

TEST(Router, GivesThePathValuesInOrder) {
    const router_fixture f;
    EXPECT_EQ(f.routes.find("POST", "/queues/a b/jobs/{}").values, (path_values{"a b", "{}"}));
}

TEST(Router, PrefersALiteralSegment) {
    const router_fixture f;
    EXPECT_EQ(f.found("GET", "/jobs/stats"), 6U);
    EXPECT_EQ(f.found("GET", "/jobs/other"), 4U);
    EXPECT_EQ(f.found("DELETE", "/jobs/stats"), 5U);
}

TEST(Router, AnswersHeadWhereItAnswersGet) {
    const router_fixture f;
    EXPECT_EQ(f.found("HEAD", "/jobs/7"), 4U);
    EXPECT_EQ(f.found("HEAD", "/queues/a/jobs/b"), 0U);
}

TEST(Router, NamesTheMethodsOfAPath) {
    const router_fixture f;
    EXPECT_EQ(f.routes.find("PUT", "/jobs/7").allow, "DELETE, GET, HEAD");
    EXPECT_EQ(f.routes.find("PUT", "/jobs").allow, "GET, HEAD, POST");
    EXPECT_EQ(f.routes.find("PUT", "/nothing").allow, "");
}

TEST(Router, FindsNoPathThatIsOnlyAlike) {
    const router_fixture f;
    for (const char* path : {"", "*", "jobs", "/job", "/jobs/", "/jobs/7/", "/jobs/7/8", "//",
                             "/queues//jobs/1", "/JOBS", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o"})
        EXPECT_EQ(f.found("GET", path) + f.found("POST", path), 0U) << path;
}

TEST(Router, RefusesAPatternWithoutSlash) {
    router routes;
    EXPECT_THROW(routes.add("GET", "jobs", {}, nothing), std::logic_error);
}

}  // namespace
}  // namespace sluice::http
