#ifndef KMYRIAD_LEARNER_ALGORITHM_SCHEDULES_H_
#define KMYRIAD_LEARNER_ALGORITHM_SCHEDULES_H_

#include <cstdint>
#include <vector>

namespace kmyriad {

// Step size of `epoch` (from 1): `initial` in the first epoch, linearly down
// to a tenth of it in epoch `schedule_epochs`, then constant. A function of
// the absolute epoch, so that a resumed run goes on with it.
double LearningRate(double initial, uint64_t epoch, uint64_t schedule_epochs);

// A random order of 0..count-1 (Fisher-Yates), a pure function of its
// arguments: stream kMinibatch, keyed by epoch and pass. count < 2^32.
std::vector<int64_t> MinibatchOrder(uint64_t count, uint64_t seed,
                                    uint64_t epoch, uint32_t pass);

// First index of part `part` when `count` things are cut into `parts` nearly
// equal ones; `count` itself for part == parts.
inline uint64_t PartBegin(uint64_t count, uint64_t parts, uint64_t part) {
  return count * part / parts;
}

// Least number of parts of at most `size` things each; count, size >= 1.
inline uint64_t PartCount(uint64_t count, uint64_t size) {
  return (count + size - 1) / size;
}

// Shards of a minibatch of `samples` per agent, 1 to 8: a function of sizes
// alone, so that bits do not depend on threads. At most so many threads have
// work; each shard costs a set of gradients.
uint64_t ShardCount(uint64_t agents, uint64_t samples);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_SCHEDULES_H_
