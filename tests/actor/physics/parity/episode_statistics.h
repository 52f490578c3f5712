#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_EPISODE_STATISTICS_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_EPISODE_STATISTICS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/terrain.h"
#include "actor/physics/physics_backend.h"
#include "tests/actor/physics/parity/mujoco_oracle.h"

namespace kmyriad {

// What is compared over whole episodes, where trajectories have parted. One
// number per episode, so that the samples are independent of each other.
enum EpisodeQuantity {
  kMeanContacts,
  kMeanEnergy,  // joules
  kMeanHeight,  // of the torso, metres
  kDistance,    // from the first to the last place of the torso, metres
  kEpisodeQuantities
};
inline constexpr const char* kEpisodeQuantityNames[] = {"contacts", "energy",
                                                        "height", "distance"};

struct EpisodeOptions {
  uint32_t blocks = 16;     // of 16 episodes
  uint32_t env_steps = 80;  // of an episode, 5 physics steps each
  uint64_t seed = 1;
};

// [quantity][episode]
using EpisodeStatistics = std::array<std::vector<double>, kEpisodeQuantities>;

// Runs Ants under random actions of scale 0.3 from the terrain's start and
// goals. Contacts and energies of the visited states are the oracle's,
// whichever engine visits them. ABORTED if a lane loses its state.
absl::StatusOr<EpisodeStatistics> RunEpisodes(const PhysicsModel& model,
                                              const Terrain& terrain,
                                              MujocoOracle& oracle,
                                              const EpisodeOptions& options);

// The probability that two samples of one continuous distribution differ by as
// much as these (two-sample Kolmogorov-Smirnov test, asymptotic).
double SameDistribution(absl::Span<const double> a, absl::Span<const double> b);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_EPISODE_STATISTICS_H_
