#pragma once

#include "proto/requests.hpp"
#include "server/http/api/handlers.hpp"

namespace sluice::http {

/// Takes all these answers in one commit, as far as the caller may give them; see
/// POST /ojs/v1/workers/batch, whose answer this makes.
asio::awaitable<response> answer_many(services_ptr services, request r, answers_request asked);

}  // namespace sluice::http
