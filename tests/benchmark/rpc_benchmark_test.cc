#include "tests/benchmark/rpc_benchmark.h"

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

// Says nothing about speed: only that everything sent arrives and is counted.
TEST(RpcBenchmarkTest, CarriesEveryByteOverEveryTransport) {
  RpcBenchmarkOptions options;
  options.megabytes = 5;
  options.repeats = 1;
  options.batch_bytes = 100000;
  options.credit_bytes = 200000;
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json result,
                               RunRpcBenchmark(options));
  // Four segments of 16 x 400 samples of 165 bytes, in slices of 37 steps.
  EXPECT_EQ(result["bytes"], 4 * 16 * 400 * 165);
  EXPECT_EQ(result["batch_bytes"], 37 * 16 * 165);
  for (const char* transport : {"unix", "tcp", "mtls"}) {
    EXPECT_EQ(result[transport]["batches"], 4 * 11) << transport;
    EXPECT_GT(result[transport]["megabytes_per_second"], 0) << transport;
  }
  EXPECT_TRUE(result["cpu_ns_per_byte_by_part"]["valid"]);
}

TEST(RpcBenchmarkTest, RefusesOptionsThatMakeNoSense) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  RpcBenchmarkOptions options;
  options.transport = "carrier pigeon";
  EXPECT_THAT(RunRpcBenchmark(options),
              StatusIs(kInvalid, HasSubstr("--transport")));
  options = {};
  options.megabytes = 0;
  EXPECT_THAT(RunRpcBenchmark(options),
              StatusIs(kInvalid, HasSubstr("--megabytes")));
  options = {};
  options.repeats = 0;
  EXPECT_THAT(RunRpcBenchmark(options),
              StatusIs(kInvalid, HasSubstr("--repeats")));
  options = {};
  options.batch_bytes = 100;
  EXPECT_THAT(RunRpcBenchmark(options),
              StatusIs(kInvalid, HasSubstr("--batch-bytes")));
  options = {};
  options.credit_bytes = options.batch_bytes - 1;
  EXPECT_THAT(RunRpcBenchmark(options),
              StatusIs(kInvalid, HasSubstr("--credit-bytes")));
}

}  // namespace
}  // namespace kmyriad
