#include "tests/actor/physics/parity/run_policy.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "actor/env/terrain_library.h"
#include "actor/env/vector_env.h"
#include "actor/physics/backend_factory.h"
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

using ::testing::Conditional;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Ne;

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

// What an actor does in the first env steps of environment `env`, [8] each.
std::vector<std::vector<double>> ActorControls(const Population& population,
                                               const std::string& terrain,
                                               uint32_t env, bool mean_actions,
                                               uint32_t steps) {
  v1::RunConfig config = population.config;
  config.mutable_env()->set_terrain(terrain);
  // Doubles, as the oracle's.
  config.mutable_physics()->set_backend("mujoco");
  const auto world =
      VectorEnv::Create(EnvironmentOfRun(config).value()).value();
  world->Reset(config.run().seed(), 0, env);
  std::vector<float> observations(kAntObservations * kBlockLanes);
  const auto inference =
      PolicyInference::Create(population.weights, SimdLevel::kScalar).value();
  PolicyInference::Scratch scratch;
  std::vector<uint32_t> agents;
  for (uint32_t l = 0; l < kBlockLanes; ++l) {
    agents.push_back((env + l) % kAgents);
  }
  std::vector<float> mean(kAntActions * kBlockLanes), u(mean), actions(mean),
      log_probs(kBlockLanes), features(2 * kBlockLanes);
  std::vector<uint8_t> flags(kBlockLanes);
  std::vector<std::vector<double>> controls(steps);
  for (uint32_t step = 0; step < steps; ++step) {
    world->Observe(observations.data());
    inference->Act(observations.data(), agents.data(), {7, env, 0, step},
                   scratch, mean.data(), u.data(), actions.data(),
                   log_probs.data());
    for (size_t i = 0; mean_actions && i < mean.size(); ++i) {
      actions[i] = Tanh(mean[i]);
    }
    for (uint32_t i = 0; i < kAntActions; ++i) {
      controls[step].push_back(
          double{actions[i * kBlockLanes] * config.env().action_scale()});
    }
    world->Step(actions.data(), features.data(), flags.data());
  }
  return controls;
}

// The actor's robot, which a RunPolicy leaves to its caller.
class Ant {
 public:
  Ant(const std::string& terrain, const ParityState& start) {
    PhysicsOptions physics;
    physics.boxes = LoadTerrain(terrain, {}).value().boxes;
    block_ = CreateAntPhysics("mujoco", physics).value()->CreateBlock().value();
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      block_->Reset(lane, start.qpos.data(), start.qvel.data());
    }
  }

  // One env step.
  void Step(ParityState* state) {
    float controls[kAntActions * kBlockLanes];
    for (uint32_t i = 0; i < kAntActions; ++i) {
      std::fill_n(controls + i * kBlockLanes, kBlockLanes,
                  static_cast<float>(state->control[i]));
    }
    EXPECT_EQ(block_->Step(controls, 5), 0u);
    block_->Read(0, state->qpos.data(), state->qvel.data());
  }

 private:
  std::unique_ptr<PhysicsBlock> block_;
};

TEST(RunPolicyTest, StartsAndActsAsAnActorDoes) {
  constexpr uint32_t kSteps = 4;
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
        const auto expected =
            ActorControls(population, terrain, env, mean, kSteps);
        ParityState state = (*policy)->Start();
        Ant ant(terrain, state);
        for (uint32_t step = 0; step < kSteps; ++step) {
          EXPECT_THAT(state.qvel, Conditional(step == 0, Each(0), Each(Ne(0))));
          (*policy)->Act(step, &state);
          EXPECT_EQ(state.control, expected[step])
              << terrain << " " << env << " " << step;
          ant.Step(&state);
        }
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
  EXPECT_EQ(sampled[0].control, ActorControls(Ants(), "maze", 0, false, 1)[0]);
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
