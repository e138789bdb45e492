#include "server/config/load.hpp"

#include "server/config/tokens.hpp"

#include <gtest/gtest.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

constexpr auto token = "0123456789abcdef0123456789abcdef";

/// Nobody has its key.
constexpr auto certificate = R"(-----BEGIN CERTIFICATE-----
MIIBdDCCARugAwIBAgIUHA/kR7X/8xQBlR28yrGb4SW6jNYwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjUyMDA4MDlaGA8yMTI2MTEwMTIwMDgw
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABExz
EUJq4syqWrr27MVkwgTIiztMb6l39TJd4ZzlzeEphrVLolvdxlp6Y24fDGqQkXwF
Jcau8haSUer9G5oh1xujUzBRMB0GA1UdDgQWBBQdsVPZr+x73LZioyFSgbdlRhh+
gzAfBgNVHSMEGDAWgBQdsVPZr+x73LZioyFSgbdlRhh+gzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0cAMEQCIHs/0zVIPtQ/mcWxwLXAILB6venSoON5G/JW
cD6H1/9oAiAK3BrXT9yyMCZshq/Dnzvb4fjs3SDnJNPu4CSLJVJSyg==
-----END CERTIFICATE-----
)";

class ConfigLoad : public testing::Test {
protected:
    ConfigLoad() { std::filesystem::create_directories(directory_); }
    ~ConfigLoad() override { std::filesystem::remove_all(directory_); }

    std::string write(const std::string& name, const std::string& text) {
        const auto path = directory_ / name;
        std::ofstream{path} << text;
        return path.string();
    }

    loaded load_file(const std::string& text) {
        from_.file = write("sluiced.toml", text);
        return load(from_);
    }

    /// Whether some problem holds all of `parts`.
    static bool mentions(const loaded& result, std::initializer_list<std::string_view> parts) {
        return std::ranges::any_of(result.problems, [&](const std::string& problem) {
            return std::ranges::all_of(parts, [&](std::string_view part) {
                return problem.find(part) != std::string::npos;
            });
        });
    }

    std::string directory() const { return directory_.string(); }

    sources from_;

private:
    std::filesystem::path directory_ =
        std::filesystem::temp_directory_path() / ("sluice-config-" + std::to_string(::getpid()));
};

TEST_F(ConfigLoad, DefaultsAreValidAndNamedAsSuch) {
    const auto result = load({});
    EXPECT_TRUE(result.problems.empty());
    EXPECT_EQ(result.settings.http.host, "127.0.0.1");
    EXPECT_EQ(result.settings.http.port, 8080);
    EXPECT_EQ(result.settings.engine.visibility_timeout, 1800s);
    EXPECT_EQ(result.settings.server.drain_grace, 25s);
    EXPECT_TRUE(std::ranges::all_of(result.origins, [](auto& o) { return o == "default"; }));
}

TEST_F(ConfigLoad, LaterSourcesOverrideEarlierOnes) {
    from_.environment = {
        {"SLUICE_WORKERS_CONCURRENCY", "8"}, {"SLUICE_HTTP_KEEP_ALIVE", "20s"}, {"PATH", "/bin"}};
    from_.flags = {{find_setting("workers.concurrency"), "9"}};
    const auto result = load_file(
        "[workers]\nconcurrency = 7\nqueues = [\"emails=4\"]\n"
        "[http]\nkeep_alive = \"10s\"\nhead_bytes_max = 12288\n");
    EXPECT_TRUE(result.problems.empty()) << result.problems.front();
    EXPECT_EQ(result.settings.workers.concurrency, 9U);
    EXPECT_EQ(result.settings.http.keep_alive, 20s);
    EXPECT_EQ(result.settings.http.head_bytes_max, 12288U);
    ASSERT_EQ(result.settings.workers.queues.size(), 1U);
    EXPECT_EQ(result.settings.workers.queues[0].queue, "emails");
    EXPECT_EQ(result.settings.workers.queues[0].concurrency, 4U);
    const auto text = print(result);
    EXPECT_NE(text.find("concurrency = 9  # --workers-concurrency"), std::string::npos) << text;
    EXPECT_NE(text.find("keep_alive = \"20s\"  # SLUICE_HTTP_KEEP_ALIVE"), std::string::npos);
    EXPECT_NE(text.find("sluiced.toml:6"), std::string::npos);
}

TEST_F(ConfigLoad, ReportsAllProblemsAtOnce) {
    from_.environment = {{"SLUICE_HTTP_PORTT", "1"}, {"SLUICE_LOG_LEVEL", "loud"}};
    const auto result = load_file(
        "surprise = 1\n[http]\nlisten = 8080\nkeepalive = \"1s\"\nfields_max = 2\n"
        "[engine]\nretention_completed = \"90m\"\n[nosuch]\nkey = 1\n");
    EXPECT_TRUE(mentions(result, {"sluiced.toml:1", "surprise"}));
    EXPECT_TRUE(mentions(result, {"sluiced.toml:3", "http.listen", "address and a port"}));
    EXPECT_TRUE(mentions(result, {"sluiced.toml:4", "http.keepalive", "no such setting"}));
    EXPECT_TRUE(mentions(result, {"http.fields_max", "8 to 1024", "2"}));
    EXPECT_TRUE(mentions(result, {"engine.retention_completed", "multiple of 1h"}));
    EXPECT_TRUE(mentions(result, {"nosuch.key"}));
    EXPECT_TRUE(mentions(result, {"SLUICE_HTTP_PORTT", "no such setting"}));
    EXPECT_TRUE(mentions(result, {"SLUICE_LOG_LEVEL", "log.level", "loud"}));
    EXPECT_EQ(result.problems.size(), 8U);
}

TEST_F(ConfigLoad, RefusesValuesOfTheWrongType) {
    const auto result = load_file(
        "[http]\nfields_max = \"64\"\ninsecure_no_auth = \"true\"\nkeep_alive = 60\n"
        "allowed_hosts = \"a\"\nhead_bytes_max = true\n[log]\nlevel = 1\n"
        "[workers]\nqueues = [1]\nconcurrency = -1\n");
    EXPECT_EQ(result.problems.size(), 8U);
}

TEST_F(ConfigLoad, NamesTheLineOfASyntaxError) {
    EXPECT_TRUE(mentions(load_file("[http]\nlisten = \n"), {"sluiced.toml:2"}));
    from_.file = directory() + "/absent.toml";
    EXPECT_TRUE(mentions(load(from_), {"absent.toml"}));
}

TEST_F(ConfigLoad, LeavesTheVariablesOfOthersAlone) {
    from_.environment = {{"SLUICE_URL", "http://127.0.0.1:8080"},
                         {"SLUICE_PORT", "tcp://10.0.0.1:8080"},
                         {"SLUICE_PORT_8080_TCP_ADDR", "10.0.0.1"},
                         {"SLUICE_SERVICE_HOST", "10.0.0.1"}};
    EXPECT_TRUE(load(from_).problems.empty());
}

TEST_F(ConfigLoad, NeedsATokenWhereOthersCanReachIt) {
    from_.environment = {{"SLUICE_HTTP_LISTEN", "0.0.0.0:8080"}};
    EXPECT_TRUE(mentions(load(from_), {"http.listen", "token"}));
    from_.environment.emplace_back("SLUICE_TOKEN", token);
    EXPECT_TRUE(load(from_).problems.empty());
    from_.environment.back() = {"SLUICE_HTTP_INSECURE_NO_AUTH", "true"};
    EXPECT_TRUE(load(from_).problems.empty());
    from_.environment = {{"SLUICE_HTTP_LISTEN", "[::1]:8080"}};
    EXPECT_TRUE(load(from_).problems.empty());
}

TEST_F(ConfigLoad, KeepsOnlyTheHashOfAToken) {
    from_.environment = {{"SLUICE_TOKEN_FILE", write("token", std::string{token} + "\n")}};
    const auto result = load(from_);
    ASSERT_TRUE(result.problems.empty()) << result.problems.front();
    ASSERT_EQ(result.settings.http.tokens.size(), 1U);
    EXPECT_EQ(result.settings.http.tokens[0].sha256_hex, sha256_hex(token));
    const auto text = print(result);
    EXPECT_EQ(text.find(token), std::string::npos);
    EXPECT_EQ(text.find(sha256_hex(token)), std::string::npos);
    EXPECT_NE(text.find("[[tokens]]  # SLUICE_TOKEN_FILE"), std::string::npos);
}

TEST_F(ConfigLoad, ReadsTokensWithScopesAndQueues) {
    const auto file = write("secret", token);
    const auto result = load_file("[[tokens]]\nname = \"web\"\nsha256 = \"" + std::string(64, 'A') +
                                  "\"\nscopes = [\"enqueue\", \"read\"]\nqueues = [\"mail.*\"]\n"
                                  "[[tokens]]\nname = \"ops\"\ntoken_file = \"" +
                                  file + "\"\nscopes = [\"admin\"]\n");
    ASSERT_TRUE(result.problems.empty()) << result.problems.front();
    const auto& tokens = result.settings.http.tokens;
    ASSERT_EQ(tokens.size(), 2U);
    EXPECT_EQ(tokens[0].sha256_hex, std::string(64, 'a'));
    EXPECT_EQ(tokens[0].scopes, (std::vector{http::scope::enqueue, http::scope::read}));
    EXPECT_EQ(tokens[0].queues, std::vector<std::string>{"mail.*"});
    EXPECT_EQ(tokens[1].sha256_hex, sha256_hex(token));
}

TEST_F(ConfigLoad, RefusesTokensThatAreWrong) {
    from_.environment = {{"SLUICE_TOKEN", "short"}};
    const auto result = load_file(
        "[[tokens]]\nscopes = [\"everything\"]\nsha256 = \"12\"\ncolour = 1\n"
        "[[tokens]]\nname = \"a\"\nscopes = [\"read\"]\ntoken_file = \"/nonexistent\"\n");
    EXPECT_TRUE(mentions(result, {"tokens[0].name", "missing"}));
    EXPECT_TRUE(mentions(result, {"tokens[0].sha256", "64 hexadecimal"}));
    EXPECT_TRUE(mentions(result, {"tokens[0].scopes", "enqueue, work, read, admin"}));
    EXPECT_EQ(
        std::ranges::count_if(result.problems, [](auto& p) { return p.find(".scopes") != p.npos; }),
        1)
        << "said twice";
    EXPECT_TRUE(mentions(result, {"tokens[0].colour", "not known"}));
    EXPECT_TRUE(mentions(result, {"tokens[1].token_file", "/nonexistent"}));
    EXPECT_TRUE(mentions(result, {"SLUICE_TOKEN", "openssl rand"}));
    for (const auto& problem : result.problems)
        EXPECT_EQ(problem.find("short"), std::string::npos) << "shows the secret: " << problem;
    EXPECT_TRUE(mentions(load_file("[[tokens]]\nscopes = []\n"), {"scopes", "one or more"}));
    EXPECT_TRUE(mentions(load_file("[[tokens]]\nname = \"a\"\n"), {"scopes", "missing"}));
    EXPECT_TRUE(mentions(load_file("tokens = 1\n"), {"[[tokens]]"}));
}

TEST_F(ConfigLoad, TakesOnlyOneTokenFromTheEnvironment) {
    from_.environment = {{"SLUICE_TOKEN", token}, {"SLUICE_TOKEN_FILE", write("token", token)}};
    EXPECT_TRUE(mentions(load(from_), {"only one"}));
}

TEST_F(ConfigLoad, ReadsPushTargets) {
    const std::string file = write("secret", "whsec_" + std::string(32, 'A'));
    const auto result =
        load_file("[push]\nallow = [\"10.0.0.0/8\"]\nsecret_file = \"" + file +
                  "\"\n[[push.targets]]\ntypes = [\"mail.*\"]\nurl = \"http://10.0.0.1/hook\"\n"
                  "body = \"args\"\nconcurrency = 3\ntimeout = \"5s\"\nsecret_file = \"" +
                  file + "\"\nheaders = { Authorization = \"x\" }\n");
    ASSERT_TRUE(result.problems.empty()) << result.problems.front();
    EXPECT_EQ(result.settings.push.secrets.size(), 1U);
    ASSERT_EQ(result.settings.push.targets.size(), 1U);
    const auto& target = result.settings.push.targets[0];
    EXPECT_EQ(target.types, std::vector<std::string>{"mail.*"});
    EXPECT_EQ(target.body, worker::push::body_template::args);
    EXPECT_EQ(target.concurrency, 3U);
    EXPECT_EQ(target.timeout, std::chrono::seconds{5});
    EXPECT_EQ(target.secrets.size(), 1U);
    EXPECT_EQ(print(result).find("AAAA"), std::string::npos) << "shows the secret";
}

TEST_F(ConfigLoad, RefusesPushTargetsThatAreWrong) {
    const auto wrong = [&](const std::string& text) {
        return load_file("[[push.targets]]\n" + text);
    };
    const std::string good = "types = [\"a\"]\nurl = \"http://example.com/\"\n";
    EXPECT_TRUE(wrong(good).problems.empty());
    EXPECT_TRUE(mentions(wrong("url = \"http://example.com/\"\n"), {"types"}));
    EXPECT_TRUE(mentions(wrong("types = [\"a\"]\n"), {"url", "missing"}));
    EXPECT_TRUE(mentions(wrong("types = [\"a\"]\nurl = \"http://10.0.0.1/\"\n"),
                         {"push.targets[0].url", "push.allow"}));
    EXPECT_TRUE(mentions(wrong(good + "typ = \"b\"\n"), {"typ", "not known"}));
    EXPECT_TRUE(mentions(wrong(good + "method = \"get\"\n"), {"method"}));
    EXPECT_TRUE(mentions(wrong(good + "headers = { Host = \"x\" }\n"), {"headers", "Host"}));
    EXPECT_TRUE(mentions(wrong(good + "secret_file = \"/nonexistent\"\n"), {"/nonexistent"}));
    EXPECT_TRUE(mentions(wrong(good + "secret_file = \"" + write("s", "short") + "\"\n"),
                         {"secret_file", "whsec_"}));
    EXPECT_TRUE(mentions(load_file("[push]\nallow = [\"10.1.0.0/8\"]\n"), {"push.allow"}));
}

TEST_F(ConfigLoad, LooksIntoTheFileOfTrustedCertificates) {
    const auto with = [&](const std::string& file) {
        return load_file("[push]\nca_file = \"" + file + "\"\n[http]\nlisten = \"nowhere\"\n");
    };
    for (const auto& bad :
         {std::string("/nonexistent.pem"), write("empty.pem", ""), write("not.pem", "hello")}) {
        const auto result = with(bad);
        EXPECT_TRUE(mentions(result, {"push.ca_file", bad})) << bad;
        EXPECT_TRUE(mentions(result, {"http.listen"})) << "not all problems at once";
    }
    const auto good = write("good.pem", certificate);
    EXPECT_FALSE(mentions(with(good), {"push.ca_file"}));  // the control
}

TEST_F(ConfigLoad, ReadsWhatItPrints) {
    from_.flags = {{find_setting("workers.queues"), "a=1,b.c=2"},
                   {find_setting("http.listen"), "[::1]:0"},
                   {find_setting("store.directory"), "/tmp/with \"quotes\" and \\"}};
    const auto first = load(from_);
    sources again;
    again.file = write("printed.toml", print(first));
    const auto second = load(again);
    ASSERT_TRUE(second.problems.empty()) << second.problems.front();
    for (const auto& s : all_settings())
        EXPECT_EQ(s.write(first.settings), s.write(second.settings)) << s.key;
}

TEST(Settings, HaveNamesOfTheirOwnAndDefaultsWithinTheirRange) {
    std::set<std::string> names;
    const config defaults;
    for (const auto& s : all_settings()) {
        EXPECT_TRUE(names.insert(environment_name_of(s)).second) << s.key;
        EXPECT_TRUE(names.insert(flag_of(s)).second) << s.key;
        EXPECT_TRUE(s.alias.empty() || s.alias == flag_of(s) ||
                    names.insert(std::string{s.alias}).second)
            << s.key;
        EXPECT_TRUE(s.doc.ends_with('.')) << s.key;
        if (const auto number = s.number(defaults)) {
            EXPECT_GE(*number, s.least) << s.key;
            EXPECT_LE(*number, s.most) << s.key;
        }
    }
}

TEST(Settings, AreAllOnTheConfigurationPage) {
    std::ifstream page{SLUICE_CONFIGURATION_PAGE};
    std::stringstream text;
    text << page.rdbuf();
    EXPECT_NE(text.str().find(reference()), std::string::npos)
        << "docs/configuration.md differs from: sluiced --print-config-reference";
}

}  // namespace
}  // namespace sluice::config
