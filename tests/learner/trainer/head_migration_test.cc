#include "learner/trainer/head_migration.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Copies = std::vector<std::pair<uint32_t, uint32_t>>;

Copies Advance(HeadMigration& migration, std::vector<uint32_t> successes,
               std::vector<uint64_t> steps = {}) {
  TaskOutcome outcome;
  steps.resize(successes.size(), 10);
  outcome.successes = std::move(successes);
  outcome.steps = std::move(steps);
  Copies copies;
  for (const HeadCopy& copy : migration.Advance(outcome)) {
    copies.emplace_back(copy.from, copy.to);
  }
  return copies;
}

TEST(HeadMigrationTest, OnlyFailuresInARowCount) {
  HeadMigration migration(4, 2);
  EXPECT_THAT(Advance(migration, {1, 0, 0, 1}), IsEmpty());
  // Agent 1 succeeds in between.
  EXPECT_THAT(Advance(migration, {1, 1, 0, 1}), ElementsAre(std::pair(0, 2)));
  EXPECT_THAT(Advance(migration, {1, 0, 0, 1}), IsEmpty());
  // The copy has a count of its own. Of four, two may descend from agent 0, and
  // do.
  EXPECT_THAT(Advance(migration, {1, 0, 1, 1}), ElementsAre(std::pair(3, 1)));
}

TEST(HeadMigrationTest, ParentsAreThoseWithMoreSuccessesThenTheQuicker) {
  HeadMigration migration(8, 1);
  EXPECT_THAT(
      Advance(migration, {2, 3, 3, 1, 0, 1, 1, 1}, {20, 90, 60, 1, 0, 1, 1, 1}),
      ElementsAre(std::pair(2, 4)));
}

TEST(HeadMigrationTest, NobodyFathersMoreThanAQuarter) {
  HeadMigration migration(12, 1);
  // Three of twelve: two copies each, as long as there are parents.
  EXPECT_THAT(Advance(migration, {0, 0, 0, 0, 5, 4, 0, 0, 0, 0, 0, 0}),
              ElementsAre(std::pair(4, 0), std::pair(4, 1), std::pair(5, 2),
                          std::pair(5, 3)));
  // A copy's copies are its founder's.
  EXPECT_THAT(Advance(migration, {9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0, 1}),
              ElementsAre(std::pair(11, 6), std::pair(11, 7)));
}

TEST(HeadMigrationTest, WithoutAnySuccessNobodyMoves) {
  HeadMigration migration(4, 1);
  for (int epoch = 0; epoch < 3; ++epoch) {
    EXPECT_THAT(Advance(migration, {0, 0, 0, 0}), IsEmpty());
  }
}

TEST(HeadMigrationTest, GoesOnFromWhatWasSaved) {
  HeadMigration first(8, 2);
  Advance(first, {1, 0, 0, 0, 0, 0, 0, 0});
  std::vector<NamedTensor> tensors = {
      {"adam.steps", TensorType::kInt64, {}, {}}};
  first.Save(&tensors);
  HeadMigration second(8, 2);
  ASSERT_THAT(second.Load(&tensors), IsOk());
  ASSERT_EQ(tensors.size(), 1u);
  EXPECT_EQ(tensors[0].name, "adam.steps");
  for (int epoch = 0; epoch < 3; ++epoch) {
    const std::vector<uint32_t> successes = {1, 0, 0, 1, 0, 0, 0, 0};
    EXPECT_EQ(Advance(first, successes), Advance(second, successes));
  }
}

TEST(HeadMigrationTest, RefusesWhatIsNotItsState) {
  HeadMigration migration(4, 1);
  std::vector<NamedTensor> tensors;
  EXPECT_THAT(migration.Load(&tensors),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("migration.failures is missing")));
  HeadMigration(3, 1).Save(&tensors);
  EXPECT_THAT(
      migration.Load(&tensors),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not int64 [4]")));
  tensors.clear();
  migration.Save(&tensors);
  tensors[1].data[0] = 4;
  EXPECT_THAT(migration.Load(&tensors),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("migration.founders holds 4")));
}

}  // namespace
}  // namespace kmyriad
