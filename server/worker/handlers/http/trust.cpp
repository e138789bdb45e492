#include "server/worker/handlers/http/trust.hpp"

#include <openssl/ssl.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace sluice::worker::push {

namespace asio = boost::asio;

asio::ssl::context make_client_tls(const std::string& ca_file) {
    asio::ssl::context tls{asio::ssl::context::tls_client};
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    tls.set_default_verify_paths();
    if (!ca_file.empty()) tls.load_verify_file(ca_file);
    tls.set_verify_mode(asio::ssl::verify_peer);
    return tls;
}

std::optional<std::string> fault_of_ca_file(const std::string& ca_file) {
    if (ca_file.empty()) return std::nullopt;
    std::ifstream file(ca_file, std::ios::binary);
    file.peek();
    if (!file && !file.eof())
        return ca_file +
               " cannot be read: " + std::error_code(errno, std::generic_category()).message();
    try {
        make_client_tls(ca_file);
    } catch (const boost::system::system_error& e) {
        return ca_file + " is no PEM file of certificates: " + e.code().message();
    }
    return std::nullopt;
}

}  // namespace sluice::worker::push
