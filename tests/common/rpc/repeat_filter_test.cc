#include "common/rpc/repeat_filter.h"

#include <gtest/gtest.h>

#include <string>

namespace kmyriad {
namespace {

TEST(RepeatFilterTest, TheSameTextIsDueAgainAfterAWhile) {
  RepeatFilter filter;
  EXPECT_TRUE(filter.Due("a", 100));
  EXPECT_TRUE(filter.Due("b", 105));
  EXPECT_FALSE(filter.Due("a", 109.9));
  EXPECT_TRUE(filter.Due("a", 110));
  EXPECT_FALSE(filter.Due("b", 114.9));
  EXPECT_FALSE(filter.Due("a", 119.9));
}

TEST(RepeatFilterTest, TextsThatAreMadeUpAreBounded) {
  RepeatFilter filter;
  const auto due = [&filter](double now) {
    size_t count = 0;
    for (int i = 0; i < 1000; ++i) {
      count += filter.Due(std::to_string(now * 1000 + i), now) ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(due(0), RepeatFilter::kMaxTexts);
  EXPECT_EQ(due(9), 0u);
  EXPECT_EQ(due(10), RepeatFilter::kMaxTexts);
  // What was said stays known.
  EXPECT_FALSE(filter.Due(std::to_string(10000.0), 11));
}

}  // namespace
}  // namespace kmyriad
