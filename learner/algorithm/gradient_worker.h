#ifndef KMYRIAD_LEARNER_ALGORITHM_GRADIENT_WORKER_H_
#define KMYRIAD_LEARNER_ALGORITHM_GRADIENT_WORKER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "learner/algorithm/epoch_data.h"
#include "learner/algorithm/objective.h"
#include "learner/network/multi_head_actor_critic.h"

namespace kmyriad {

// Sums over samples, in this order in GradientShard::sums.
enum SampleSum {
  kPolicyLoss,
  kKl,
  kClipped,
  kSquaredError,
  kAbsoluteMean,
  kSampleSums
};

// What one piece of a minibatch contributes. Pieces depend on sizes alone and
// are added up in their order, so that the number of threads does not change
// the result's bits.
struct GradientShard {
  // One per parameter, in the order of MultiHeadActorCritic::AllParameters.
  std::vector<at::Tensor> gradients;
  at::Tensor sums;         // [kSampleSums], fp64
  at::Tensor ratio_error;  // max |ratio - 1|, scalar
};

// A network of its own buffers over shared parameters, used by one thread at a
// time: computes shards.
class GradientWorker {
 public:
  // `network` and `objective` outlive this object.
  GradientWorker(const MultiHeadActorCritic& network,
                 const Objective& objective, double entropy_coefficient)
      : network_(network.Replica()),
        objective_(objective),
        entropy_coefficient_(entropy_coefficient) {}

  // Gradients of the samples `indices` of each agent, part of a minibatch of
  // `minibatch_samples` per agent, `chunk` at a time. `on_chunk` is called
  // after each and returns false to stop early.
  void Compute(const EpochData& data, const at::Tensor& indices,
               int64_t minibatch_samples, int64_t chunk,
               const std::function<bool()>& on_chunk, GradientShard* shard);

  // ln density of the actions of the samples [first, first + count) of each
  // agent under the policies as they are, [m, count]; as squashed Gaussians
  // without the squash (see FillAgents).
  at::Tensor LogDensity(const EpochData& data, int64_t first, int64_t count);

  MultiHeadActorCritic& network() { return *network_; }

 private:
  void Accumulate(const EpochData& data, const at::Tensor& indices,
                  int64_t minibatch_samples, GradientShard* shard);
  // Sum of the critic's squared errors.
  at::Tensor AccumulateCritic(const at::Tensor& rows,
                              const RecordColumns& record,
                              int64_t minibatch_samples);

  const std::unique_ptr<MultiHeadActorCritic> network_;
  const Objective& objective_;
  const double entropy_coefficient_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_GRADIENT_WORKER_H_
