#ifndef KMYRIAD_LEARNER_TRAINER_PARTICLE_WINDOW_H_
#define KMYRIAD_LEARNER_TRAINER_PARTICLE_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "common/base/tensor.h"

namespace kmyriad {

// The particles of the last epochs, for a pool of more than one epoch
// (entropy.window = R). The pool is exact and depends on nothing but the last R
// epochs' particles; those of the past are part of every checkpoint, so that a
// run that resumes sees the same pools. One thread at a time.
class ParticleWindow {
 public:
  // R >= 1 epochs of `envs` environments, `horizon` steps and `dims` features.
  ParticleWindow(uint32_t epochs, uint32_t envs, uint32_t horizon,
                 uint32_t dims);

  // A pool of `epochs` epochs, oldest first within each environment:
  // features [envs, epochs, horizon, dims], mask [envs, epochs, horizon].
  struct Pool {
    uint32_t epochs = 0;
    std::vector<float> features;
    std::vector<uint8_t> mask;
  };
  // The kept epochs and a new one, features [envs, horizon, dims] and
  // mask [envs, horizon]. At the start of a run there are fewer than R.
  Pool With(const float* features, const uint8_t* mask) const;
  // Keeps an epoch; the oldest makes room once R - 1 are kept.
  void Push(const float* features, const uint8_t* mask);

  // Adds window_features [kept, envs * horizon, dims] and window_mask
  // [kept, envs * horizon]; nothing if R = 1.
  void Save(std::vector<NamedTensor>* tensors) const;
  // Takes the newest R - 1 of what was saved, maybe under another R; empty if
  // nothing was. INVALID_ARGUMENT, and no change, for tensors of another shape.
  absl::Status Load(const std::vector<NamedTensor>& tensors);

 private:
  struct Epoch {
    std::vector<float> features;
    std::vector<uint8_t> mask;
  };

  uint32_t epochs_;
  uint32_t envs_;
  uint32_t horizon_;
  uint32_t dims_;
  // Oldest first.
  std::deque<Epoch> kept_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_PARTICLE_WINDOW_H_
