#include "tests/benchmark/physics_stages/counting_lanes.h"

#include "actor/physics/simd/mass_matrix.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// What `work` counts.
template <typename Work>
FlopCounts Counted(const Work& work) {
  CountedStages::Enter(StepStage::kSolver);
  CountedStages::current() = {};
  work();
  const FlopCounts counts = CountedStages::current();
  CountedStages::Leave();
  return counts;
}

TEST(CountingLanesTest, CountsOperationsAndNotChangesOfSign) {
  const CountingLanes a(2), b(3);
  CountingLanes sum(0);
  const FlopCounts counts = Counted([&] {
    sum = Fma(a, b, a) + a * b - a / b;
    sum = Max(sum, CountingLanes(0) - Sqrt(sum));
    sum = Select(Less(a, b), sum, a);
  });
  EXPECT_EQ(counts.fused, 1u);
  EXPECT_EQ(counts.simple, 3u);
  EXPECT_EQ(counts.divisions, 1u);
  EXPECT_EQ(counts.roots, 1u);
  EXPECT_EQ(counts.flops(), 7u);
}

TEST(CountingLanesTest, CountsNothingOutsideOfStages) {
  const FlopCounts before = CountedStages::of(StepStage::kSolver);
  const CountingLanes product = CountingLanes(2) * CountingLanes(3);
  EXPECT_EQ(BitsOfMask(Equal(product, CountingLanes(6))), 0xFFFFu);
  EXPECT_EQ(CountedStages::of(StepStage::kSolver).simple, before.simple);
}

// The textbook's count: a row with n ancestors takes a division, n products
// and n (n + 1) / 2 multiply-adds.
TEST(CountingLanesTest, FactorizationHasItsTextbookCount) {
  // A trunk of three dofs and two branches of two; entry d: its parent.
  constexpr int32_t kParent[] = {-1, 0, 1, 2, 3, 2, 5};
  RobotModel<float> tree = {};
  uint64_t fused = 0, products = 0;
  for (const int32_t parent : kParent) {
    const int32_t d = tree.dofs++;
    tree.first_ancestor[d] = tree.mass_entries;
    for (int32_t k = 0; parent >= 0 && k < tree.ancestors[parent]; ++k) {
      tree.ancestor[tree.mass_entries++] =
          tree.ancestor[tree.first_ancestor[parent] + k];
    }
    tree.ancestor[tree.mass_entries++] = d;
    tree.ancestors[d] = tree.mass_entries - tree.first_ancestor[d];
    const auto n = static_cast<uint64_t>(tree.ancestors[d] - 1);
    products += n;
    fused += n * (n + 1) / 2;
  }
  CountingLanes matrix[kMaxMassEntries], inverse[kMaxDofs];
  for (int32_t k = 0; k < tree.mass_entries; ++k) {
    matrix[k] = CountingLanes(1);
  }
  const FlopCounts counts = Counted([&] { Factorize(tree, matrix, inverse); });
  EXPECT_EQ(products, 17u);
  EXPECT_EQ(counts.fused, fused);
  EXPECT_EQ(counts.simple, products);
  EXPECT_EQ(counts.divisions, 7u);
}

}  // namespace
}  // namespace kmyriad
