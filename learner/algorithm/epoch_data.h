#ifndef KMYRIAD_LEARNER_ALGORITHM_EPOCH_DATA_H_
#define KMYRIAD_LEARNER_ALGORITHM_EPOCH_DATA_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/network/multi_head_actor_critic.h"

namespace kmyriad {

// An epoch's samples on the optimiser's device, agents first: S = samples per
// agent. Environments of an agent are neighbours, so the caller's
// [envs, horizon] is [m, S] without moving anything.
struct EpochData {
  // [m, S, row_columns], product type: see MultiHeadActorCritic::FillRows.
  at::Tensor rows;
  // [m, S, A + 4], master type: u, ln density of u under the behaviour
  // policy, advantage, value target, 1 if the sample counts (else 0).
  at::Tensor records;
  // Agents whose policies learn, [m], 1 or 0; empty: all.
  std::vector<uint8_t> trained;
  // Samples that count, of all agents; at least 1.
  double live_samples = 1;
  double explained_variance = 0;
  // Share of |tanh u| > 0.97.
  double saturated_fraction = 0;
};

// Views of the columns of records [m, b, A + 4].
struct RecordColumns {
  at::Tensor actions;       // [m, b, A]
  at::Tensor log_density;   // [m, b]
  at::Tensor advantages;    // [m, b]
  at::Tensor value_target;  // [m, b]
  at::Tensor counts;        // [m, b]
};
RecordColumns SplitRecords(const at::Tensor& records);

// INVALID_ARGUMENT, naming the number, if the samples do not fit the options.
absl::Status CheckSamples(const PolicyOptimizerOptions& options,
                          const EpochSamples& samples, size_t mean_size,
                          size_t inv_std_size);

// Calls body(worker, i) for i in [0, count), each worker number by one thread
// at a time.
using ParallelLoop = std::function<void(
    size_t count, const std::function<void(size_t worker, size_t i)>& body)>;

// Rows and records of the samples, advantages and value targets being 0;
// networks[w] belongs to worker w of `loop`.
EpochData FillEpoch(const PolicyOptimizerOptions& options,
                    const EpochSamples& samples,
                    const std::vector<float>& normalizer_mean,
                    const std::vector<float>& normalizer_inv_std,
                    at::TensorOptions master,
                    const std::vector<MultiHeadActorCritic*>& networks,
                    const ParallelLoop& loop);

// And values, computed with the network as it is, advantages and value targets.
// INTERNAL if one of them is not finite. `chunk` is the number of samples per
// agent that are computed at once.
absl::StatusOr<EpochData> PrepareEpoch(
    const PolicyOptimizerOptions& options, const EpochSamples& samples,
    const std::vector<float>& normalizer_mean,
    const std::vector<float>& normalizer_inv_std, int64_t chunk,
    at::TensorOptions master,
    const std::vector<MultiHeadActorCritic*>& networks,
    const ParallelLoop& loop);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_EPOCH_DATA_H_
