#include "server/worker/handlers/http/egress.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sluice::worker::push {
namespace {

namespace ip = boost::asio::ip;

struct block_row {
    const char* before;  ///< the last address that is outside; empty: none
    const char* first;
    const char* last;
    const char* after;
};

// Both ends of every closed block, and its neighbours outside.
constexpr block_row closed_v4[] = {
    {"", "0.0.0.0", "0.255.255.255", "1.0.0.0"},
    {"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
    {"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
    {"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
    {"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
    {"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
    {"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
    {"192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
    {"192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
    {"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
    {"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
    {"198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
    {"203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
    {"223.255.255.255", "224.0.0.0", "255.255.255.255", ""},
};

std::array<std::string, 3> embeddings(const std::string& v4) {
    const auto b = ip::make_address_v4(v4).to_bytes();
    std::array<char, 64> to4{};
    std::snprintf(to4.data(), to4.size(), "2002:%02x%02x:%02x%02x::1", b[0], b[1], b[2], b[3]);
    return {"::ffff:" + v4, "64:ff9b::" + v4, to4.data()};
}

void expect_closed(const std::string& address, bool closed) {
    if (address.empty()) return;
    EXPECT_EQ(!not_public(ip::make_address(address)).empty(), closed) << address;
}

TEST(AddressTable, KnowsBothEndsOfEveryClosedBlock) {
    for (const auto& row : closed_v4) {
        expect_closed(row.before, false);
        expect_closed(row.first, true);
        expect_closed(row.last, true);
        expect_closed(row.after, false);
    }
}

TEST(AddressTable, JudgesTheIpv4AddressWithinAnIpv6One) {
    for (const auto& row : closed_v4) {
        for (const std::string inside : {row.first, row.last})
            for (const auto& text : embeddings(inside)) expect_closed(text, true);
        for (const std::string outside : {row.before, row.after})
            if (!outside.empty())
                for (const auto& text : embeddings(outside)) expect_closed(text, false);
    }
}

TEST(AddressTable, OpensPublicIpv6Alone) {
    for (const char* closed : {"::",         "::1",
                               "::2",        "::127.0.0.1",
                               "::8.8.8.8",  "64:ff9b:1::1",
                               "100::1",     "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                               "2001::1",    "2001:1ff:ffff::1",
                               "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                               "3fff::1",    "3fff:fff:ffff::1",
                               "4000::",     "5f00::1",
                               "fc00::",     "fdff:ffff::1",
                               "fe80::1",    "febf::1",
                               "fec0::1",    "ff00::",
                               "ff02::1",    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})
        expect_closed(closed, true);
    for (const char* open : {"2000::1", "2001:200::1", "2001:db7:ffff::1", "2001:db9::",
                             "2606:4700:4700::1111", "2a00::1", "2003::1", "3ffe:ffff::1"})
        expect_closed(open, false);
}

TEST(AddressBlock, TakesBlocksAndAddressesOnly) {
    for (const char* good :
         {"10.0.0.0/8", "127.0.0.1", "127.0.0.1/32", "0.0.0.0/0", "::1/128", "fc00::/7", "::/0"})
        EXPECT_TRUE(address_block::parse(good)) << good;
    for (const char* bad : {"", "10.1.0.0/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0/8",
                            "fc00::1/7", "::/129", "fe80::1%1", "name", "10.0.0.0/8x"})
        EXPECT_FALSE(address_block::parse(bad)) << bad;
    const auto block = address_block::parse("10.64.0.0/10");
    EXPECT_TRUE(block->contains(ip::make_address("10.127.255.255")));
    EXPECT_TRUE(block->contains(ip::make_address("::ffff:10.64.0.0")));
    EXPECT_FALSE(block->contains(ip::make_address("10.128.0.0")));
    EXPECT_FALSE(block->contains(ip::make_address("2001::1")));
}

/// "syntax": the URL is refused as such; "rules": by the rules; "": it may be called.
std::string verdict_on(const std::string& text, const egress_rules& rules) {
    const auto url = parse_target_url(text);
    if (!url) return "syntax";
    return rules.refuse(*url) ? "rules" : "";
}

TEST(Egress, RefusesOddUrls) {
    const egress_rules rules({});
    const std::string long_url = "http://example.com/" + std::string(8192, 'a');
    for (const std::string bad : {"file:///etc/passwd",
                                  "gopher://example.com/",
                                  "ftp://example.com/",
                                  "//example.com/",
                                  "example.com",
                                  "http:example.com",
                                  "http:///x",
                                  "http://127.1/",
                                  "http://0x7f000001/",
                                  "http://0x7f.1/",
                                  "http://2130706433/",
                                  "http://017700000001/",
                                  "http://127.0.0.1.5/",
                                  "http://8.8.8.8.example.com/",
                                  "http://127.0.0.01/",
                                  "http://256.1.1.1/",
                                  "http://user:p@example.com/",
                                  "http://user@example.com/",
                                  "http://@example.com/",
                                  "http://%6c%6fcalhost/",
                                  "http://127.0.0.1%2e/",
                                  "http://[::1%25eth0]/",
                                  "http://[v1.x]/",
                                  "http://exa mple.com/",
                                  "http://-a.com/",
                                  "http://a..com/",
                                  "http://./",
                                  "http://example.com:0/",
                                  "http://example.com:65536/",
                                  "http://example.com:x/",
                                  "http://example.com/\r\nX: y",
                                  "http://example.com/ x",
                                  "",
                                  long_url.c_str()})
        EXPECT_EQ(verdict_on(bad, rules), "syntax") << bad.substr(0, 60);
    for (const char* bad :
         {"http://127.0.0.1/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
          "http://[::1]/", "http://169.254.169.254/", "http://localhost/", "http://LOCALHOST./",
          "http://localhost.", "http://a.localhost/", "http://0.0.0.0/", "http://[::]/",
          "http://127.0.0.1./", "http://10.0.0.1/", "http://[64:ff9b::7f00:1]/",
          "http://example.com:22/", "http://example.com:1023/", "https://example.com:25/",
          "http://8.8.8.8:81/"})
        EXPECT_NE(verdict_on(bad, rules), "") << bad;
    for (const char* good :
         {"http://example.com", "HTTPS://Example.COM/a?b=c#d", "http://example.com:1024/",
          "http://8.8.8.8/", "http://[2606:4700:4700::1111]:443/", "http://example.com./",
          "http://example.com:/", "http://a_b.example.com/%2e%2e"})
        EXPECT_EQ(verdict_on(good, rules), "") << good;
}

TEST(Egress, TakesTheUrlApart) {
    const auto url = parse_target_url("HTTPS://Example.COM.:8443?q=1#frag");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->secure);
    EXPECT_EQ(url->host, "example.com");
    EXPECT_EQ(url->host_field, "example.com:8443");
    EXPECT_EQ(url->target, "/?q=1");
    EXPECT_EQ(parse_target_url("http://[::FFFF:8.8.8.8]/")->host_field, "8.8.8.8");
    EXPECT_EQ(parse_target_url("http://[2606:4700::1]:81/")->host_field, "[2606:4700::1]:81");
}

TEST(Egress, ListOpensWhatItNamesAndNoMore) {
    const egress_rules rules(
        {"127.0.0.1/32", "10.1.0.0/16", "fd00::/8", "*.internal.example", "Hooks.example"});
    for (const char* good : {"http://127.0.0.1:8000/", "http://[::ffff:127.0.0.1]/",
                             "http://10.1.255.1/", "http://[fd00::1]/", "http://localhost/"})
        EXPECT_EQ(verdict_on(good, rules), "") << good;
    for (const char* bad : {"http://127.0.0.2/", "http://10.2.0.1/", "http://127.0.0.1:22/"})
        EXPECT_EQ(verdict_on(bad, rules), "rules") << bad;
    const auto inside = ip::make_address("192.168.1.1");
    const auto refuses = [&](const char* url) {
        return rules.refuse(*parse_target_url(url), inside).has_value();
    };
    EXPECT_FALSE(refuses("http://a.internal.example/"));
    EXPECT_FALSE(refuses("http://hooks.example/"));
    EXPECT_TRUE(refuses("http://internal.example/"));
    EXPECT_TRUE(refuses("http://xinternal.example/"));
    EXPECT_TRUE(refuses("http://a.hooks.example/"));
    EXPECT_TRUE(refuses("http://a.internal.example.com/"));
    for (const char* bad : {"", "*", "*.", "10.1.0.0/8", "http://x", "a b", ".x", "1.2.3"})
        EXPECT_TRUE(egress_rules::fault_of(bad)) << bad;
}

TEST(Egress, ClosesTheServersOwnPort) {
    egress_rules rules({"127.0.0.1", "10.0.0.0/8"}, [](const ip::address& address) {
        return address == ip::make_address("10.0.0.5");
    });
    EXPECT_EQ(verdict_on("http://127.0.0.1:8080/", rules), "");
    rules.own_port(8080);
    EXPECT_EQ(verdict_on("http://127.0.0.1:8080/", rules), "rules");
    EXPECT_EQ(verdict_on("http://10.0.0.5:8080/", rules), "rules");
    EXPECT_EQ(verdict_on("http://8.8.8.8:8080/", rules), "rules");
    EXPECT_EQ(verdict_on("http://10.0.0.6:8080/", rules), "");
    EXPECT_EQ(verdict_on("http://127.0.0.1:8081/", rules), "");
}

}  // namespace
}  // namespace sluice::worker::push
