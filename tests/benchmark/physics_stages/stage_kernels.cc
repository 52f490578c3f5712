#include "tests/benchmark/physics_stages/stage_kernels.h"

#include <chrono>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace kmyriad {
namespace {

uint64_t Ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<uint64_t>(
      std::chrono::nanoseconds(
          std::chrono::steady_clock::now().time_since_epoch())
          .count());
#endif
}

struct StageWatch {
  StageTicks total = {};
  int stage = -1;
  uint64_t start = 0;
};
thread_local StageWatch watch;

}  // namespace

void TimedStages::Enter(StepStage stage) {
  Leave();
  watch.stage = static_cast<int>(stage);
}

void TimedStages::Leave() {
  const uint64_t now = Ticks();
  if (watch.stage >= 0) watch.total.ticks[watch.stage] += now - watch.start;
  watch.stage = -1;
  watch.start = now;
}

const StageTicks& TimedStages::total() { return watch.total; }

const StepKernel<float>& TimedKernelOf(SimdLevel level) {
#ifdef KMYRIAD_HAVE_X86_SIMD
  if (level == SimdLevel::kAvx512) return kTimedAvx512StepKernel;
  if (level == SimdLevel::kAvx2) return kTimedAvx2StepKernel;
#endif
  return kTimedScalarStepKernel;
}

thread_local FlopCounts CountedStages::counts_[kStepStages];
thread_local FlopCounts CountedStages::elsewhere_;
thread_local FlopCounts* CountedStages::current_ = &elsewhere_;

}  // namespace kmyriad
