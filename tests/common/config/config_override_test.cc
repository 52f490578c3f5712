#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/config/field_table.h"
#include "common/config/run_config.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ApplyOverrideTest, SetsEveryType) {
  v1::RunConfig config;
  for (const char* text :
       {"run.seed=18446744073709551615", "env.count = 64", "ppo.gamma=1e-3",
        "env.action_scale=0.3", "ppo.normalize_advantages=false",
        "env.terrain=my maps/a=b.txt", "network.trunk=512,256"}) {
    EXPECT_THAT(ApplyOverride(text, &config), IsOk()) << text;
  }
  EXPECT_EQ(config.run().seed(), ~uint64_t{0});
  EXPECT_EQ(config.env().count(), 64u);
  EXPECT_EQ(config.ppo().gamma(), 1e-3);
  EXPECT_EQ(config.env().action_scale(), 0.3f);
  EXPECT_TRUE(config.ppo().has_normalize_advantages());
  EXPECT_FALSE(config.ppo().normalize_advantages());
  EXPECT_EQ(config.env().terrain(), "my maps/a=b.txt");
  EXPECT_THAT(config.network().trunk(), ElementsAre(512, 256));
}

TEST(ApplyOverrideTest, ListsReplaceTheOldOne) {
  v1::RunConfig config;
  EXPECT_THAT(ApplyOverride("network.trunk=512,256", &config), IsOk());
  EXPECT_THAT(ApplyOverride("entropy.periods=0, 6.25,1e2", &config), IsOk());
  EXPECT_THAT(config.entropy().periods(), testing::ElementsAre(0, 6.25f, 100));
  EXPECT_THAT(ApplyOverride("network.trunk=[64]", &config), IsOk());
  EXPECT_THAT(config.network().trunk(), ElementsAre(64));
  // Nothing is a list, too: the key is absent then.
  for (const char* nothing : {"entropy.periods=", "entropy.periods=[ ]"}) {
    config.mutable_entropy()->add_periods(1);
    EXPECT_THAT(ApplyOverride(nothing, &config), IsOk());
    EXPECT_THAT(config.entropy().periods(), testing::IsEmpty());
  }
}

TEST(ApplyOverrideTest, ErrorsNameKeyValueAndMend) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"env.count", "has no value; write --set group.key=value"},
      {"", "has no value"},
      {"env.terain=maze",
       R"(key "env.terain" is unknown; did you mean "env.terrain"?)"},
      {"envi.count=3", R"(did you mean "env.count"?)"},
      {"ppo.k=3", R"(did you mean "entropy.k"?)"},
      {"count=3", R"(did you mean "env.count"?)"},
      {"env=3", R"(key "env" is unknown)"},
      {"env.count.x=3", R"(key "env.count.x" is unknown)"},
      {"=3", R"(key "" is unknown)"},
      {"env.count=many", "env.count = many: not a whole number; write e.g."},
      {"env.count=", "env.count = : not a whole number"},
      {"env.count=-1", "env.count = -1: not a whole number"},
      {"env.count=1.5", "env.count = 1.5: not a whole number"},
      {"env.count=4294967296",
       "env.count = 4294967296: out of range; the greatest possible value is "
       "4294967295"},
      {"run.seed=18446744073709551616", "out of range"},
      {"entropy.periods=0,half",
       "entropy.periods = 0,half: not a list of numbers"},
      {"ppo.gamma=high", "ppo.gamma = high: not a number"},
      {"ppo.gamma=nan", "ppo.gamma = nan: not a number"},
      {"ppo.gamma=inf", "ppo.gamma = inf: out of range"},
      {"ppo.gamma=1e999", "out of range"},
      {"env.action_scale=1e39", "out of range"},
      {"ppo.normalize_advantages=maybe", "not true or false"},
      {"network.trunk=512,x",
       "network.trunk = 512,x: not a list of whole numbers; write e.g. --set "
       "network.trunk=512,256"},
      {"network.trunk=,", "not a list"},
      {"network.trunk=[512", "not a list"},
      {"network.trunk=512,,256", "not a list"},
      {"network.trunk=512;256", "not a list"},
  };
  for (const auto& [text, message] : cases) {
    v1::RunConfig config;
    EXPECT_THAT(
        ApplyOverride(text, &config),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << text;
  }
}

TEST(ApplyOverrideTest, MessagesAreOneLineWhateverTheInput) {
  v1::RunConfig config;
  for (const char* text : {"a\nb=3", "env.count=3\n4", "x\ny"}) {
    const absl::Status status = ApplyOverride(text, &config);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
  }
}

// What ValueText prints, ApplyOverride reads back: for every key.
TEST(ApplyOverrideTest, ReadsWhatValueTextPrints) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig config,
                               LoadRunConfig({"point-maze", "", {}}));
  v1::RunConfig copy;
  for (size_t i = 0; i < FieldPaths().size(); ++i) {
    const FieldPath& path = FieldPaths()[i];
    if (!HasValue(config, path)) {
      EXPECT_TRUE(FieldRules()[i].optional) << path.key();
      continue;
    }
    ASSERT_THAT(
        ApplyOverride(path.key() + "=" + ValueText(config, path), &copy),
        IsOk());
  }
  EXPECT_EQ(FormatRunConfig(copy), FormatRunConfig(config));
}

}  // namespace
}  // namespace kmyriad
