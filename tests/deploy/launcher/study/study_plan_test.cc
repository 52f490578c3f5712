#include "deploy/launcher/study/study_plan.h"

#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace kmyriad {
namespace {

constexpr char kStudy[] = R"(
seeds: [3, 4]
world { name: "maze" preset: "point-maze" goal: ["G1", "G2"] }
world { name: "bare" preset: "point-maze" set: "entropy.k=9" }
arm { name: "all" }
arm { name: "joint" pretrained_by: "all" use: "joint" }
arm { name: "none" use: "random" set: "ppo.learning_rate=0.002" }
)";

StudyPlan Plan(absl::string_view text = kStudy) {
  auto plan = ParseStudy(text, "f");
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : StudyPlan();
}

TEST(StudyPlanTest, CellsAreTheGridWithoutWhatIsNotPretrained) {
  const StudyPlan plan = Plan();
  ASSERT_EQ(plan.units.size(), 2u * 2 * 3);
  // Per seed: three arms at two goals, and "all" pretrained in both worlds.
  const std::vector<StudyCell> cells = plan.Cells();
  ASSERT_EQ(cells.size(), 2u * (3 * 2 + 2));
  EXPECT_EQ(cells[0].Name(), "maze all seed 3");
  EXPECT_EQ(cells[1].Name(), "maze all seed 3 G1");
  EXPECT_EQ(cells.back().Name(), "bare all seed 4");
}

TEST(StudyPlanTest, AnArmTakesTheRunsOfTheOneThatPretrainsForIt) {
  const StudyPlan plan = Plan();
  EXPECT_EQ(plan.units[1].source, plan.units[0].source);
  EXPECT_FALSE(plan.units[1].pretrains);
  EXPECT_EQ(plan.units[1].terrain, "maze");
  EXPECT_EQ(plan.units[1].RunName("G2"), "maze-joint-3-G2");
  EXPECT_EQ(plan.units[2].source_epochs, 1u);
  EXPECT_EQ(plan.units[0].source_epochs, 0u);
}

TEST(StudyPlanTest, AFingerprintChangesWithWhateverItsCellDependsOn) {
  const StudyPlan plan = Plan();
  const StudyCell pretrained = {"maze", "all", 3, ""};
  const StudyCell tuned = {"maze", "all", 3, "G1"};
  const StudyCell joint = {"maze", "joint", 3, "G1"};
  EXPECT_NE(plan.Fingerprint(tuned), plan.Fingerprint(pretrained));
  EXPECT_NE(plan.Fingerprint(tuned), plan.Fingerprint(joint));
  EXPECT_EQ(plan.Fingerprint({"maze", "all", 5, ""}), "");
  const StudyPlan longer = Plan(std::string(kStudy) + "finetune_epochs: 50");
  EXPECT_EQ(longer.Fingerprint(pretrained), plan.Fingerprint(pretrained));
  EXPECT_NE(longer.Fingerprint(tuned), plan.Fingerprint(tuned));
  const StudyPlan other = Plan(absl::StrReplaceAll(
      kStudy, {{"name: \"all\" ", "name: \"all\" set: \"entropy.k=7\" "}}));
  EXPECT_NE(other.Fingerprint(pretrained), plan.Fingerprint(pretrained));
  EXPECT_NE(other.Fingerprint(joint), plan.Fingerprint(joint));
  // Other arms and seeds do not matter: a study may grow.
  const StudyPlan grown = Plan(std::string(kStudy) + "seeds: 5");
  EXPECT_EQ(grown.Fingerprint(tuned), plan.Fingerprint(tuned));
}

TEST(StudyPlanTest, WhatCouldNotBeRunIsRefusedInOneLine) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"seeds", "sedes", "f:2:6: Message type \"kmyriad.v1.Study\" has no"},
      {"[3, 4]", "[3, 3]", "f: seeds = 3: is there twice"},
      {"seeds: [3, 4]", "", "f: seeds: missing"},
      {"\"bare\"", "\"maze\"", "f: world.name = maze: is there twice"},
      {"\"bare\"", "\"a/b\"", "f: world.name = \"a/b\": must be letters"},
      {"entropy.k=9", "entropy.kk=9", "world bare, arm all: --set entropy.kk"},
      {"entropy.k=9", "entropy.k=0", "world bare, arm all: entropy.k"},
      {"\"point-maze\" goal", "\"point-mace\" goal", "did you mean"},
      {"\"G2\"", "\"G7\"", "goal G7"},
      {"\"joint\" }", "\"jiont\" }", "arm.use = jiont: use one of"},
      {"by: \"all\"", "by: \"none\"", "arm.pretrained_by = none of arm joint"},
      {"use: \"joint\"", "set: \"entropy.k=5\"", "arm itself has no set"},
  };
  for (const auto& one : cases) {
    const auto plan =
        ParseStudy(absl::StrReplaceAll(kStudy, {{one.from, one.to}}), "f");
    ASSERT_FALSE(plan.ok()) << one.to;
    const std::string message(plan.status().message());
    EXPECT_NE(message.find(one.message), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_EQ(message.substr(0, 2), "f:") << message;
  }
}

}  // namespace
}  // namespace kmyriad
