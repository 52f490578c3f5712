#include "actor/rollout/byte_credits.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

TEST(ByteCreditsTest, NeverExceedsTheGrant) {
  ByteCredits credits(100);
  EXPECT_TRUE(credits.CanSend(100));
  EXPECT_FALSE(credits.CanSend(101));
  EXPECT_FALSE(credits.CanSend(std::numeric_limits<uint64_t>::max()));
  credits.Sent(60);
  EXPECT_TRUE(credits.CanSend(40));
  EXPECT_FALSE(credits.CanSend(41));
  credits.Sent(40);
  EXPECT_TRUE(credits.CanSend(0));
  EXPECT_FALSE(credits.CanSend(1));
  EXPECT_THAT(credits.Acknowledge(30), IsOk());
  EXPECT_EQ(credits.unacked(), 70u);
  EXPECT_TRUE(credits.CanSend(30));
  EXPECT_FALSE(credits.CanSend(31));
}

TEST(ByteCreditsTest, RefusesAcksThatMakeNoSense) {
  ByteCredits credits(100);
  credits.Sent(50);
  EXPECT_THAT(credits.Acknowledge(51),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(credits.Acknowledge(20), IsOk());
  EXPECT_THAT(credits.Acknowledge(20), IsOk());
  EXPECT_THAT(credits.Acknowledge(19),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // What was refused changed nothing.
  EXPECT_EQ(credits.unacked(), 30u);
}

}  // namespace
}  // namespace kmyriad
