#include "actor/rollout/rollout_identity.h"

#include <cstdlib>
#include <set>
#include <string>

#include "actor/rollout/rollout_backend.h"
#include "common/base/status_macros.h"
#include "gtest/gtest.h"
#include "tests/actor/rollout/small_run.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

std::shared_ptr<const EnvironmentModel> MakeModel(
    const VectorEnvOptions& options) {
  auto model = EnvironmentModel::Create(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

VectorEnvOptions Ant(const std::string& backend) {
  VectorEnvOptions options;
  options.task = "ant";
  options.terrain = "maze";
  options.horizon = 400;
  options.frame_skip = 5;
  options.integrator = "implicitfast";
  options.action_scale = 0.3f;
  options.backend = backend;
  return options;
}

absl::StatusOr<Segment> Golden(std::shared_ptr<const EnvironmentModel> model,
                               uint32_t horizon, const NetworkShape& network,
                               SimdLevel level) {
  const RolloutBackend backend = HostRolloutBackend(model, level);
  KMYRIAD_ASSIGN_OR_RETURN(const auto rollout, backend.make_rollout());
  KMYRIAD_ASSIGN_OR_RETURN(const auto policy, backend.make_policy(GoldenWeights(
                                                  model->spec(), network)));
  return GoldenSegment(*rollout, horizon, *policy);
}

TEST(RolloutIdentityTest, GoldenSegmentIsTheSameAtEveryInstructionSet) {
  const SmallRun run;
  for (const VectorEnvOptions& options :
       {run.model->options(), Ant("mujoco"), Ant("simd")}) {
    NetworkShape network;
    const auto any_model = MakeModel(options);
    ASSERT_NE(any_model, nullptr);
    network.obs_dim = any_model->spec().obs_dim();
    network.act_dim = any_model->spec().act_dim;
    network.trunk = {64, 32};
    network.agents = 50;
    std::set<Digest> digests;
    int levels = 0;
    for (const SimdLevel level :
         {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
      if (!SupportsSimdLevel(level)) continue;
      ++levels;
      // Physics takes the level from the environment.
      setenv("KMYRIAD_SIMD", std::string(SimdLevelName(level)).c_str(), 1);
      const auto model = MakeModel(options);
      unsetenv("KMYRIAD_SIMD");
      ASSERT_NE(model, nullptr);
      KMYRIAD_ASSERT_OK_AND_ASSIGN(const Segment segment,
                                   Golden(model, 400, network, level));
      EXPECT_EQ(segment.shape.rows, 16u);
      EXPECT_EQ(segment.shape.horizon, kGoldenSteps);
      digests.insert(HashSegment(segment));
    }
    EXPECT_GE(levels, 1);
    EXPECT_EQ(digests.size(), 1u) << options.task << " " << options.backend;
  }
}

TEST(RolloutIdentityTest, GoldenSegmentIsNoLongerThanTheHorizon) {
  const SmallRun run;
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      const Segment segment,
      Golden(run.model, 3, run.network, SimdLevel::kScalar));
  EXPECT_EQ(segment.shape.horizon, 3u);
}

TEST(RolloutIdentityTest, GoldenWeightsDifferInEveryTensor) {
  const SmallRun run;
  const PolicyWeights weights = GoldenWeights(run.model->spec(), run.network);
  EXPECT_NE(weights.trunk[0].weight[0], weights.trunk[0].bias[0]);
  std::set<float> values(weights.head_weight.begin(),
                         weights.head_weight.end());
  // Almost all of them are distinct (they are drawn from 2^23 numbers).
  EXPECT_GT(values.size(), weights.head_weight.size() * 9 / 10);
}

TEST(RolloutIdentityTest, FingerprintSeesWhateverASegmentDependsOn) {
  const SmallRun run;
  const Digest base =
      RolloutFingerprint(*run.model, run.network, run.population);
  EXPECT_EQ(RolloutFingerprint(*run.model, run.network, run.population), base);

  std::set<Digest> all = {base};
  NetworkShape network = run.network;
  network.trunk = {64};
  all.insert(RolloutFingerprint(*run.model, network, run.population));
  network = run.network;
  network.activation = Activation::kTanh;
  all.insert(RolloutFingerprint(*run.model, network, run.population));
  PopulationShape population = run.population;
  population.agents = 10;
  all.insert(RolloutFingerprint(*run.model, run.network, population));
  population = run.population;
  population.envs = 80;
  all.insert(RolloutFingerprint(*run.model, run.network, population));
  population = run.population;
  population.horizon = 21;
  all.insert(RolloutFingerprint(*run.model, run.network, population));
  VectorEnvOptions options = run.model->options();
  options.terrain = "empty";
  all.insert(
      RolloutFingerprint(*MakeModel(options), run.network, run.population));
  options = run.model->options();
  options.action_scale = 0.5f;
  all.insert(
      RolloutFingerprint(*MakeModel(options), run.network, run.population));
  EXPECT_EQ(all.size(), 8u);
}

}  // namespace
}  // namespace kmyriad
