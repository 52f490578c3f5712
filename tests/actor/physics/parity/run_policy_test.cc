#include "tests/actor/physics/parity/run_policy.h"

#include <vector>

#include "actor/env/vector_env.h"
#include "actor/rollout/run_environment.h"
#include "common/base/simd_level.h"
#include "common/math/elementary.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/parity/ant_parity.h"
#include "tests/benchmark/random_weights.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kAgents = 3;

Population Ants() {
  Population population;
  population.run_name = "ants";
  v1::RunConfig& config = population.config;
  config.mutable_run()->set_seed(7);
  config.mutable_env()->set_task("ant");
  config.mutable_env()->set_terrain("empty");
  config.mutable_env()->set_horizon(9);
  config.mutable_env()->set_frame_skip(5);
  config.mutable_env()->set_integrator("implicitfast");
  config.mutable_env()->set_action_scale(0.5f);
  config.mutable_entropy()->set_features("xy");
  config.mutable_physics()->set_backend("simd");
  population.weights = RandomPolicyWeights(
      {kAntObservations, {16}, kAntActions, kAgents, Activation::kTanh});
  return population;
}

// What an actor does in the first env step of environment `env`, [8].
std::vector<double> ActorControls(const Population& population,
                                  const std::string& terrain, uint32_t env,
                                  bool mean_actions) {
  v1::RunConfig config = population.config;
  config.mutable_env()->set_terrain(terrain);
  // Doubles, as the oracle's.
  config.mutable_physics()->set_backend("mujoco");
  const auto world =
      VectorEnv::Create(EnvironmentOfRun(config).value()).value();
  world->Reset(config.run().seed(), 0, env);
  std::vector<float> observations(kAntObservations * kBlockLanes);
  world->Observe(observations.data());
  const auto inference =
      PolicyInference::Create(population.weights, SimdLevel::kScalar).value();
  PolicyInference::Scratch scratch;
  std::vector<uint32_t> agents;
  for (uint32_t l = 0; l < kBlockLanes; ++l) {
    agents.push_back((env + l) % kAgents);
  }
  std::vector<float> mean(kAntActions * kBlockLanes), u(mean), squashed(mean),
      log_probs(kBlockLanes);
  inference->Act(observations.data(), agents.data(), {7, env, 0, 0}, scratch,
                 mean.data(), u.data(), squashed.data(), log_probs.data());
  std::vector<double> controls;
  for (uint32_t i = 0; i < kAntActions; ++i) {
    const float action =
        mean_actions ? Tanh(mean[i * kBlockLanes]) : squashed[i * kBlockLanes];
    controls.push_back(double{action * config.env().action_scale()});
  }
  return controls;
}

TEST(RunPolicyTest, StartsAndActsAsAnActorDoes) {
  const Population population = Ants();
  for (const char* terrain : {"empty", "maze"}) {
    for (const bool mean : {false, true}) {
      const auto policy = RunPolicy::Create(
          population, terrain,
          mean ? RunPolicy::Actions::kMean : RunPolicy::Actions::kSampled);
      ASSERT_THAT(policy, IsOk());
      EXPECT_EQ((*policy)->episode().env_steps, 9u);
      EXPECT_EQ((*policy)->episode().frame_skip, 5u);
      // More episodes than agents: the heads come in turns.
      for (uint32_t env = 0; env < kAgents + 2; ++env) {
        ParityState state = (*policy)->Start();
        (*policy)->Act(0, &state);
        EXPECT_EQ(state.control, ActorControls(population, terrain, env, mean))
            << terrain << " " << env;
      }
    }
  }
}

TEST(RunPolicyTest, StatesAreThoseThatItVisits) {
  const auto collect = [](RunPolicy::Actions actions) {
    const auto policy = RunPolicy::Create(Ants(), "maze", actions).value();
    return MakeAntBank("maze", 40, policy.get()).states;
  };
  const auto sampled = collect(RunPolicy::Actions::kSampled);
  const auto mean = collect(RunPolicy::Actions::kMean);
  ASSERT_EQ(sampled.size(), 40u);
  EXPECT_EQ(collect(RunPolicy::Actions::kSampled)[39].qpos, sampled[39].qpos);
  EXPECT_NE(mean[39].qpos, sampled[39].qpos);
  // The first state is a start, as is, with noise, or as a tie; its controls
  // are the policy's, which no kind of state changes.
  EXPECT_EQ(sampled[0].control, ActorControls(Ants(), "maze", 0, false));
}

TEST(RunPolicyTest, RefusesOtherTasksAndTerrainsThatAreMissing) {
  Population points = Ants();
  points.config.mutable_env()->set_task("point_mass");
  EXPECT_THAT(RunPolicy::Create(points, "maze", RunPolicy::Actions::kMean),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("env.task = point_mass")));
  EXPECT_THAT(RunPolicy::Create(Ants(), "moon", RunPolicy::Actions::kMean),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("moon")));
}

}  // namespace
}  // namespace kmyriad
