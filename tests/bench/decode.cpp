#include "proto/codec.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

/// The ingest path alone: a job of about 200 bytes into a spec, and the answer that shows it.
namespace {

using namespace sluice;

constexpr std::string_view body =
    R"({"type":"email.send","args":["user@example.com","welcome",{"locale":"en"}],)"
    R"("meta":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"},)"
    R"("options":{"queue":"email","priority":10,"timeout_ms":30000,"tags":["onboarding"]}})";

void check(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(check_json(body, 64));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(check);

void decode(benchmark::State& state) {
    const timestamp now{std::chrono::microseconds{1'770'892'200'000'000}};
    for (auto _ : state) benchmark::DoNotOptimize(decode_job(body, now));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(decode);

void encode(benchmark::State& state) {
    const timestamp now{std::chrono::microseconds{1'770'892'200'000'000}};
    job_record record;
    auto spec = *decode_job(body, now);
    spec.id = make_uuid(now, 1, 1);
    record.spec = std::make_shared<const job_spec>(std::move(spec));
    record.received_at = now;
    record.available_at = record.durable_at = now;
    for (auto _ : state) {
        std::string text;
        append_job(text, record);
        benchmark::DoNotOptimize(text);
    }
}
BENCHMARK(encode);

void store(benchmark::State& state) {
    const auto spec = *decode_job(body, timestamp{});
    for (auto _ : state) benchmark::DoNotOptimize(encode_stored_spec(spec));
}
BENCHMARK(store);

}  // namespace

BENCHMARK_MAIN();
