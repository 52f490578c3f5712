#include "tests/testing/prometheus_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

TEST(PrometheusTextTest, ReadsTheFormatsOwnExample) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      const PrometheusText text,
      ParsePrometheusText(
          R"(# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
# TYPE file_seconds untyped
file_seconds{path="C:\\DIR\\F.TXT",error="no \n \"F\""} 1.458255915e9
# TYPE no_labels gauge
no_labels -Inf
# TYPE duration histogram
duration_bucket{le="0.05"} 24054
duration_bucket{le="+Inf"} 144320
duration_sum 53423
duration_count 144320
# TYPE size summary
size{quantile="0.5"} 3
size_sum 9
size_count 3
)"));
  EXPECT_EQ(text.Value("http_requests_total", {{"code", "400"}}), 3);
  EXPECT_TRUE(std::isnan(text.Value("http_requests_total")));
  EXPECT_EQ(text.Value("no_labels"), -HUGE_VAL);
  EXPECT_EQ(text.Value("file_seconds",
                       {{"path", "C:\\DIR\\F.TXT"}, {"error", "no \n \"F\""}}),
            1.458255915e9);
  EXPECT_EQ(text.Value("duration_bucket", {{"le", "0.05"}}), 24054);
  EXPECT_EQ(text.types.at("duration"), "histogram");
}

// The negative control: what a server would refuse is refused here.
TEST(PrometheusTextTest, RefusesEveryBreachOfTheFormat) {
  for (const auto& [broken, why] : std::map<std::string, std::string>{
           {"# TYPE a gauge\na 1", "last line"},
           {"a 1\n", "no TYPE"},
           {"# TYPE a gauge\na\n", "no single value"},
           {"# TYPE a gauge\na one\n", "no number"},
           {"# TYPE a gauge\na 1 2 3\n", "no single value"},
           {"# TYPE a gauge\n1a 1\n", "metric name"},
           {"# TYPE a gauge\na{b=\"1\" 1\n", "no comma"},
           {"# TYPE a gauge\na{b=1} 1\n", "no quote"},
           {"# TYPE a gauge\na{b=\"1} 1\n", "open quote"},
           {"# TYPE a gauge\na{b=\"\\x\"} 1\n", "escape"},
           {"# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n", "label twice"},
           {"# TYPE a gauge\na{=\"1\"} 1\n", "bad label"},
           {"# TYPE a gauge\na 1\na 2\n", "series twice"},
           {"# TYPE a gauge\n# TYPE a counter\n", "second TYPE"},
           {"# TYPE a speed\n", "bad TYPE"},
           {"# TYPE a counter\na -1\n", "negative"},
           {"# TYPE a histogram\na 1\n", "no TYPE"},
           {"# TYPE a summary\na_bucket{le=\"+Inf\"} 1\n", "no TYPE"},
           {"# TYPE a histogram\na_bucket{le=\"1\"} 3\na_bucket{le=\"+Inf\"} "
            "2\na_count 2\n",
            "falling"},
           {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_count 3\n", "+Inf"},
           {"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_count 2\n", "+Inf"},
       }) {
    EXPECT_THAT(ParsePrometheusText(broken),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << broken;
  }
}

}  // namespace
}  // namespace kmyriad
