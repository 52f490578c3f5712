#ifndef KMYRIAD_DEPLOY_LAUNCHER_POPULATION_SOURCE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_POPULATION_SOURCE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/vector_env.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"
#include "common/base/file_system.h"
#include "common/base/tensor.h"
#include "common/policy/policy_weights.h"
#include "kmyriad/v1/run_config.pb.h"

namespace kmyriad {

// A trained population, read from a checkpoint of a run.
struct Population {
  std::string run_name;
  std::string run_uuid;
  std::string run_folder;
  std::string checkpoint;  // name of its folder, "epoch_000012"
  uint64_t epoch = 0;
  uint64_t env_steps = 0;
  v1::RunConfig config;
  // As the run recorded it.
  EnvironmentSpec spec;
  PolicyWeights weights;  // all heads
  // normalizer.*; trunk.*, heads.*, critic.* and embedding: as the checkpoint
  // has them.
  std::vector<NamedTensor> normalizer;
  std::vector<NamedTensor> parameters;
  Digest policy_hash{};
};

// Reads `target`: a run's name or folder (its newest checkpoint, by HEAD), or
// the folder of one of its checkpoints. Everything is verified; a run may be
// going on. NOT_FOUND says what is missing and where; DATA_LOSS what is
// damaged.
absl::StatusOr<Population> LoadPopulation(FileSystem& files,
                                          const std::string& target,
                                          const std::string& runs);

// What x and y of observations are divided by: half the arena's longer side.
inline float ArenaHalfSize(const EnvironmentSpec& spec) {
  return std::max(spec.x_max - spec.x_min, spec.y_max - spec.y_min) / 2;
}

// The environment that the population was trained in, without a GPU: physics of
// "cuda" is that of "simd", bit for bit. FAILED_PRECONDITION if what this build
// and its files make of the run's configuration is not what the run recorded (a
// terrain file that has changed since).
absl::StatusOr<std::shared_ptr<const EnvironmentModel>> EnvironmentOf(
    const Population& population);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_POPULATION_SOURCE_H_
