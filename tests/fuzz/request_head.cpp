#include "server/http/head_check.hpp"
#include "server/http/request_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Whatever a peer sends as requests, cut wherever the network likes: reading must not crash, must
/// keep to its bounds, and must not depend on where the bytes were cut.
namespace {

using namespace sluice::http;

constexpr std::size_t buffer_max = 8 * 1024;
constexpr std::size_t body_max = 4 * 1024;
constexpr head_limits limits{4 * 1024, 16};

void demand(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

/// All that a session would see of a connection.
struct story {
    std::vector<std::string> requests;  ///< method, path, fields and body of each
    int refused = 0;                    ///< status of what ended it; 0: the bytes did

    bool operator==(const story&) const = default;
};

/// A session without a socket.
class connection {
public:
    void receive(std::string_view bytes) {
        for (const char byte : bytes) {
            // What does not fit yet would wait in the socket.
            if (buffer_.size() == buffer_max) read();
            if (seen_.refused != 0) return;
            demand(buffer_.size() < buffer_max, "a full buffer is neither read nor refused");
            buffer_ += byte;
        }
        read();
    }
    const story& seen() const { return seen_; }

private:
    void read() {
        while (seen_.refused == 0 && (in_body_ ? read_body() : read_head())) {
        }
    }

    bool read_head() {
        const parse_step step = reader_.read_head(buffer_);
        if (step == parse_step::need_more) return false;
        if (step == parse_step::fault) return refuse(reader_.fault().status);
        demand(reader_.consumed() <= limits.bytes_max, "a head is above its limit");
        demand(reader_.head().fields.size() <= limits.fields_max, "a head has too many fields");
        request_ = {};
        facts_ = {};
        if (const auto no = check_head(reader_.head(), 1024, facts_, request_))
            return refuse(no->status);
        check_accepted();
        buffer_.erase(0, reader_.consumed());
        reader_.begin_body(body_max);
        in_body_ = true;
        if (facts_.content_length > body_max) return refuse(413);
        return true;
    }

    /// What every handler may take for granted.
    void check_accepted() const {
        const std::string& path = request_.path;
        demand(path.starts_with('/') || path == "*", "a path without slash");
        demand(path.find("/..") == std::string::npos, "a path that climbs");
        demand(path.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos,
               "a control character in a path");
        demand(!(facts_.chunked && facts_.content_length != 0), "two framings at once");
        for (const auto& [name, value] : request_.fields)
            demand(value.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos,
                   "a control character in a field");
    }

    bool read_body() {
        if (facts_.has_body()) {
            const bool full = buffer_.size() == buffer_max;
            const parse_step step = reader_.read_body(buffer_, full, request_.body);
            buffer_.erase(0, step == parse_step::fault ? 0 : reader_.consumed());
            demand(request_.body.size() <= body_max, "a body is above its limit");
            if (step == parse_step::fault) return refuse(reader_.fault().status);
            if (step == parse_step::need_more) return false;
        }
        std::string all = request_.method + ' ' + request_.path + '\n';
        for (const auto& [name, value] : request_.fields) all += name + ':' + value + '\n';
        seen_.requests.push_back(all + request_.body);
        reader_.reset();
        in_body_ = false;
        return true;
    }

    bool refuse(int status) {
        demand(status >= 400 && status < 600, "a refusal without a status");
        seen_.refused = status;
        return false;
    }

    request_reader reader_{limits};
    std::string buffer_;
    request request_;
    head_facts facts_;
    bool in_body_ = false;
    story seen_;
};

/// The first bytes of the input say where the rest is cut.
story read_in_pieces(std::string_view cuts, std::string_view bytes) {
    connection c;
    for (std::size_t i = 0; !bytes.empty(); ++i) {
        const std::size_t size = 1 + static_cast<unsigned char>(cuts[i % cuts.size()]);
        c.receive(bytes.substr(0, size));
        bytes.remove_prefix(std::min(size, bytes.size()));
    }
    return c.seen();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.size() < 5) return 0;
    const std::string_view bytes = input.substr(4);
    connection whole;
    whole.receive(bytes);
    const story pieces = read_in_pieces(input.substr(0, 4), bytes);
    // Requests taken are the same. Where one is refused in both, the reason may be found at another
    // byte; and a head that is wrong is not always noticed before its end.
    const std::size_t common = std::min(pieces.requests.size(), whole.seen().requests.size());
    demand(pieces.requests.size() == common && whole.seen().requests.size() == common,
           "cutting changes how many requests there are");
    demand(pieces.requests == whole.seen().requests, "cutting changes a request");
    return 0;
}
