#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/config/run_config.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ParseRunConfigTest, ReadsGroupsListsAndComments) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      const v1::RunConfig config,
      ParseRunConfig("# a comment\nrun { seed: 7 }\n"
                     "network { trunk: 512 trunk: [256] }\n"
                     "env < terrain: 'a/b.txt' >\n"
                     "ppo { normalize_advantages: true gamma: 0.5 }\n",
                     "x"));
  EXPECT_EQ(config.run().seed(), 7u);
  ASSERT_EQ(config.network().trunk_size(), 2);
  EXPECT_EQ(config.network().trunk(1), 256u);
  EXPECT_EQ(config.env().terrain(), "a/b.txt");
  EXPECT_TRUE(config.ppo().normalize_advantages());
  EXPECT_FALSE(config.run().has_epochs());
}

TEST(ParseRunConfigTest, EmptyTextIsAnEmptyConfiguration) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig config,
                               ParseRunConfig("", "x"));
  EXPECT_EQ(config.ByteSizeLong(), 0u);
}

TEST(ParseRunConfigTest, UnknownKeysNameFileLineAndTheNearestKey) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"run { seed: 1 }\nenv {\n  terain: \"maze\"\n}\n",
       R"(f:3: key "env.terain" is unknown; did you mean "env.terrain"?)"},
      {"envv { count: 1 }",
       R"(f:1: key "envv" is unknown; did you mean "env"?)"},
      // The right name in the wrong group.
      {"ppo {\n k: 3 }",
       R"(f:2: key "ppo.k" is unknown; did you mean "entropy.k"?)"},
      {"horizon: 3",
       R"(f:1: key "horizon" is unknown; did you mean "env.horizon"?)"},
      // Strings and comments with braces and colons do not confuse.
      {"env { terrain: \"}{:\" # { x:\n\ttask: 'a' horzon: 3 }",
       R"(f:2: key "env.horzon" is unknown; did you mean "env.horizon"?)"},
      {"env { qwertzuiop: 3 }", R"(f:1: key "env.qwertzuiop" is unknown)"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(ParseRunConfig(text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument, message))
        << text;
  }
}

TEST(ParseRunConfigTest, MistypedValuesNameKeyValueAndType) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"env {\n count: many }", "f:2: env.count = many: not a whole number"},
      {"env { count: 1.5 }", "f:1: env.count = 1.5: not a whole number"},
      {"env { count: -1 }", "f:1: env.count = -1: not a whole number"},
      {"env { count: \"3\" }", "f:1: env.count = \\\"3\\\": not a whole"},
      {"env { count: 99999999999 }", "f:1: env.count = 99999999999: not a"},
      {"env { task: ant }", "f:1: env.task = ant: not a text"},
      {"ppo { gamma: high }", "f:1: ppo.gamma = high: not a number"},
      {"ppo { normalize_advantages: maybe }",
       "f:1: ppo.normalize_advantages = maybe: not true or false"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(
        ParseRunConfig(text, "f"),
        StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(message)))
        << text;
  }
}

TEST(ParseRunConfigTest, BrokenTextIsOneLineWithItsPlace) {
  for (const char* text :
       {"env {", "env }", "}", "env: 3", "env { count }", "env { count: }",
        "run { seed: 1 seed: 2 }", "\"", "env { task: \"a\n\" }", "\x01\xff",
        "[a.b] { }", "env { [x]: 3 }", "run { seed: 0x }"}) {
    EXPECT_THAT(ParseRunConfig(text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("f:"), Not(HasSubstr("\n")))))
        << text;
  }
}

// Damaged files give a configuration or one line, never a crash.
TEST(ParseRunConfigTest, SurvivesRandomDamage) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig config,
                               LoadRunConfig({"ant-maze", "", {}}));
  const std::string good = FormatRunConfig(config);
  SeededRandom random(20260101);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    for (uint64_t hits = 1 + random.Below(4); hits > 0; --hits) {
      const size_t at = random.Below(text.size());
      switch (random.Below(3)) {
        case 0:
          text[at] = static_cast<char>(random.Below(256));
          break;
        case 1:
          text.erase(at, 1 + random.Below(20));
          break;
        default:
          text.insert(at, text.substr(random.Below(text.size()), 9));
      }
      if (text.empty()) break;
    }
    const absl::StatusOr<v1::RunConfig> parsed = ParseRunConfig(text, "f");
    if (!parsed.ok()) {
      ++refused;
      ASSERT_THAT(parsed.status(),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           AllOf(StartsWith("f:"), Not(HasSubstr("\n")))));
    } else {
      ASSERT_THAT(std::string(ValidateRunConfig(*parsed).message()),
                  Not(HasSubstr("\n")));
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(NearestNameTest, FindsSlipsAndLeavesStrangersAlone) {
  const std::vector<std::string> names = {"empty", "maze", "cave", "pyramid"};
  EXPECT_EQ(NearestName("mazze", names), "maze");
  EXPECT_EQ(NearestName("MAZE", names), "maze");
  EXPECT_EQ(NearestName("amze", names), "maze");
  EXPECT_EQ(NearestName("piramid", names), "pyramid");
  EXPECT_EQ(NearestName("forest", names), "");
  EXPECT_EQ(NearestName("", names), "");
  EXPECT_EQ(NearestName("x", {"k"}), "");
  EXPECT_EQ(NearestName("maze", {}), "");
  EXPECT_EQ(NearestName(std::string(1 << 20, 'a'), names), "");
}

// The search that stops early finds what one finds that does not.
TEST(NearestNameTest, TheNearestOfManyIsFound) {
  const std::vector<std::string> names = {"learning_rate", "learner.device",
                                          "learner.threads",
                                          "ppo.learning_rate", "entropy.k"};
  EXPECT_EQ(NearestName("laerning_rate", names), "learning_rate");
  EXPECT_EQ(NearestName("learner.thraeds", names), "learner.threads");
  EXPECT_EQ(NearestName("ppo.learnin_rate", names), "ppo.learning_rate");
  EXPECT_EQ(NearestName("learner.devcie", names), "learner.device");
  EXPECT_EQ(NearestName("xxxxner.device", names), "learner.device");
  EXPECT_EQ(NearestName("xxxxxxr.device", names), "");
  EXPECT_EQ(NearestName("entorpy.k", names), "entropy.k");
}

}  // namespace
}  // namespace kmyriad
