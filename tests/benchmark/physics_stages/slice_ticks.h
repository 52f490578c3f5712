#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_SLICE_TICKS_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_SLICE_TICKS_H_

#include <cstdint>

#include "tests/benchmark/physics_stages/stage_kernels.h"

namespace kmyriad {

// Ticks of slices of work. The clock goes on while other programs have the
// core, so that slices that they interrupted count only if there are no others.
class SliceTicks {
 public:
  void Add(const StageTicks& slice, bool disturbed) {
    ++slices_[disturbed];
    for (int k = 0; k < kStepStages; ++k) {
      ticks_[disturbed].ticks[k] += slice.ticks[k];
    }
  }

  // Of the undisturbed slices, or of all if all were disturbed.
  const StageTicks& ticks() const { return ticks_[slices_[false] == 0]; }
  // Share of the slices, in [0, 1]; after the first slice.
  double undisturbed() const {
    return static_cast<double>(slices_[false]) /
           static_cast<double>(slices_[false] + slices_[true]);
  }

 private:
  // By whether they were disturbed.
  StageTicks ticks_[2] = {};
  uint64_t slices_[2] = {};
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_SLICE_TICKS_H_
