#ifndef KMYRIAD_ACTOR_ENV_TASKS_ENTROPY_FEATURE_H_
#define KMYRIAD_ACTOR_ENV_TASKS_ENTROPY_FEATURE_H_

#include <cstddef>
#include <cstdint>

namespace kmyriad {

// Most features of a particle.
inline constexpr size_t kMaxEntropyFeatures = 32;

// A coordinate of a task's state, by its number, times a fixed scale.
struct EntropyFeature {
  uint32_t coordinate = 0;
  float scale = 1;
  bool operator==(const EntropyFeature&) const = default;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TASKS_ENTROPY_FEATURE_H_
