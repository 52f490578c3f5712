#include "tests/actor/physics/parity/episode_statistics.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

constexpr uint32_t kFrameSkip = 5;
constexpr double kActionScale = 0.3;

// 16 episodes, side by side.
class EpisodeBlock {
 public:
  EpisodeBlock(PhysicsBlock& block, const PhysicsDimensions& dimensions,
               const Terrain& terrain, MujocoOracle& oracle, uint64_t seed)
      : block_(block),
        terrain_(terrain),
        oracle_(oracle),
        random_(seed),
        dimensions_(dimensions) {}

  absl::Status Run(uint32_t env_steps, EpisodeStatistics* statistics) {
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) Reset(lane);
    std::vector<float> controls(dimensions_.control * kBlockLanes);
    for (uint32_t step = 0; step < env_steps; ++step) {
      for (float& control : controls) {
        control =
            static_cast<float>(random_.Uniform(-kActionScale, kActionScale));
      }
      const LaneMask lost = block_.Step(controls.data(), kFrameSkip);
      if (lost != 0) {
        return absl::AbortedError(
            absl::StrCat("lanes ", lost, " lost in step ", step));
      }
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) Look(lane);
    }
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      const Lane& l = lanes_[lane];
      (*statistics)[kMeanContacts].push_back(l.contacts / env_steps);
      (*statistics)[kMeanEnergy].push_back(l.energy / env_steps);
      (*statistics)[kMeanHeight].push_back(l.height / env_steps);
      (*statistics)[kDistance].push_back(
          std::hypot(l.qpos[0] - l.start[0], l.qpos[1] - l.start[1]));
    }
    return absl::OkStatus();
  }

 private:
  struct Lane {
    double contacts = 0, energy = 0, height = 0;
    double start[2] = {0, 0};
    std::vector<double> qpos, qvel;
  };

  void Reset(uint32_t lane) {
    Lane& l = lanes_[lane];
    l.qpos = dimensions_.reference_position;
    l.qvel.assign(dimensions_.velocity, 0);
    const uint64_t place = random_.Below(terrain_.goals.size() + 1);
    const bool start = place == terrain_.goals.size();
    l.qpos[0] = start ? terrain_.start_x : terrain_.goals[place].x;
    l.qpos[1] = start ? terrain_.start_y : terrain_.goals[place].y;
    l.qpos[2] = terrain_.GroundHeight(l.qpos[0], l.qpos[1]) + 0.75;
    std::copy_n(l.qpos.begin(), 2, l.start);
    for (size_t i = 7; i < l.qpos.size(); ++i) {
      l.qpos[i] += random_.Uniform(-0.1, 0.1);
    }
    block_.Reset(lane, l.qpos.data(), l.qvel.data());
  }

  void Look(uint32_t lane) {
    Lane& l = lanes_[lane];
    block_.Read(lane, l.qpos.data(), l.qvel.data());
    const MujocoOracle::Summary summary = oracle_.Summarize(l.qpos, l.qvel);
    l.contacts += summary.contacts;
    l.energy += summary.energy;
    l.height += l.qpos[2];
  }

  PhysicsBlock& block_;
  const Terrain& terrain_;
  MujocoOracle& oracle_;
  SeededRandom random_;
  const PhysicsDimensions& dimensions_;
  std::array<Lane, kBlockLanes> lanes_;
};

}  // namespace

absl::StatusOr<EpisodeStatistics> RunEpisodes(const PhysicsModel& model,
                                              const Terrain& terrain,
                                              MujocoOracle& oracle,
                                              const EpisodeOptions& options) {
  EpisodeStatistics statistics;
  for (uint32_t i = 0; i < options.blocks; ++i) {
    KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<PhysicsBlock> block,
                             model.CreateBlock());
    EpisodeBlock episodes(*block, model.dimensions(), terrain, oracle,
                          options.seed * 1000 + i);
    KMYRIAD_RETURN_IF_ERROR(episodes.Run(options.env_steps, &statistics));
  }
  return statistics;
}

double SameDistribution(absl::Span<const double> a,
                        absl::Span<const double> b) {
  std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end());
  std::sort(x.begin(), x.end());
  std::sort(y.begin(), y.end());
  const auto n = static_cast<double>(x.size());
  const auto m = static_cast<double>(y.size());
  double distance = 0;
  size_t i = 0, j = 0;
  while (i < x.size() && j < y.size()) {
    const double value = std::min(x[i], y[j]);
    while (i < x.size() && x[i] <= value) ++i;
    while (j < y.size() && y[j] <= value) ++j;
    distance = std::max(distance, std::abs(static_cast<double>(i) / n -
                                           static_cast<double>(j) / m));
  }
  // Kolmogorov's series, with the correction for small samples of Stephens
  // (JRSS B 32, 1970).
  const double root = std::sqrt(n * m / (n + m));
  const double lambda = (root + 0.12 + 0.11 / root) * distance;
  // Where the series converges slowly it is 1 to six digits.
  if (lambda < 0.3) return 1;
  double probability = 0;
  for (int k = 1; k <= 100; ++k) {
    probability +=
        (k % 2 == 1 ? 2 : -2) * std::exp(-2 * k * k * lambda * lambda);
  }
  return std::min(1.0, std::max(0.0, probability));
}

}  // namespace kmyriad
