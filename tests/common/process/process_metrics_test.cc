#include "common/process/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/build_info.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::MatchesRegex;

TEST(ProcessMetricsTest, SaysWhatWasBuiltAndWhetherItIsOpen) {
  MetricsRegistry registry;
  ProcessMetrics metrics(registry, "entropy");
  KMYRIAD_ASSERT_OK_AND_ASSIGN(PrometheusText text,
                               ParsePrometheusText(registry.Text()));
  EXPECT_EQ(text.Value("kmyriad_build_info", {{"version", BuildVersion()},
                                              {"revision", BuildRevision()},
                                              {"role", "entropy"}}),
            1);
  EXPECT_EQ(text.Value("kmyriad_rpc_insecure_remote"), 0);
  metrics.SetInsecureRemote(true);
  KMYRIAD_ASSERT_OK_AND_ASSIGN(text, ParsePrometheusText(registry.Text()));
  EXPECT_EQ(text.Value("kmyriad_rpc_insecure_remote"), 1);
}

TEST(ProcessMetricsTest, ServesOnAFreePortOrNotAtAll) {
  MetricsRegistry registry;
  ProcessMetrics metrics(registry, "actor");
  ASSERT_THAT(metrics.Serve(""), IsOk());
  EXPECT_EQ(metrics.address(), "");
  ASSERT_THAT(metrics.Serve("127.0.0.1:0"), IsOk());
  EXPECT_THAT(metrics.address(), MatchesRegex("127.0.0.1:[1-9][0-9]*"));
  ProcessMetrics second(registry, "actor");
  EXPECT_THAT(second.Serve(metrics.address()),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace kmyriad
