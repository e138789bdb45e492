#include "client/failure.hpp"

#include <stdexcept>

namespace sluice::client {

bool may_come_back(const failure& f) {
    return f.kind == failure_kind::unreachable || f.kind == failure_kind::lost ||
           f.kind == failure_kind::timed_out || f.retryable;
}

void throw_exception_from_error(const failure& f, const boost::source_location&) {
    throw std::runtime_error(f.message);
}

void throw_exception_from_error(const complaint& c, const boost::source_location&) {
    throw std::runtime_error(c.text);
}

namespace {

exit_code exit_code_of_status(int status) {
    switch (status) {
        case 400:
        case 413:
        case 415:
        case 422:
            return exit_code::usage;
        case 401:
        case 403:
            return exit_code::denied;
        case 404:
        case 410:
            return exit_code::not_found;
        case 409:
            return exit_code::conflict;
        case 408:
        case 504:
            return exit_code::timed_out;
        default:
            return exit_code::failed;
    }
}

}  // namespace

exit_code exit_code_of(const failure& f) {
    switch (f.kind) {
        case failure_kind::unreachable:
        case failure_kind::lost:
            return exit_code::unreachable;
        case failure_kind::timed_out:
            return exit_code::timed_out;
        case failure_kind::closed:
            return exit_code::interrupted;
        case failure_kind::refused:
            return exit_code_of_status(f.status);
        case failure_kind::bad_answer:
            return exit_code::failed;
    }
    return exit_code::failed;
}

}  // namespace sluice::client
