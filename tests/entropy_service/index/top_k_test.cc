#include "entropy_service/index/top_k.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using testing::ElementsAre;

TEST(TopKTest, KeysOrderByDistanceThenRow) {
  EXPECT_LT(NeighborKey(0.0f, 9), NeighborKey(1e-40f, 0));
  EXPECT_LT(NeighborKey(1.0f, 9), NeighborKey(1.0000001f, 0));
  EXPECT_LT(NeighborKey(1.0f, 3), NeighborKey(1.0f, 4));
  EXPECT_EQ(KeyRow(NeighborKey(2.5f, 77)), 77u);
  EXPECT_EQ(KeyDistance(NeighborKey(2.5f, 77)), 2.5f);
}

TEST(TopKTest, KeepsTheSmallestOfADescendingStream) {
  TopK nearest;
  nearest.Reset(3);
  EXPECT_EQ(nearest.threshold(), std::numeric_limits<float>::infinity());
  for (uint32_t i = 200; i > 0; --i) {
    nearest.Offer(NeighborKey(static_cast<float>(i), i));
  }
  EXPECT_THAT(
      nearest.Sorted(),
      ElementsAre(NeighborKey(1, 1), NeighborKey(2, 2), NeighborKey(3, 3)));
  EXPECT_EQ(nearest.Kth(), NeighborKey(3, 3));
}

TEST(TopKTest, AmongTiesKeepsTheSmallestRows) {
  TopK nearest;
  nearest.Reset(2);
  for (const uint32_t row : {9u, 4u, 7u, 2u, 8u}) {
    nearest.Offer(NeighborKey(1.0f, row));
  }
  EXPECT_THAT(nearest.Sorted(),
              ElementsAre(NeighborKey(1, 2), NeighborKey(1, 4)));
}

TEST(TopKTest, ResetForgetsTheLastStream) {
  TopK nearest;
  nearest.Reset(1);
  nearest.Offer(NeighborKey(0.5f, 1));
  nearest.Reset(2);
  nearest.Offer(NeighborKey(3.0f, 2));
  EXPECT_THAT(nearest.Sorted(), ElementsAre(NeighborKey(3, 2)));
}

}  // namespace
}  // namespace kmyriad
