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

/// A hundred small jobs in one request, as P3 of bench_field sends them; the time is that of one.
void decode_many(benchmark::State& state) {
    std::string batch = R"({"jobs":[)";
    for (int i = 0; i < 100; ++i)
        batch.append(i > 0 ? "," : "")
            .append(R"({"type":"bench.job","args":[")")
            .append(100, 'x')
            .append(R"("],"options":{"queue":"bench-1"}})");
    batch += "]}";
    for (auto _ : state) benchmark::DoNotOptimize(decode_batch(batch, timestamp{}));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch.size()));
    state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(decode_many);

/// A hundred acks in one request.
void decode_acks(benchmark::State& state) {
    std::string batch = R"({"worker_id":"w1","ack":[)";
    for (int i = 0; i < 100; ++i)
        batch.append(i > 0 ? "," : "")
            .append(R"({"job_id":"019abf6c-7d21-7000-8000-0)")
            .append(std::to_string(10'000 + i))
            .append(R"(12345a","lease":"1.1a2b.90cd12ef"})");
    batch += "]}";
    for (auto _ : state) benchmark::DoNotOptimize(decode_answers(batch, timestamp{}));
    state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(decode_acks);

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
