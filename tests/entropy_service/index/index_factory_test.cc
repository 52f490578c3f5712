#include "entropy_service/index/index_factory.h"

#include <numeric>
#include <vector>

#include "common/math/philox.h"
#include "gmock/gmock.h"
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

TEST(IndexFactoryTest, TakesTheGridUpToThreeDimensions) {
  const auto low = Create("auto", 3);
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->index->name(), "grid");
  EXPECT_EQ(low->reason, "d = 3 <= 3");
  EXPECT_EQ(low->index->size(), 20u);
}

TEST(IndexFactoryTest, ComparesFewPointsAtOnce) {
  const auto few = Create("auto", 4);
  ASSERT_TRUE(few.ok());
  EXPECT_EQ(few->index->name(), "brute_force");
  EXPECT_EQ(few->reason, "N = 20 <= 512");
}

// Points of `dims` features that vary along `free` of them only.
absl::StatusOr<ChosenIndex> CreateFlat(uint32_t dims, uint32_t free,
                                       int threads) {
  constexpr uint32_t kPoints = 4000;
  std::vector<float> coordinates(kPoints * dims);
  for (uint32_t i = 0; i < kPoints; ++i) {
    for (uint32_t j = 0; j < free; ++j) {
      coordinates[i * dims + j] = UniformOpen(
          RunRandom(1, RandomStream::kEvaluation, i, 0, j, 0).word[0]);
    }
  }
  std::vector<uint32_t> ids(kPoints);
  std::iota(ids.begin(), ids.end(), 0u);
  ThreadPool pool(threads);
  return CreateKnnIndex("auto", {coordinates, ids, dims}, SimdLevel::kScalar,
                        pool);
}

TEST(IndexFactoryTest, ProbesWhetherATreeIsWorthIt) {
  const auto flat = CreateFlat(20, 2, 1);
  ASSERT_TRUE(flat.ok());
  EXPECT_EQ(flat->index->name(), "kd_tree") << flat->reason;
  EXPECT_THAT(flat->reason, testing::HasSubstr("d = 20, 256 probes"));
  const auto full = CreateFlat(20, 20, 1);
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->index->name(), "brute_force") << full->reason;
  EXPECT_EQ(full->index->size(), 4000u);
}

TEST(IndexFactoryTest, TheChoiceIsAFunctionOfThePoints) {
  const auto first = CreateFlat(9, 6, 1);
  ASSERT_TRUE(first.ok());
  for (const int threads : {1, 2, 5}) {
    EXPECT_EQ(CreateFlat(9, 6, threads)->reason, first->reason);
  }
}

TEST(IndexFactoryTest, TakesTheEngineThatIsAskedFor) {
  const auto chosen = Create("brute_force", 2);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->index->name(), "brute_force");
  EXPECT_EQ(chosen->reason, "asked for");
}

// With a GPU they must work; without one they say so in one line.
TEST(IndexFactoryTest, CudaEnginesNeedAGpu) {
  for (const char* engine : {"cuda_grid", "cuda_brute_force"}) {
    const absl::Status checked = CheckKnnEngine(engine);
    const auto chosen = Create(engine, 2);
    EXPECT_EQ(chosen.status().code(), checked.code());
    if (checked.ok()) {
      EXPECT_EQ(chosen->index->name(), engine);
    } else {
      EXPECT_EQ(checked.code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_THAT(std::string(checked.message()),
                  testing::AllOf(testing::HasSubstr("CUDA"),
                                 testing::HasSubstr("use engine auto"),
                                 testing::Not(testing::HasSubstr("\n"))));
    }
  }
  EXPECT_EQ(CheckKnnEngine("annoy").code(), absl::StatusCode::kInvalidArgument);
  for (const char* engine : {"auto", "grid", "kd_tree", "brute_force"}) {
    EXPECT_TRUE(CheckKnnEngine(engine).ok()) << engine;
  }
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
