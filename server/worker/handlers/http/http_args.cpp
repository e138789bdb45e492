#include "server/worker/handlers/http/http_args.hpp"

#include "proto/json_text.hpp"

#include <utility>

namespace sluice::worker::push {

namespace {

using std::chrono::milliseconds;

error refuse(std::string_view member, std::string why) {
    std::string field = "args[0]";
    if (!member.empty()) field.append(".").append(member);
    std::string details = "\"field\":";
    append_json_string(details, field);
    return error(errc::validation_failed, field + ": " + std::move(why), std::move(details));
}

class reader {
public:
    std::optional<error> read(json_value request) {
        json_cursor members(request);
        std::string key;
        for (json_value value; members.next(key, value);)
            if (auto wrong = member(key, value)) return wrong;
        return complete();
    }

    http_args take() { return std::move(out_); }

private:
    std::optional<error> member(const std::string& key, json_value value) {
        if (key == "url") return url(value);
        if (key == "method") return method(value);
        if (key == "headers") return headers(value);
        if (key == "body") return body(value);
        if (key == "timeout_ms") return timeout(value);
        if (key == "sign") return sign(value);
        return refuse("",
                      "knows url, method, headers, body, timeout_ms and sign, and nothing else");
    }

    std::optional<error> url(json_value value) {
        if (value.kind != json_kind::string) return refuse("url", "must be a string");
        auto parsed = parse_target_url(json_unescape(value));
        if (!parsed) return refuse("url", parsed.error().message);
        out_.url = std::move(*parsed);
        return std::nullopt;
    }

    std::optional<error> method(json_value value) {
        if (value.kind == json_kind::string) out_.method = json_unescape(value);
        if (is_known_method(out_.method)) return std::nullopt;
        return refuse("method", "must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS");
    }

    std::optional<error> headers(json_value value) {
        if (value.kind != json_kind::object) return refuse("headers", "must be an object");
        json_cursor members(value);
        std::string name;
        for (json_value text; members.next(name, text);) {
            if (text.kind != json_kind::string)
                return refuse("headers", "must have strings as values");
            out_.headers.emplace_back(name, json_unescape(text));
            if (out_.headers.size() > headers_max) break;
        }
        if (auto wrong = fault_of_headers(out_.headers)) return refuse("headers", *wrong);
        return std::nullopt;
    }

    std::optional<error> body(json_value value) {
        if (value.kind == json_kind::null) return std::nullopt;
        if (value.kind == json_kind::string) {
            out_.body = json_unescape(value);
            out_.content_type = "text/plain; charset=utf-8";
        } else {
            out_.body = value.text;
            out_.content_type = "application/json";
        }
        return std::nullopt;
    }

    std::optional<error> timeout(json_value value) {
        const auto ms =
            value.kind == json_kind::number ? json_integer(value) : std::optional<std::int64_t>{};
        if (!ms || *ms < 1 || milliseconds{*ms} > exchange_time_max)
            return refuse("timeout_ms", "must be a whole number from 1 to 900000");
        out_.timeout = milliseconds{*ms};
        return std::nullopt;
    }

    std::optional<error> sign(json_value value) {
        const auto wanted =
            value.kind == json_kind::boolean ? json_boolean(value) : std::optional<bool>{};
        if (!wanted) return refuse("sign", "must be true or false");
        out_.sign = *wanted;
        return std::nullopt;
    }

    std::optional<error> complete() {
        if (out_.url.host.empty()) return refuse("url", "is missing");
        const bool has_body = !out_.content_type.empty();
        if (out_.method.empty()) out_.method = has_body ? "POST" : "GET";
        if (has_body && goes_without_body(out_.method))
            return refuse("body", "must not come with " + out_.method);
        return std::nullopt;
    }

    http_args out_;
};

}  // namespace

result<http_args> parse_http_args(const raw_json& args) {
    json_cursor elements(json_root(args));
    std::string key;
    json_value first;
    json_value more;
    if (!elements.next(key, first) || first.kind != json_kind::object)
        return refuse("", "must be an object with at least a url");
    if (elements.next(key, more))
        return error(errc::validation_failed, "args: must be one object and nothing else",
                     R"("field":"args")");
    reader all;
    if (auto wrong = all.read(first)) return std::move(*wrong);
    return all.take();
}

}  // namespace sluice::worker::push
