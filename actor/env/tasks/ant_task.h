#ifndef KMYRIAD_ACTOR_ENV_TASKS_ANT_TASK_H_
#define KMYRIAD_ACTOR_ENV_TASKS_ANT_TASK_H_

// What the Ant's task (ant.h) makes of a robot's state: start, observation,
// features, flags. Written once, for host and device.

#include <cstdint>

#include "actor/env/ground_map.h"
#include "actor/env/tasks/entropy_feature.h"
#include "common/base/sample_flags.h"
#include "common/math/philox.h"

namespace kmyriad {

inline constexpr uint32_t kAntPositions = 15;
inline constexpr uint32_t kAntVelocities = 14;
inline constexpr uint32_t kAntActions = 8;
// Positions, velocities, time.
inline constexpr uint32_t kAntObservations = kAntPositions + kAntVelocities + 1;
inline constexpr uint32_t kAntQuaternion = 3;  // in qpos
inline constexpr uint32_t kAntFirstJoint = 7;  // in qpos, after the free joint
inline constexpr double kAntStartHeight = 0.75;  // metres, as in ant.xml
inline constexpr float kAntPlaceJitter = 0.25f;  // metres
inline constexpr float kAntJointJitter = 0.1f;   // radians, as Gymnasium
inline constexpr double kAntHighestTorso = 2.0;  // metres from the ground

struct AntState {
  double q[kAntPositions];
  double v[kAntVelocities];
};

// The constant part; plain memory and views.
struct AntTask {
  uint32_t horizon;
  float position_scale;  // 1 / half size of the arena, per metre
  float action_scale;
  double start_x, start_y;
  GroundMap ground;
  uint32_t feature_count;
  EntropyFeature feature[kMaxEntropyFeatures];
};

// Uniform in (-limit, limit).
KMYRIAD_HOST_DEVICE inline double AntJitter(uint32_t word, float limit) {
  return static_cast<double>(limit * (2 * UniformOpen(word) - 1));
}

// Where an environment starts its segment: a function of its number, the epoch
// and the seed.
KMYRIAD_HOST_DEVICE inline AntState AntStart(const AntTask& task, uint64_t seed,
                                             uint32_t epoch, uint32_t env) {
  // Words 0 and 1 place the torso, words 4 to 11 bend the joints.
  uint32_t words[12];
  for (uint32_t draw = 0; draw < 3; ++draw) {
    const PhiloxBlock random =
        RunRandom(seed, RandomStream::kReset, env, epoch, 0, draw);
    for (uint32_t i = 0; i < 4; ++i) words[4 * draw + i] = random.word[i];
  }
  AntState state = {};
  double* q = state.q;
  q[0] = task.start_x + AntJitter(words[0], kAntPlaceJitter);
  q[1] = task.start_y + AntJitter(words[1], kAntPlaceJitter);
  q[2] = GroundHeight(task.ground, q[0], q[1]) + kAntStartHeight;
  q[kAntQuaternion] = 1;
  for (uint32_t i = kAntFirstJoint; i < kAntPositions; ++i) {
    q[i] = AntJitter(words[4 + i - kAntFirstJoint], kAntJointJitter);
  }
  return state;
}

// Number `row` of an observation: `value` is that of the positions, then the
// velocities.
KMYRIAD_HOST_DEVICE inline float AntObservation(const AntTask& task,
                                                uint32_t row, double value) {
  const float rounded = static_cast<float>(value);
  return row < 2 ? rounded * task.position_scale : rounded;
}
// The last number of an observation.
KMYRIAD_HOST_DEVICE inline float AntTime(const AntTask& task, uint32_t step) {
  return static_cast<float>(step) / static_cast<float>(task.horizon);
}

KMYRIAD_HOST_DEVICE inline float AntFeature(const EntropyFeature& feature,
                                            const AntState& state) {
  const uint32_t i = feature.coordinate;
  double value = i < kAntPositions ? state.q[i] : state.v[i - kAntPositions];
  const bool attitude = i >= kAntQuaternion && i < kAntFirstJoint;
  if (attitude && state.q[kAntQuaternion] < 0) value = -value;
  return static_cast<float>(value) * feature.scale;
}

KMYRIAD_HOST_DEVICE inline uint8_t AntFlags(const AntTask& task,
                                            const double* q) {
  const double height = q[2] - GroundHeight(task.ground, q[0], q[1]);
  uint8_t flags = 0;
  if (!IsFree(task.ground, q[0], q[1]) ||
      __builtin_fabs(height) > kAntHighestTorso) {
    flags |= kSampleOutside;
  }
  // Sign of the torso's up vector, whatever the quaternion's length.
  if (q[3] * q[3] + q[6] * q[6] < q[4] * q[4] + q[5] * q[5]) {
    flags |= kSampleUpsideDown;
  }
  return flags;
}

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TASKS_ANT_TASK_H_
