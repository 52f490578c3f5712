// Segments of the kernels of actor/rollout/cuda before those of the vector
// environment on the batched stepper: equal bits. Built three times, as
// physics_conformance_test.cc is.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actor/rollout/rollout_backend.h"
#include "actor/rollout/rollout_identity.h"
#include "common/math/philox.h"
#include "gtest/gtest.h"
#ifndef KMYRIAD_ON_GPU
#include "tests/actor/rollout/cuda/twin_segment_device.h"
#endif

namespace kmyriad {
namespace {

struct Play {
  std::string terrain = "maze";
  std::string integrator = "implicitfast";
  PopulationShape population = {40, 5, 8};
  std::vector<uint32_t> trunk = {64, 32};
  Activation activation = Activation::kRelu;
  std::string features = "xy";
  uint32_t batch = 3;
  // Of the device's side alone.
  bool reversed = false;
  uint64_t seed_shift = 0;
};

absl::StatusOr<std::unique_ptr<SegmentDevice>> DeviceOf(const Play& play) {
#ifdef KMYRIAD_ON_GPU
  static_cast<void>(play);
  return CreateCudaSegmentDevice();
#else
  return MakeTwinSegmentDevice({play.reversed, {}, nullptr});
#endif
}

std::shared_ptr<const EnvironmentModel> ModelOf(const Play& play) {
  VectorEnvOptions options;
  options.task = "ant";
  options.terrain = play.terrain;
  options.horizon = play.population.horizon;
  options.frame_skip = 5;
  options.integrator = play.integrator;
  options.action_scale = 0.7f;
  options.backend = "simd";
  options.features = play.features;
  return *EnvironmentModel::Create(options);
}

// Weights that differ from agent to agent.
PolicyWeights WeightsOf(const Play& play, const EnvironmentSpec& spec) {
  NetworkShape shape;
  shape.obs_dim = spec.obs_dim();
  shape.act_dim = spec.act_dim;
  shape.trunk = play.trunk;
  shape.activation = play.activation;
  PolicyWeights weights = GoldenWeights(spec, shape);
  weights.shape.agents = weights.agent_count = play.population.agents;
  uint32_t draw = 0;
  const auto fill = [&draw](size_t count, std::vector<float>* values) {
    values->resize(count);
    for (float& value : *values) {
      const PhiloxBlock random =
          RunRandom(3, RandomStream::kEvaluation, draw++, 0, 0, 0);
      value = 0.2f * (UniformOpen(random.word[0]) - 0.5f);
    }
  };
  const size_t head = size_t{play.population.agents} * spec.act_dim;
  fill(head * play.trunk.back(), &weights.head_weight);
  fill(head, &weights.head_bias);
  fill(head, &weights.head_log_std);
  return weights;
}

// All segments of an epoch, by block.
std::vector<RolloutResult> Collect(const Play& play,
                                   const RolloutBackend& backend,
                                   const PolicyWeights& weights,
                                   uint64_t seed) {
  const auto rollout = *backend.make_rollout();
  const auto policy = *backend.make_policy(weights);
  std::vector<RolloutRequest> requests;
  for (uint32_t b = 0; b < play.population.blocks(); ++b) {
    requests.push_back({seed, 4, b, play.population, policy.get()});
  }
  std::vector<RolloutResult> results(requests.size());
  for (size_t first = 0; first < requests.size(); first += rollout->batch()) {
    const size_t count =
        std::min<size_t>(rollout->batch(), requests.size() - first);
    std::vector<uint32_t> told(count);
    const absl::Status status = rollout->Rollout(
        absl::MakeSpan(requests).subspan(first, count),
        [&told](size_t i, uint32_t steps) { return ++told[i] == steps; },
        absl::MakeSpan(results).subspan(first, count));
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(told, std::vector<uint32_t>(count, play.population.horizon));
  }
  return results;
}

template <typename T>
size_t Different(const std::vector<T>& a, const std::vector<T>& b) {
  EXPECT_EQ(a.size(), b.size());
  size_t count = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    count += std::memcmp(&a[i], &b[i], sizeof(T)) != 0;
  }
  return count;
}

// Numbers that both sides compute, and those whose bits differ.
struct Outcome {
  size_t compared = 0;
  size_t different = 0;
  size_t flagged = 0;
};

Outcome Compare(const Play& play) {
  const auto model = ModelOf(play);
  const PolicyWeights weights = WeightsOf(play, model->spec());
  const auto host =
      Collect(play, HostRolloutBackend(model, *ChooseSimdLevel()), weights, 11);
  const auto device =
      Collect(play,
              DeviceRolloutBackend(
                  model, [&play] { return DeviceOf(play); }, play.batch),
              weights, 11 + play.seed_shift);
  Outcome outcome;
  for (size_t b = 0; b < host.size(); ++b) {
    EXPECT_TRUE(host[b].whole && device[b].whole);
    const Segment& a = host[b].segment;
    const Segment& c = device[b].segment;
    EXPECT_EQ(a.shape, c.shape);
    EXPECT_EQ(a.nonfinite, c.nonfinite);
    outcome.compared += a.observations.size() + a.actions.size() +
                        a.log_probs.size() + a.features.size() + a.flags.size();
    outcome.different +=
        Different(a.observations, c.observations) +
        Different(a.actions, c.actions) + Different(a.log_probs, c.log_probs) +
        Different(a.features, c.features) + Different(a.flags, c.flags);
    outcome.flagged += static_cast<size_t>(
        std::count_if(a.flags.begin(), a.flags.end(),
                      [](uint8_t flags) { return flags != 0; }));
  }
  return outcome;
}

void ExpectEqual(const Play& play) {
  const Outcome outcome = Compare(play);
#ifdef KMYRIAD_CONTRACTED
  // Start states and most flags are the same.
  EXPECT_GT(outcome.different, outcome.compared / 8);
#else
  EXPECT_EQ(outcome.different, 0u) << "of " << outcome.compared;
#endif
}

class SegmentConformance : public testing::TestWithParam<const char*> {};

TEST_P(SegmentConformance, HasTheBitsOfTheHost) {
  for (const char* integrator : {"implicitfast", "rk4"}) {
    ExpectEqual({.terrain = GetParam(), .integrator = integrator});
  }
}

INSTANTIATE_TEST_SUITE_P(Terrains, SegmentConformance,
                         testing::Values("empty", "maze", "cave", "pyramid"));

TEST(SegmentConformance, TheNetworkOfThePresetsHasTheBitsOfTheHost) {
  ExpectEqual({.population = {32, 2, 3}, .trunk = {512, 256}, .batch = 2});
}

#ifndef KMYRIAD_CONTRACTED
TEST(SegmentConformance, AnyNetworkHasTheBitsOfTheHost) {
  const std::vector<uint32_t> trunks[] = {{16}, {272}, {48, 320}, {1024, 16}};
  for (const auto& trunk : trunks) {
    for (const Activation activation : {Activation::kRelu, Activation::kTanh}) {
      ExpectEqual({.population = {16, 4, 2},
                   .trunk = trunk,
                   .activation = activation,
                   .batch = 1});
    }
  }
}

TEST(SegmentConformance, AnyNumberOfEnvironmentsAndBatchGivesTheSameBits) {
  for (const uint32_t envs : {1u, 16u, 17u, 70u}) {
    for (const uint32_t batch : {1u, 2u, 9u}) {
      ExpectEqual({.population = {envs, envs, 3}, .batch = batch});
    }
  }
}

TEST(SegmentConformance, TheOrderOfThreadsGivesTheSameBits) {
  ExpectEqual({.reversed = true});
}

// Long enough for ants to fall over, and all features.
TEST(SegmentConformance, FlagsAndFeaturesHaveTheBitsOfTheHost) {
  const Play play = {.population = {48, 3, 60}, .features = "state"};
  const Outcome outcome = Compare(play);
  EXPECT_EQ(outcome.different, 0u) << "of " << outcome.compared;
  EXPECT_GT(outcome.flagged, 0u);
}

TEST(SegmentConformance, AnotherSeedIsNoticed) {
  const Outcome outcome = Compare({.seed_shift = 1});
  EXPECT_GT(outcome.different, outcome.compared / 2);
}
#endif

}  // namespace
}  // namespace kmyriad
