#include "tests/http/api_fixture.hpp"

#include <algorithm>
#include <cctype>

namespace sluice::http {
namespace {

class Contract : public api_fixture {};

std::string filled_in(std::string path) {
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{'))
        path.replace(open, path.find('}') - open + 1, "x");
    return path;
}

TEST_F(Contract, EveryOperationItNamesIsServed) {
    const auto document = get("/openapi.json");
    std::size_t operations = 0;
    for (const auto& [path, item] : document["paths"].items()) {
        for (const auto& [method, operation] : item.items()) {
            if (!operation.contains("operationId")) continue;
            std::string upper = method;
            std::ranges::transform(upper, upper.begin(),
                                   [](unsigned char c) { return std::toupper(c); });
            EXPECT_NE(routes.find(upper, filled_in(path)).handle, nullptr) << upper << ' ' << path;
            ++operations;
        }
    }
    EXPECT_GT(operations, 40U);
}

TEST_F(Contract, WhatChangesSomethingUnderAdminNeedsItsScope) {
    const auto document = get("/openapi.json");
    std::size_t writes = 0;
    for (const auto& [path, item] : document["paths"].items()) {
        if (!path.starts_with("/ojs/v1/admin/")) continue;
        for (const std::string method : {"POST", "DELETE", "PUT", "PATCH"}) {
            const auto found = routes.find(method, filled_in(path));
            if (found.handle == nullptr) continue;
            EXPECT_EQ(found.options.needs, scope::admin) << method << ' ' << path;
            ++writes;
        }
        const auto found = routes.find("GET", filled_in(path));
        if (found.handle != nullptr) {
            EXPECT_EQ(found.options.needs, scope::read) << path;
        }
    }
    EXPECT_GT(writes, 8U);
}

}  // namespace
}  // namespace sluice::http
