#include "common/config/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file_system.h"
#include "common/config/field_table.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Effect = ConfigDifference::Effect;

v1::RunConfig Preset(const std::string& name) {
  const absl::StatusOr<v1::RunConfig> config = LoadRunConfig({name, "", {}});
  EXPECT_THAT(config, IsOk());
  return config.value_or(v1::RunConfig());
}

// Another value that the key can hold, valid or not.
std::string OtherValue(const v1::RunConfig& config, const FieldPath& path) {
  const std::string value = ValueText(config, path);
  switch (path.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return value + "x";
    case FieldDescriptor::CPPTYPE_BOOL:
      return value == "true" ? "false" : "true";
    default:
      return value == "1" ? "2" : "1";
  }
}

TEST(FieldTableTest, HasOneRulePerKeyInTheProtosOrder) {
  ASSERT_EQ(FieldRules().size(), FieldPaths().size());
  for (size_t i = 0; i < FieldRules().size(); ++i) {
    EXPECT_EQ(FieldRules()[i].key, FieldPaths()[i].key());
  }
}

// The proto's comments are what users read; the table is what the code does.
TEST(FieldTableTest, EffectsAreThoseOfTheProtosComments) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      const std::string proto,
      PosixFileSystem().Read(KMYRIAD_RUN_CONFIG_PROTO, 1 << 20));
  const std::map<std::string, Effect> effects = {
      {"[free]", Effect::kFree},
      {"[recorded]", Effect::kRecorded},
      {"[fixed]", Effect::kFixed}};
  std::vector<Effect> documented;
  std::string comment;
  for (absl::string_view line : absl::StrSplit(proto, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(line, "//")) {
      absl::StrAppend(&comment, line);
    } else {
      const bool key = absl::StartsWith(line, "optional ") ||
                       absl::StartsWith(line, "repeated ");
      for (const auto& [mark, effect] : effects) {
        if (key && absl::EndsWith(comment, mark)) documented.push_back(effect);
      }
      comment.clear();
    }
  }
  ASSERT_EQ(documented.size(), FieldRules().size());
  for (size_t i = 0; i < documented.size(); ++i) {
    EXPECT_EQ(documented[i], FieldRules()[i].effect) << FieldRules()[i].key;
  }
}

TEST(PresetTest, AllAreCompleteAndValid) {
  EXPECT_THAT(PresetNames(),
              ElementsAre("ant-maze", "ant-empty", "ant-cave", "ant-pyramid",
                          "point-maze", "point-maze-iw", "paper"));
  for (const std::string& name : PresetNames()) {
    EXPECT_THAT(LoadRunConfig({name, "", {}}), IsOk()) << name;
  }
}

TEST(PresetTest, HoldTheNumbersOfTheDesign) {
  const v1::RunConfig ant = Preset("ant-maze");
  EXPECT_EQ(ant.env().count(), 1000u);
  EXPECT_EQ(ant.population().agents(), 50u);
  EXPECT_EQ(ant.env().horizon(), 400u);
  EXPECT_EQ(ant.entropy().k(), 64u);
  EXPECT_EQ(ant.env().action_scale(), 0.3f);
  const v1::RunConfig paper = Preset("paper");
  EXPECT_EQ(paper.population().agents(), 1000u);
  EXPECT_EQ(paper.env().count(), 1000u);
  EXPECT_EQ(paper.entropy().k(), 64u);
  const v1::RunConfig point = Preset("point-maze");
  EXPECT_EQ(point.population().agents(), 32u);
  EXPECT_EQ(point.env().horizon(), 150u);
  EXPECT_EQ(point.entropy().k(), 15u);
}

TEST(PresetTest, AntPresetsDifferInTheirTerrainOnly) {
  for (const char* terrain : {"empty", "cave", "pyramid"}) {
    const std::vector<ConfigDifference> differences = CompareRunConfigs(
        Preset("ant-maze"), Preset(absl::StrCat("ant-", terrain)));
    ASSERT_EQ(differences.size(), 1u);
    EXPECT_EQ(differences[0].key, "env.terrain");
    EXPECT_EQ(differences[0].wanted, terrain);
  }
}

TEST(LoadRunConfigTest, TheDefaultIsAntMaze) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig config, LoadRunConfig({}));
  EXPECT_EQ(FormatRunConfig(config), FormatRunConfig(Preset("ant-maze")));
}

TEST(LoadRunConfigTest, LaterOverridesWin) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      const v1::RunConfig config,
      LoadRunConfig({"paper", "", {"run.epochs=3", "run.epochs=2"}}));
  EXPECT_EQ(config.run().epochs(), 2u);
}

TEST(LoadRunConfigTest, ReadsFiles) {
  TempDir folder;
  const std::string path = folder.File("my.textproto");
  v1::RunConfig written = Preset("point-maze");
  written.mutable_run()->set_seed(77);
  ASSERT_THAT(PosixFileSystem().WriteAndSync(path, FormatRunConfig(written)),
              IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig config,
                               LoadRunConfig({"", path, {"env.horizon=99"}}));
  EXPECT_EQ(config.run().seed(), 77u);
  EXPECT_EQ(config.env().horizon(), 99u);
}

TEST(LoadRunConfigTest, ErrorsNameTheirSource) {
  EXPECT_THAT(LoadRunConfig({"ant-mase", "", {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--preset = ant-mase: unknown"),
                             HasSubstr("did you mean \"ant-maze\"?"))));
  EXPECT_THAT(LoadRunConfig({"", "/no/such/file", {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--config = /no/such/file"),
                             HasSubstr("No such file"))));
  EXPECT_THAT(LoadRunConfig({"paper", "/no/such/file", {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("give one of them")));
  TempDir folder;
  const std::string path = folder.File("my.textproto");
  ASSERT_THAT(PosixFileSystem().WriteAndSync(path, "run {\n sead: 1 }"),
              IsOk());
  EXPECT_THAT(LoadRunConfig({"", path, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       path + ":2: key \"run.sead\" is unknown; did you mean "
                              "\"run.seed\"?"));
}

TEST(FormatRunConfigTest, GoesThereAndBack) {
  for (const std::string& name : PresetNames()) {
    v1::RunConfig config = Preset(name);
    // Numbers that have no short digits.
    config.mutable_env()->set_action_scale(0.1f + 0.2f);
    config.mutable_ppo()->set_gamma(1.0 / 3.0);
    const std::string text = FormatRunConfig(config);
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig read,
                                 ParseRunConfig(text, name));
    EXPECT_THAT(CompareRunConfigs(config, read), IsEmpty());
    EXPECT_EQ(FormatRunConfig(read), text);
  }
}

TEST(RolloutConfigHashTest, ChangesWithExactlyWhatASegmentDependsOn) {
  const v1::RunConfig config = Preset("ant-maze");
  const Digest hash = RolloutConfigHash(config);
  EXPECT_EQ(RolloutConfigHash(config), hash);
  std::vector<std::string> rollout;
  for (const FieldPath& path : FieldPaths()) {
    v1::RunConfig changed = config;
    ASSERT_THAT(
        ApplyOverride(path.key() + "=" + OtherValue(config, path), &changed),
        IsOk());
    if (RolloutConfigHash(changed) != hash) rollout.push_back(path.key());
  }
  EXPECT_THAT(
      rollout,
      ElementsAre("run.seed", "env.task", "env.terrain", "env.count",
                  "env.horizon", "env.frame_skip", "env.integrator",
                  "env.action_scale", "population.agents", "network.trunk",
                  "network.activation", "entropy.features", "physics.backend"));
}

TEST(LoadRunConfigTest, ResolvesTheBackendOnce) {
  const auto backend = [](const std::string& preset,
                          std::vector<std::string> overrides) {
    const auto config = LoadRunConfig({preset, "", std::move(overrides)});
    EXPECT_THAT(config.status(), IsOk());
    return config->physics().backend();
  };
  EXPECT_EQ(backend("ant-maze", {}), "simd");
  EXPECT_EQ(backend("ant-maze", {"physics.backend=auto"}), "simd");
  EXPECT_EQ(backend("ant-maze", {"physics.backend=mujoco"}), "mujoco");
  EXPECT_EQ(backend("ant-maze", {"physics.backend=cuda"}), "cuda");
  EXPECT_EQ(backend("point-maze", {"physics.backend=auto"}), "none");
  // What a run stores is what it used, and its hash tells backends apart.
  const auto simd = LoadRunConfig({"ant-maze", "", {}});
  const auto mujoco =
      LoadRunConfig({"ant-maze", "", {"physics.backend=mujoco"}});
  EXPECT_THAT(FormatRunConfig(*simd), HasSubstr("backend: \"simd\""));
  EXPECT_NE(RolloutConfigHash(*simd), RolloutConfigHash(*mujoco));
}

TEST(CompareRunConfigsTest, SeesAChangeOfEveryKeyWithItsEffect) {
  const v1::RunConfig config = Preset("ant-maze");
  EXPECT_THAT(CompareRunConfigs(config, config), IsEmpty());
  for (size_t i = 0; i < FieldPaths().size(); ++i) {
    const FieldPath& path = FieldPaths()[i];
    v1::RunConfig changed = config;
    const std::string other = OtherValue(config, path);
    ASSERT_THAT(ApplyOverride(path.key() + "=" + other, &changed), IsOk());
    const std::vector<ConfigDifference> differences =
        CompareRunConfigs(config, changed);
    ASSERT_EQ(differences.size(), 1u) << path.key();
    EXPECT_EQ(differences[0].key, path.key());
    EXPECT_EQ(differences[0].stored, ValueText(config, path));
    EXPECT_EQ(differences[0].wanted, other);
    EXPECT_EQ(differences[0].effect, FieldRules()[i].effect);
  }
}

TEST(CheckResumableTest, RefusesFixedDifferencesOnly) {
  const v1::RunConfig stored = Preset("ant-maze");
  v1::RunConfig wanted = stored;
  wanted.mutable_run()->set_epochs(25);
  wanted.mutable_actors()->set_count(4);
  wanted.mutable_learner()->set_threads(1);
  EXPECT_THAT(CheckResumable(CompareRunConfigs(stored, wanted)), IsOk());
  wanted.mutable_env()->set_horizon(300);
  wanted.mutable_ppo()->set_clip(0.1);
  EXPECT_THAT(
      CheckResumable(CompareRunConfigs(stored, wanted)),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("env.horizon = 300 (the run has 400), ppo.clip "
                               "= 0.1 (the run has 0.2): cannot change"),
                     HasSubstr("--name"))));
}

}  // namespace
}  // namespace kmyriad
