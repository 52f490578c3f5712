#include "actor/env/vector_env.h"

#include <cstring>
#include <string>
#include <vector>

#include "common/base/segment.h"
#include "common/math/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kSteps = 60;

VectorEnvOptions AntOptions(const std::string& backend = "simd") {
  return {.task = "ant",
          .terrain = "maze",
          .horizon = kSteps,
          .frame_skip = 5,
          .integrator = "implicitfast",
          .action_scale = 0.5f,
          .backend = backend};
}

VectorEnvOptions PointOptions() {
  return {.task = "point_mass",
          .terrain = "maze",
          .horizon = kSteps,
          .frame_skip = 1,
          .integrator = "none",
          .action_scale = 1,
          .backend = "none"};
}

std::shared_ptr<const EnvironmentModel> Model(const VectorEnvOptions& options) {
  auto model = EnvironmentModel::Create(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *model;
}

std::unique_ptr<VectorEnv> Block(
    const std::shared_ptr<const EnvironmentModel>& model) {
  auto env = VectorEnv::Create(model);
  EXPECT_TRUE(env.ok()) << env.status();
  return *std::move(env);
}

// Everything that one environment shows in a segment, as bits.
using History = std::vector<uint32_t>;

uint32_t Bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// Runs a segment from `first_env` under actions that depend on environment
// and step alone; the histories of the 16 lanes.
std::vector<History> RunSegment(VectorEnv& env, const EnvironmentSpec& spec,
                                uint64_t seed, uint32_t epoch,
                                uint32_t first_env) {
  std::vector<History> histories(kBlockLanes);
  std::vector<float> observations(spec.obs_dim() * kBlockLanes);
  std::vector<float> actions(spec.act_dim * kBlockLanes);
  std::vector<float> features(spec.feature_dim() * kBlockLanes);
  std::vector<uint8_t> flags(kBlockLanes);
  env.Reset(seed, epoch, first_env);
  for (uint32_t step = 0; step < kSteps; ++step) {
    env.Observe(observations.data());
    for (uint32_t i = 0; i < actions.size(); ++i) {
      const uint32_t id = first_env + i % kBlockLanes;
      const PhiloxBlock random = RunRandom(99, RandomStream::kActionNoise, id,
                                           epoch, step, i / kBlockLanes);
      actions[i] = 2 * UniformOpen(random.word[0]) - 1;
    }
    env.Step(actions.data(), features.data(), flags.data());
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      for (uint32_t row = 0; row < spec.obs_dim(); ++row) {
        histories[lane].push_back(Bits(observations[row * kBlockLanes + lane]));
      }
      for (uint32_t row = 0; row < spec.feature_dim(); ++row) {
        histories[lane].push_back(Bits(features[row * kBlockLanes + lane]));
      }
      histories[lane].push_back(flags[lane]);
    }
  }
  return histories;
}

// By backend of the Ant, or "none" for the point.
class VectorEnvTest : public ::testing::TestWithParam<std::string> {
 protected:
  const std::shared_ptr<const EnvironmentModel> model_ =
      Model(GetParam() == "none" ? PointOptions() : AntOptions(GetParam()));
  const EnvironmentSpec& spec_ = model_->spec();
};

TEST_P(VectorEnvTest, ResetAfterUseEqualsANewBlock) {
  const auto used = Block(model_);
  RunSegment(*used, spec_, 4, 9, 160);
  const auto again = RunSegment(*used, spec_, 5, 2, 32);
  const auto fresh = RunSegment(*Block(model_), spec_, 5, 2, 32);
  EXPECT_EQ(again, fresh);
}

TEST_P(VectorEnvTest, ALaneDependsOnItsEnvironmentAlone) {
  const auto block = Block(model_);
  const auto whole = RunSegment(*block, spec_, 5, 2, 32);
  // Environments 37 to 47 again, in other lanes with other neighbours.
  const auto shifted = RunSegment(*block, spec_, 5, 2, 37);
  for (uint32_t lane = 5; lane < kBlockLanes; ++lane) {
    EXPECT_EQ(whole[lane], shifted[lane - 5]) << lane;
  }
  EXPECT_NE(whole[0], whole[1]);
}

TEST_P(VectorEnvTest, SeedAndEpochChangeTheStart) {
  const auto block = Block(model_);
  const auto one = RunSegment(*block, spec_, 5, 2, 0);
  EXPECT_NE(one, RunSegment(*block, spec_, 6, 2, 0));
  EXPECT_NE(one, RunSegment(*block, spec_, 5, 3, 0));
}

TEST_P(VectorEnvTest, ModelsWithTheSameContentAreEqual) {
  const auto other = Model(model_->options());
  EXPECT_EQ(other->fingerprint(), model_->fingerprint());
  EXPECT_EQ(other->spec(), spec_);
  EXPECT_EQ(RunSegment(*Block(model_), spec_, 1, 1, 0),
            RunSegment(*Block(other), spec_, 1, 1, 0));
}

INSTANTIATE_TEST_SUITE_P(Backends, VectorEnvTest,
                         ::testing::Values("none", "mujoco", "simd"),
                         [](const auto& info) { return info.param; });

TEST(EnvironmentModelTest, NamesTheKeyOfAnImpossibleValue) {
  const auto message = [](VectorEnvOptions options) {
    return std::string(EnvironmentModel::Create(options).status().message());
  };
  VectorEnvOptions options = AntOptions();
  options.task = "spider";
  EXPECT_THAT(message(options), HasSubstr("env.task = spider: must be"));
  options = AntOptions();
  options.horizon = 0;
  EXPECT_THAT(message(options), HasSubstr("env.horizon = 0"));
  options = AntOptions();
  options.frame_skip = 0;
  EXPECT_THAT(message(options), HasSubstr("env.frame_skip = 0"));
  options = AntOptions();
  options.action_scale = 0;
  EXPECT_THAT(message(options), HasSubstr("env.action_scale = 0"));
  options = AntOptions();
  options.integrator = "Euler";
  EXPECT_THAT(message(options), HasSubstr("env.integrator = Euler"));
  options = AntOptions();
  options.terrain = "maz";
  EXPECT_THAT(message(options), HasSubstr("did you mean 'maze'"));
  options = AntOptions();
  options.backend = "bullet";
  EXPECT_THAT(message(options), HasSubstr("physics.backend = bullet"));
}

}  // namespace
}  // namespace kmyriad
