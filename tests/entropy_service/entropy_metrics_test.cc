#include "entropy_service/entropy_metrics.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AgentQuantilesTest : public testing::Test {
 protected:
  void Expect(const std::string& stat, const std::string& value) {
    EXPECT_THAT(registry_.Text(),
                HasSubstr("number{stat=\"" + stat + "\"} " + value + "\n"));
  }

  MetricsRegistry registry_;
  AgentQuantiles quantiles_{registry_, "number", "Of an agent."};
};

TEST_F(AgentQuantilesTest, FiveSeriesTellOfAnyNumberOfAgents) {
  std::vector<double> values;
  for (int i = 100; i >= 0; --i) values.push_back(i);
  quantiles_.Set(values);
  Expect("min", "0");
  Expect("p10", "10");
  Expect("p50", "50");
  Expect("p90", "90");
  Expect("max", "100");
}

TEST_F(AgentQuantilesTest, AgentsWithoutANumberAreLeftOut) {
  quantiles_.Set({NAN, 3, NAN});
  Expect("min", "3");
  Expect("max", "3");
  // Nobody has one: the last ones stay.
  quantiles_.Set({NAN});
  quantiles_.Set({});
  Expect("p50", "3");
  EXPECT_THAT(registry_.Text(), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace kmyriad
