#ifndef KMYRIAD_TESTS_BENCHMARK_RPC_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_RPC_BENCHMARK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct RpcBenchmarkOptions {
  // "unix", "tcp" (loopback), "mtls" (the same, with mutual TLS) or "all".
  std::string transport = "all";
  // Of state batches per run; a run takes the best of `repeats`.
  uint64_t megabytes = 1000;
  uint32_t repeats = 3;
  // As in the configuration's rpc group.
  uint64_t batch_bytes = 262144;
  uint64_t credit_bytes = 16777216;
};

// The state stream from the actor's client to the learner's epoch buffer, with
// the shapes of 1000 Ants: encode, checksum, send, receive, validate, copy in
// place, acknowledge. Both ends run in this process, so that its CPU time,
// user and system, is that of client and server together. Both count their
// calls in metrics, as the programs do.
//
// Fields: bytes, batch_bytes, credit_bytes, per transport an object
// {cpu_ns_per_byte, megabytes_per_second, seconds, batches}, the parts that
// need no transport in CPU-ns per byte (encode, validate, store), and sha256,
// which a segment costs once at each end and the transports above leave out.
// INVALID_ARGUMENT for options that make no sense.
absl::StatusOr<nlohmann::json> RunRpcBenchmark(
    const RpcBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_RPC_BENCHMARK_H_
