#ifndef KMYRIAD_ACTOR_PHYSICS_OVERFLOW_LOG_H_
#define KMYRIAD_ACTOR_PHYSICS_OVERFLOW_LOG_H_

#include <bit>
#include <cstdint>

#include "common/base/logging.h"

namespace kmyriad {

// For backends, after steps that raised PhysicsBlock::overflows() from `before`
// to `now`. Says so whenever the number has got another binary digit: a terrain
// that causes one causes many.
inline void LogOverflows(uint64_t before, uint64_t now) {
  if (std::bit_width(before) == std::bit_width(now)) return;
  LogError(
      "physics: out of memory for contacts in an environment, which is put "
      "back to its start (",
      now, " times so far); use a terrain with larger boxes");
}

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_OVERFLOW_LOG_H_
