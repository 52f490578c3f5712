#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_STAGE_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_STAGE_BENCHMARK_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "actor/env/terrain.h"
#include "actor/physics/physics_backend.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct StageBenchmarkOptions {
  // Wall time to measure for, at least one round of all blocks.
  double seconds = 5;
  // The measured work: this many blocks of 16 Ants, each for this many env
  // steps from its start, under random controls; > 10 steps.
  uint32_t blocks = 2;
  uint32_t env_steps = 100;
};

// Where the time of the batched step goes (floats, one thread, the level of
// ChooseSimdLevel), and what share of the core's FMA peak it is. The peak, the
// product's step and the same step with a clock at its stages take turns in
// short slices of processor time. Operations are counted, not estimated: the
// same work is done once more by the same templates over lanes that count.
// Fields, numbers of operations and times per evaluation of one robot:
//   stages.NAME  share of time; issued_flops, those of all lanes; useful_flops,
//                what a robot takes whose 15 neighbours never make it wait;
//                issued_gflops; share_of_peak (issued)
//   issued_flops, useful_flops, issued_gflops, useful_gflops,
//   issued_share_of_peak, useful_share_of_peak of the whole step; fused_share,
//   of the issued_flops that are in multiply-adds; divisions, roots included;
//   fma_peak_gflops; nanoseconds_per_evaluation; observer_cost, what the clock
//   adds to the time, as a share; undisturbed, share of the slices that no
//   other program interrupted: shares of time are of those.
// Operations of scalar code, packing and contacts in double, are not counted.
// At the scalar level fma may be a library call, and the shares say little.
// INTERNAL if a lane fails, or if the states of an observed step differ from
// the product's in any bit; errors of ChooseSimdLevel.
absl::StatusOr<nlohmann::json> RunStageBenchmark(
    const PhysicsOptions& physics, const Terrain& terrain,
    const StageBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_STAGE_BENCHMARK_H_
