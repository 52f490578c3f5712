#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/config/field_table.h"
#include "common/config/run_config.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A preset with these overrides, or the error of one of them.
absl::StatusOr<v1::RunConfig> With(const std::string& preset,
                                   std::vector<std::string> overrides) {
  return LoadRunConfig({preset, "", std::move(overrides)});
}

TEST(ValidateRunConfigTest, EveryMissingKeyIsNamed) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig config,
                               With("ant-maze", {}));
  for (size_t i = 0; i < FieldPaths().size(); ++i) {
    if (FieldRules()[i].optional) continue;
    const FieldPath& path = FieldPaths()[i];
    v1::RunConfig cut = config;
    google::protobuf::Message& group =
        *cut.GetReflection()->MutableMessage(&cut, path.group);
    group.GetReflection()->ClearField(&group, path.field);
    EXPECT_THAT(ValidateRunConfig(cut),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith(path.key() + " is missing; ")));
  }
  EXPECT_THAT(ValidateRunConfig(v1::RunConfig()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Around both ends of every number's range: what is just inside is not
// refused for its range, what is just outside is.
TEST(ValidateRunConfigTest, RangesHoldAtTheirEnds) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const v1::RunConfig config,
                               With("ant-maze", {"rpc.batch_bytes=4096"}));
  const auto message = [&](const FieldPath& path, double value) {
    v1::RunConfig changed = config;
    EXPECT_THAT(
        ApplyOverride(absl::StrFormat("%s=%.17g", path.key(), value), &changed),
        IsOk());
    return std::string(ValidateRunConfig(changed).message());
  };
  int checked = 0;
  for (size_t i = 0; i < FieldRules().size(); ++i) {
    const FieldRule& rule = FieldRules()[i];
    const FieldPath& path = FieldPaths()[i];
    const auto type = path.field->cpp_type();
    const bool whole = type == FieldDescriptor::CPPTYPE_UINT32 ||
                       type == FieldDescriptor::CPPTYPE_UINT64;
    const bool real = type == FieldDescriptor::CPPTYPE_FLOAT ||
                      type == FieldDescriptor::CPPTYPE_DOUBLE;
    if ((!whole && !real) || std::string(rule.key) == "run.seed") continue;
    const double step = whole ? 1 : 1e-3;
    const auto refused = StartsWith(absl::StrCat(rule.key, " = "));
    if (!std::isinf(rule.greatest)) {
      EXPECT_THAT(message(path, rule.greatest + step),
                  AllOf(refused, HasSubstr("must be")));
    }
    if (rule.least > 0 || (real && !rule.above)) {
      EXPECT_THAT(message(path, rule.least - step),
                  AllOf(refused, HasSubstr("must be")));
    }
    if (rule.above) {
      EXPECT_THAT(message(path, rule.least),
                  AllOf(refused, HasSubstr("must be above")));
    } else {
      EXPECT_THAT(message(path, rule.least),
                  ::testing::Not(HasSubstr("must be at least ")));
    }
    ++checked;
  }
  EXPECT_GT(checked, 25);
}

TEST(ValidateRunConfigTest, NotANumberIsRefused) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(v1::RunConfig config, With("ant-maze", {}));
  config.mutable_ppo()->set_gamma(std::nan(""));
  EXPECT_THAT(ValidateRunConfig(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "ppo.gamma = nan: must be 0 to 1"));
}

TEST(ValidateRunConfigTest, EveryWrongTextNamesTheChoices) {
  for (const FieldRule& rule : FieldRules()) {
    if (rule.choices.empty()) continue;
    const std::string slip = rule.choices[0] + "x";
    EXPECT_THAT(
        With("ant-maze", {absl::StrCat(rule.key, "=", slip)}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 StartsWith(absl::StrCat(rule.key, " = ", slip,
                                         ": unknown; did you mean \""))));
  }
}

struct Case {
  std::string preset;
  std::vector<std::string> overrides;
  std::string message;
};

TEST(ValidateRunConfigTest, RelationsBetweenKeysAreChecked) {
  const std::vector<Case> cases = {
      {"ant-maze",
       {"population.agents=48"},
       "population.agents = 48: does not divide env.count = 1000; the nearest "
       "number that does is 50"},
      {"ant-maze", {"env.horizon=0"}, "env.horizon = 0: must be 1 to 10000"},
      {"ant-maze", {"env.count=0"}, "env.count = 0: must be 1 to 131072"},
      {"point-maze",
       {"entropy.k=4800"},
       "entropy.k = 4800: must be below the 4800 particles of the pool "
       "(env.count * env.horizon)"},
      {"point-maze",
       {"entropy.k=150", "entropy.pooling=individual"},
       "entropy.k = 150: must be below the 150 particles of an agent's pool"},
      {"ant-maze", {"entropy.k=0"}, "entropy.k = 0: must be at least 1"},
      {"point-maze",
       {"entropy.k=120", "entropy.pooling=individual",
        "entropy.theiler_window=15"},
       "entropy.theiler_window = 15: leaves fewer than entropy.k = 120 "
       "neighbours among the 150 particles of an agent's pool"},
      {"ant-maze",
       {"entropy.engine=gird"},
       "entropy.engine = gird: unknown; did you mean \"grid\"? It must be one "
       "of auto, grid, kd_tree, brute_force, cuda_grid, cuda_brute_force"},
      {"ant-maze",
       {"entropy.features=x,y,z,hip_1", "entropy.engine=cuda_grid"},
       "entropy.engine = cuda_grid: takes at most 3 features, and "
       "entropy.features has 4; use auto"},
      {"ant-maze",
       {"entropy.features=joint", "entropy.periods=0,0,0"},
       "entropy.periods = 0,0,0: has 3 numbers; entropy.features needs 15"},
      {"ant-maze", {"network.trunk="}, "network.trunk is missing"},
      {"ant-maze",
       {"entropy.periods=0,-1"},
       "entropy.periods = 0,-1: must be 0 to 1000"},
      {"ant-maze",
       {"entropy.divergences=true", "entropy.pooling=individual"},
       "entropy.divergences = true: compares agents"},
      {"point-maze",
       {"entropy.divergences=true", "entropy.k=150"},
       "entropy.k = 150: must be below the 150 particles of an agent for "
       "entropy.divergences = true"},
      {"point-maze",
       {"entropy.divergences=true", "entropy.k=120",
        "entropy.theiler_window=15"},
       "entropy.theiler_window = 15: leaves fewer than entropy.k = 120 "
       "neighbours among the 150 particles of an agent for "
       "entropy.divergences = true"},
      {"ant-maze",
       {"entropy.features=posse"},
       "entropy.features = posse: unknown; did you mean \"pose\""},
      {"ant-maze",
       {"entropy.features=z,y"},
       "entropy.features = z,y: unknown; "},
      {"point-maze",
       {"entropy.features=xyz"},
       "entropy.features = xyz: env.task = point_mass has xy only"},
      {"point-maze",
       {"entropy.reward=marginal", "population.agents=1"},
       "entropy.reward = marginal: compares agents"},
      {"point-maze",
       {"entropy.reward=cross_novelty", "entropy.pooling=individual"},
       "entropy.reward = cross_novelty: compares agents"},
      {"point-maze",
       {"entropy.reward=marginal_shuffled", "entropy.k=4650"},
       "entropy.k = 4650: must be below the 4650 particles that the other"},
      {"point-maze",
       {"entropy.reward=marginal", "entropy.k=4620",
        "entropy.theiler_window=15"},
       "entropy.theiler_window = 15: leaves fewer than entropy.k = 4620 "
       "neighbours among the 4650 particles that the other agents have"},
      {"point-maze",
       {"ppo.minibatches=151"},
       "ppo.minibatches = 151: more than the 150 samples of an agent"},
      {"ant-maze", {"entropy.window=65"}, "entropy.window = 65: must be 1"},
      {"ant-maze",
       {"entropy.window=42"},
       "entropy.window = 42: pools more than 16777216 particles; must be at "
       "most 41"},
      {"ant-maze",
       {"env.integrator=none"},
       "env.integrator = none: env.task = ant needs implicitfast or rk4"},
      {"ant-maze",
       {"physics.backend=none"},
       "physics.backend = none: env.task = ant needs simd, mujoco or cuda"},
      {"point-maze",
       {"env.integrator=rk4"},
       "env.integrator = rk4: env.task = point_mass has no physics"},
      {"point-maze",
       {"physics.backend=mujoco"},
       "physics.backend = mujoco: env.task = point_mass has no physics"},
      {"point-maze",
       {"env.frame_skip=5"},
       "env.frame_skip = 5: env.task = point_mass has no physics steps"},
      {"ant-maze",
       {"env.task=point_mass"},
       "env.integrator = implicitfast: env.task = point_mass"},
      {"ant-maze",
       {"network.trunk=64,64,64"},
       "network.trunk = 64,64,64: must be one or two widths"},
      {"ant-maze",
       {"network.trunk=500,256"},
       "network.trunk = 500,256: 500 is not a multiple of 16; take 496"},
      {"ant-maze",
       {"network.trunk=2048"},
       "network.trunk = 2048: must be 16 to 1024"},
      {"point-maze",
       {"objective.kind=iw_entropy"},
       "objective.learning_rate is missing; objective.kind = iw_entropy needs "
       "it, see preset point-maze-iw"},
      {"point-maze",
       {"objective.steps=5"},
       "objective.steps = 5: belongs to objective.kind = iw_entropy"},
      {"point-maze-iw",
       {"entropy.pooling=individual"},
       "entropy.pooling = individual: objective.kind = iw_entropy"},
      {"point-maze-iw",
       {"entropy.window=2"},
       "entropy.window = 2: objective.kind = iw_entropy"},
      {"point-maze-iw",
       {"entropy.reward=shuffled"},
       "entropy.reward = shuffled: objective.kind = iw_entropy takes no"},
      {"point-maze-iw",
       {"task.goal=G1", "task.radius=0.3", "task.critic_warmup=0"},
       "task.goal = G1: a task pays rewards"},
      {"point-maze", {"task.migrate_after=5"}, "task.goal is missing"},
      {"ant-maze", {"env.terrain=mazze"}, "did you mean \"maze\"?"},
      {"ant-maze", {"env.terrain="}, "env.terrain = : unknown"},
      {"ant-maze", {"env.terrain=a\tb.txt"}, "not printable UTF-8"},
      {"ant-maze", {"env.terrain=a\xff.txt"}, "not printable UTF-8"},
      {"ant-maze", {"env.terrain=a\xed\xa0\x80.txt"}, "not printable UTF-8"},
      {"ant-maze", {"env.terrain=a\xe4.txt"}, "not printable UTF-8"},
      {"ant-maze",
       {"learner.device=gpu"},
       "learner.device = gpu: unknown; must be cpu, cuda or cuda:N"},
      {"ant-maze", {"learner.device=cuda:"}, "learner.device = cuda:"},
      {"ant-maze", {"learner.device=cuda:x"}, "learner.device = cuda:x"},
      {"ant-maze", {"learner.device=cuda:-1"}, "learner.device = cuda:-1"},
      {"ant-maze", {"learner.device="}, "learner.device = : unknown"},
      {"ant-maze",
       {"rpc.credit_bytes=65536", "rpc.batch_bytes=131072"},
       "rpc.credit_bytes = 65536: must be at least rpc.batch_bytes = 131072"},
  };
  for (const Case& test : cases) {
    EXPECT_THAT(
        With(test.preset, test.overrides),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)))
        << test.overrides[0];
  }
}

TEST(ValidateRunConfigTest, AcceptsWhatIsAtTheBorderOfTheRelations) {
  for (const Case& test : std::vector<Case>{
           {"point-maze", {"entropy.k=4799"}, ""},
           {"point-maze",
            {"entropy.k=4649", "entropy.reward=cross_novelty"},
            ""},
           {"point-maze", {"entropy.k=149", "entropy.pooling=individual"}, ""},
           {"point-maze", {"ppo.minibatches=150"}, ""},
           {"ant-maze", {"entropy.features=state"}, ""},
           {"ant-maze", {"entropy.window=41"}, ""},
           {"ant-maze", {"entropy.features=x,y,hip_1*0.5"}, ""},
           {"point-maze", {"env.count=1", "population.agents=1"}, ""},
           {"ant-maze", {"population.agents=1"}, ""},
           {"ant-maze", {"population.agents=1000"}, ""},
           {"ant-maze", {"env.integrator=rk4"}, ""},
           {"ant-maze", {"network.trunk=16"}, ""},
           {"ant-maze", {"learner.device=cuda"}, ""},
           {"ant-maze", {"learner.device=cuda:7"}, ""},
           {"ant-maze", {"env.terrain=./mine"}, ""},
           {"ant-maze", {"env.terrain=Kn\xc3\xa4uel.txt"}, ""},
           {"ant-maze", {"ppo.learning_rate=0"}, ""},
           {"ant-maze", {"env.action_scale=1"}, ""},
       }) {
    EXPECT_THAT(With(test.preset, test.overrides), IsOk());
  }
}

TEST(ValidateRunConfigTest, ATaskIsWholeOrAbsent) {
  EXPECT_THAT(With("point-maze",
                   {"task.goal=G3", "task.radius=0.3", "task.critic_warmup=2"}),
              IsOk());
  for (const auto& [overrides, key] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"task.radius=0.3"}, "task.goal"},
           {{"task.goal=G3", "task.radius=0.3"}, "task.critic_warmup"},
           {{"task.goal=G3", "task.critic_warmup=2"}, "task.radius"},
           {{"task.goal=", "task.radius=0.3", "task.critic_warmup=2"},
            "task.goal"},
           {{"task.goal=G3", "task.radius=0.3", "task.critic_warmup=2",
             "task.initial_sha256=abc"},
            "task.initial_sha256"}}) {
    EXPECT_THAT(With("point-maze", overrides),
                StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(key)));
  }
}

}  // namespace
}  // namespace kmyriad
