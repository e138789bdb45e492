#include "proto/codec.hpp"
#include "proto/openapi.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(EncodeError, WritesWhatOpenJobSpecAsksFor) {
    const error e{errc::invalid_request, "'args' must be an array.", R"("field":"args")"};
    EXPECT_EQ(encode_error(e, "req_1"),
              R"({"error":{"code":"invalid_request","type":"invalid_request",)"
              R"("message":"'args' must be an array.","retryable":false,)"
              R"("details":{"field":"args"},"docs_url":"/openapi.json","request_id":"req_1"}})");
}

TEST(EncodeError, HelpsWhoFindsNothing) {
    const auto text = encode_error({errc::not_found, "No job 'x\"y'."}, "r");
    EXPECT_NE(text.find(R"("hint":")"), std::string::npos);
    EXPECT_NE(text.find(R"("docs_url":")"), std::string::npos);
    EXPECT_NE(text.find(R"("message":"No job 'x\"y'.")"), std::string::npos);
}

TEST(EncodeError, SaysWhatBecameOfTheRequestWhenTheServerIsAtFault) {
    for (const auto code : {errc::overloaded, errc::shutting_down, errc::disk_low})
        EXPECT_NE(encode_error(code, "r").find(R"("outcome":"not_stored")"), std::string::npos);
    for (const auto code : {errc::store_failed, errc::internal})
        EXPECT_NE(encode_error(code, "r").find(R"("outcome":"unknown")"), std::string::npos);
    EXPECT_EQ(encode_error(errc::conflict, "r").find("outcome"), std::string::npos);
}

TEST(EncodeError, IsValidJsonForEveryCode) {
    for (int i = 0; i <= static_cast<int>(errc::internal); ++i) {
        const auto code = static_cast<errc>(i);
        const auto text = encode_error({code, "\xFF \n\"", "\"field\":\"x\""}, "\"");
        EXPECT_FALSE(check_json(text, 8)) << text;
        EXPECT_NE(text.find('"' + std::string{to_string(code)} + '"'), std::string::npos);
    }
}

TEST(OpenApi, ListsEveryErrorCode) {
    const auto document = openapi_json();
    EXPECT_FALSE(check_json(document, 64));
    for (int i = 0; i <= static_cast<int>(errc::internal); ++i) {
        const auto name = '"' + std::string{to_string(static_cast<errc>(i))} + '"';
        EXPECT_NE(document.find(name), std::string_view::npos) << name;
    }
}

}  // namespace
}  // namespace sluice
