// Our Ant against trajectories of Gymnasium's own Ant-v5
// (tests/testdata/make_gymnasium_ant.py).
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <memory>
#include <vector>

#include "actor/physics/backend_factory.h"
#include "common/base/segment.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Numbers = std::vector<double>;

class GymnasiumAlignmentTest : public ::testing::Test {
 protected:
  GymnasiumAlignmentTest() {
    std::ifstream file(KMYRIAD_TESTDATA "/gymnasium_ant.json");
    fixture_ = nlohmann::json::parse(file);
  }

  std::unique_ptr<PhysicsBlock> MakeBlock(Integrator integrator) {
    PhysicsOptions options;
    options.integrator = integrator;
    auto model = CreateAntPhysics("mujoco", options);
    EXPECT_TRUE(model.ok()) << model.status();
    return *(*model)->CreateBlock();
  }

  // Replays all episodes from their start states, one per lane; the largest
  // deviation of any position or velocity after any step.
  double LargestDeviation(Integrator integrator) {
    const auto block = MakeBlock(integrator);
    const nlohmann::json& episodes = fixture_["episodes"];
    const auto lanes = static_cast<uint32_t>(episodes.size());
    EXPECT_LE(lanes, kBlockLanes);
    for (uint32_t lane = 0; lane < lanes; ++lane) {
      const nlohmann::json& start = episodes[lane]["start"];
      block->Reset(lane, start["qpos"].get<Numbers>().data(),
                   start["qvel"].get<Numbers>().data());
    }
    double largest = 0;
    const uint32_t frame_skip = fixture_["frame_skip"];
    for (size_t step = 0; step < episodes[0]["steps"].size(); ++step) {
      std::array<float, 8 * kBlockLanes> controls{};
      for (uint32_t lane = 0; lane < lanes; ++lane) {
        const Numbers action = episodes[lane]["steps"][step]["action"];
        for (uint32_t i = 0; i < 8; ++i) {
          controls[i * kBlockLanes + lane] = static_cast<float>(action[i]);
        }
      }
      EXPECT_EQ(block->Step(controls.data(), frame_skip), 0u);
      for (uint32_t lane = 0; lane < lanes; ++lane) {
        const nlohmann::json& expected = episodes[lane]["steps"][step];
        Numbers qpos(15), qvel(14);
        block->Read(lane, qpos.data(), qvel.data());
        largest = std::max({largest, Deviation(qpos, expected["qpos"]),
                            Deviation(qvel, expected["qvel"])});
      }
    }
    return largest;
  }

  static double Deviation(const Numbers& ours, const Numbers& theirs) {
    EXPECT_EQ(ours.size(), theirs.size());
    double largest = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      largest = std::max(largest, std::abs(ours[i] - theirs[i]));
    }
    return largest;
  }

  nlohmann::json fixture_;
};

// The same library computes both, so that the bits agree where sine and cosine
// do; the small tolerance leaves room for another machine's, amplified over
// the episode by contacts.
TEST_F(GymnasiumAlignmentTest, StepsLikeGymnasiumsAnt) {
  EXPECT_EQ(fixture_["mujoco"], "3.17.0");
  EXPECT_LE(LargestDeviation(Integrator::kRungeKutta4), 1e-9);
}

// Negative control: the comparison sees another integrator at once.
TEST_F(GymnasiumAlignmentTest, AnotherIntegratorDeviates) {
  EXPECT_GT(LargestDeviation(Integrator::kImplicitFast), 1e-3);
}

}  // namespace
}  // namespace kmyriad
