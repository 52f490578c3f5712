#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_STAGE_KERNELS_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_STAGE_KERNELS_H_

// The product's step, instantiated to be observed: once per instruction set
// with a clock that every stage starts, and once over lanes that count their
// operations. Plain declarations: shared by units of different instruction
// sets.

#include <cstdint>

#include "actor/physics/simd/step_kernel.h"
#include "actor/physics/simd/step_stages.h"
#include "common/base/simd_level.h"

namespace kmyriad {

// Time of this thread's steps by stage, in ticks of one clock: of the time
// stamp counter, or nanoseconds where there is none.
struct StageTicks {
  uint64_t ticks[kStepStages];
};

// Reads the clock where a stage begins. It costs a step about one percent
// (RunStageBenchmark measures it). State is per thread.
class TimedStages {
 public:
  static void Enter(StepStage stage);
  static void Leave();
  // Of this thread, since it began.
  static const StageTicks& total();
};

extern const StepKernel<float> kTimedScalarStepKernel;
extern const StepKernel<float> kTimedAvx2StepKernel;
extern const StepKernel<float> kTimedAvx512StepKernel;
// That of `level`, which the machine supports.
const StepKernel<float>& TimedKernelOf(SimdLevel level);

// Floating-point operations of lanes. Comparisons, selections, minima, maxima,
// conversions and changes of sign do not count.
struct FlopCounts {
  uint64_t fused = 0;   // multiply-adds; two operations each
  uint64_t simple = 0;  // additions, subtractions, multiplications
  uint64_t divisions = 0;
  uint64_t roots = 0;

  uint64_t flops() const { return 2 * fused + simple + divisions + roots; }
  FlopCounts& operator+=(const FlopCounts& other) {
    fused += other.fused;
    simple += other.simple;
    divisions += other.divisions;
    roots += other.roots;
    return *this;
  }
};

// Where this thread's counting lanes (counting_lanes.h) count.
class CountedStages {
 public:
  static void Enter(StepStage stage) { current_ = &counts_[Index(stage)]; }
  static void Leave() { current_ = &elsewhere_; }
  static FlopCounts& current() { return *current_; }
  static FlopCounts& of(StepStage stage) { return counts_[Index(stage)]; }

 private:
  static int Index(StepStage stage) { return static_cast<int>(stage); }
  static thread_local FlopCounts counts_[kStepStages];
  static thread_local FlopCounts elsewhere_;
  static thread_local FlopCounts* current_;
};

extern const StepKernel<float> kCountingStepKernel;

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_STAGE_KERNELS_H_
