#include "entropy_service/index/index_factory.h"

#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

absl::StatusOr<ChosenIndex> Create(const char* engine, uint32_t dims,
                                   float first = 0) {
  std::vector<float> coordinates(20 * dims);
  std::iota(coordinates.begin(), coordinates.end(), 1.0f);
  coordinates[0] = first;
  std::vector<uint32_t> ids(20);
  std::iota(ids.begin(), ids.end(), 0u);
  ThreadPool pool(1);
  return CreateKnnIndex(engine, {coordinates, ids, dims}, SimdLevel::kScalar,
                        pool);
}

TEST(IndexFactoryTest, ChoosesByDimension) {
  const auto low = Create("auto", 3);
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->index->name(), "grid");
  EXPECT_EQ(low->reason, "d = 3 <= 3");
  EXPECT_EQ(low->index->size(), 20u);
  const auto middle = Create("auto", 4);
  ASSERT_TRUE(middle.ok());
  EXPECT_EQ(middle->index->name(), "kd_tree");
  EXPECT_EQ(middle->reason, "d = 4 > 3, <= 7");
  const auto high = Create("auto", 8);
  ASSERT_TRUE(high.ok());
  EXPECT_EQ(high->index->name(), "brute_force");
  EXPECT_EQ(high->reason, "d = 8 > 7");
}

TEST(IndexFactoryTest, TakesTheEngineThatIsAskedFor) {
  const auto chosen = Create("brute_force", 2);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->index->name(), "brute_force");
  EXPECT_EQ(chosen->reason, "asked for");
}

TEST(IndexFactoryTest, RefusesWhatNoEngineTakes) {
  EXPECT_EQ(Create("grid", 4).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Create("annoy", 2).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Create("auto", 2, 1e30f).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Create("auto", 8, 1e30f).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Create("auto", 4, 1e30f).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kmyriad
