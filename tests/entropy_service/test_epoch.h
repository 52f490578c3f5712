#ifndef KMYRIAD_TESTS_ENTROPY_SERVICE_TEST_EPOCH_H_
#define KMYRIAD_TESTS_ENTROPY_SERVICE_TEST_EPOCH_H_

#include <string>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "entropy_service/epoch_particles.h"
#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {

// An epoch of a small run, to be changed by a test and then sent.
struct TestEpoch {
  ScoreRequest request;
  // [particles, dims] and [particles].
  std::vector<float> features;
  std::vector<uint8_t> mask;

  // 12 environments of 3 agents, 50 steps, xy uniform over 10 x 10 metres,
  // k = 4, a coverage grid of one-metre cells.
  static TestEpoch Uniform(uint64_t seed = 1) {
    TestEpoch epoch;
    epoch.request.run_uuid[3] = 7;
    epoch.request.epoch = 5;
    epoch.request.envs = 12;
    epoch.request.horizon = 50;
    epoch.request.agents = 3;
    epoch.request.dims = 2;
    epoch.request.k = 4;
    epoch.request.floor = 0.01f;
    epoch.request.seed = 99;
    CoverageGrid grid;
    grid.cell_size = 1;
    grid.nx = grid.ny = 10;
    grid.reachable.assign(100, 1);
    epoch.request.coverage = grid;
    SeededRandom random(seed);
    epoch.features = random.Uniforms(1200, 0, 10);
    epoch.mask.assign(600, 1);
    return epoch;
  }

  // Makes the digest that of the particles.
  void Seal() {
    Sha256 hash;
    hash.Update(features.data(), features.size() * sizeof(float));
    hash.Update(mask.data(), mask.size());
    request.particle_digest = hash.Finish();
  }

  std::string FeatureBytes(size_t first, size_t count) const {
    return std::string(
        reinterpret_cast<const char*>(features.data() + first * request.dims),
        count * request.dims * sizeof(float));
  }
  std::string MaskBytes(size_t first, size_t count) const {
    return std::string(reinterpret_cast<const char*>(mask.data() + first),
                       count);
  }

  // The particles, sealed and complete.
  EpochParticles Particles() {
    Seal();
    auto particles = EpochParticles::Create(request);
    EXPECT_TRUE(particles.ok()) << particles.status();
    EXPECT_TRUE(
        particles
            ->Append(0, FeatureBytes(0, mask.size()), MaskBytes(0, mask.size()))
            .ok());
    return *std::move(particles);
  }
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ENTROPY_SERVICE_TEST_EPOCH_H_
