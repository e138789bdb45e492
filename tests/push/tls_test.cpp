#include "server/worker/handlers/http/http_client.hpp"
#include "tests/push/receiver.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

namespace sluice::worker::push {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using namespace std::chrono_literals;
using test::receiver;
using test::script;

/// Every name is this machine's.
class loopback_lookup final : public name_lookup {
public:
    asio::awaitable<addresses> find(std::string, std::chrono::steady_clock::time_point,
                                    std::stop_token) override {
        addresses out;
        out.found.push_back(asio::ip::address_v4::loopback());
        co_return out;
    }
};

/// A key, and a certificate for right.example that it signed itself, as PEM files.
class Tls : public ::testing::Test {
protected:
    asio::io_context context;
    std::string key_file = ::testing::TempDir() + "push_tls_key.pem";
    /// Each test runs in a process of its own, several at a time.
    std::string certificate_file =
        ::testing::TempDir() + "push_tls_" + std::to_string(::getpid()) + ".pem";
    ssl::context server{ssl::context::tls_server};
    loopback_lookup names;
    egress_rules rules{{"127.0.0.1"}};

    void SetUp() override {
        EVP_PKEY* key = EVP_EC_gen("P-256");
        X509* made = X509_new();
        X509_set_version(made, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
        X509_gmtime_adj(X509_getm_notBefore(made), -3600);
        X509_gmtime_adj(X509_getm_notAfter(made), 3600);
        X509_set_pubkey(made, key);
        auto* name = X509_get_subject_name(made);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(made, name);
        X509_EXTENSION* names_in_it =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:right.example");
        X509_add_ext(made, names_in_it, -1);
        X509_EXTENSION_free(names_in_it);
        ASSERT_NE(X509_sign(made, key, EVP_sha256()), 0);
        std::FILE* file = std::fopen(key_file.c_str(), "w");
        PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
        file = std::fopen(certificate_file.c_str(), "w");
        PEM_write_X509(file, made);
        std::fclose(file);
        X509_free(made);
        EVP_PKEY_free(key);
        server.use_certificate_file(certificate_file, ssl::context::pem);
        server.use_private_key_file(key_file, ssl::context::pem);
    }
    void TearDown() override {
        std::remove(key_file.c_str());
        std::remove(certificate_file.c_str());
    }

    /// "200", or the code of the fault.
    std::string call(http_client& client, const std::string& host, const receiver& whom) {
        outgoing request;
        request.url = *parse_target_url("https://" + host + ':' + std::to_string(whom.port()));
        request.bytes = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        request.idempotent = true;
        request.timeout = 3s;
        std::optional<exchanged> end;
        asio::co_spawn(context, client.exchange(std::move(request), {}),
                       [&](std::exception_ptr, exchanged how) { end = std::move(how); });
        context.restart();
        while (!end) context.run_one_for(5s);
        if (const auto* answer = std::get_if<reply>(&*end)) return std::to_string(answer->status);
        return std::string(to_string(std::get<fault>(*end).kind));
    }
};

TEST_F(Tls, BelievesOnlyWhoProvesTheNameOfTheUrl) {
    const script good{.raw = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42"};
    receiver whom(
        context.get_executor(), [&](const std::string&) { return good; }, &server);
    http_client trusting(context.get_executor(), names, rules, {.ca_file = certificate_file});
    http_client strict(context.get_executor(), names, rules, {});
    EXPECT_EQ(call(trusting, "right.example", whom), "200");  // the control
    EXPECT_EQ(call(trusting, "right.example", whom), "200");
    EXPECT_EQ(whom.connections, 1U);
    EXPECT_EQ(call(trusting, "wrong.example", whom), "tls_failed");
    EXPECT_EQ(call(trusting, "127.0.0.1", whom), "tls_failed");
    EXPECT_EQ(call(strict, "right.example", whom), "tls_failed");
    EXPECT_EQ(whom.requests.size(), 2U);
}

TEST_F(Tls, IsNotTakenForGrantedOnItsPort) {
    receiver plain(context.get_executor(), [](const std::string&) { return script{}; });
    receiver old(
        context.get_executor(), [](const std::string&) { return script{}; }, &server);
    SSL_CTX_set_max_proto_version(server.native_handle(), TLS1_1_VERSION);
    http_client trusting(context.get_executor(), names, rules, {.ca_file = certificate_file});
    EXPECT_EQ(call(trusting, "right.example", old), "tls_failed");
    EXPECT_NE(call(trusting, "right.example", plain), "200");
}

}  // namespace
}  // namespace sluice::worker::push
