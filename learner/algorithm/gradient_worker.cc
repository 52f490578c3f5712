#include "learner/algorithm/gradient_worker.h"

#include "learner/algorithm/schedules.h"

namespace kmyriad {
namespace {

// Parts of ln N(u; mean, std^2), summed over the actions.
struct GaussianTerms {
  at::Tensor inverse_std;  // [m, 1, A]
  at::Tensor z;            // [m, b, A], as the square
  at::Tensor z_squared;
  at::Tensor log_density;  // [m, b]
};

GaussianTerms EvaluateGaussian(const at::Tensor& mean,
                               const at::Tensor& log_std,
                               const at::Tensor& actions) {
  constexpr double kHalfLogTwoPi = 0.9189385332046727;
  GaussianTerms terms;
  terms.inverse_std = log_std.neg().exp_();
  terms.z = (actions - mean).mul_(terms.inverse_std);
  terms.z_squared = terms.z.square();
  const at::Tensor constant =
      log_std.sum(2) + kHalfLogTwoPi * static_cast<double>(mean.size(2));
  terms.log_density = terms.z_squared.sum(2).mul_(-0.5).sub_(constant);
  return terms;
}

}  // namespace

void GradientWorker::Compute(const EpochData& data, const at::Tensor& indices,
                             int64_t minibatch_samples, int64_t chunk,
                             const std::function<bool()>& on_chunk,
                             GradientShard* shard) {
  for (at::Tensor& gradient : shard->gradients) gradient.zero_();
  shard->sums.zero_();
  shard->ratio_error.zero_();
  network_->SwapGradients(&shard->gradients);
  const uint64_t size = static_cast<uint64_t>(indices.size(0));
  const uint64_t chunks = PartCount(size, static_cast<uint64_t>(chunk));
  for (uint64_t part = 0; part < chunks; ++part) {
    const int64_t from = static_cast<int64_t>(PartBegin(size, chunks, part));
    const int64_t to = static_cast<int64_t>(PartBegin(size, chunks, part + 1));
    Accumulate(data, indices.narrow(0, from, to - from), minibatch_samples,
               shard);
    if (!on_chunk()) break;
  }
  network_->SwapGradients(&shard->gradients);
}

void GradientWorker::Accumulate(const EpochData& data,
                                const at::Tensor& indices,
                                int64_t minibatch_samples,
                                GradientShard* shard) {
  const at::Tensor rows = data.rows.index_select(1, indices);
  const RecordColumns record =
      SplitRecords(data.records.index_select(1, indices));
  const double share = static_cast<double>(indices.size(0)) /
                       static_cast<double>(minibatch_samples);

  const at::Tensor& mean = network_->ForwardPolicy(rows);
  const GaussianTerms terms =
      EvaluateGaussian(mean, network_->log_std(), record.actions);
  const at::Tensor log_ratio = terms.log_density - record.log_density;
  const ObjectiveOutput output =
      objective_.Evaluate({log_ratio, record.advantages, minibatch_samples});

  // d ln pi / d mu = z / sigma, d ln pi / d ln sigma = z^2 - 1.
  const at::Tensor weight = output.log_prob_gradient.unsqueeze(2);
  const at::Tensor mean_gradient = (terms.z * terms.inverse_std).mul_(weight);
  const at::Tensor log_std_gradient =
      ((terms.z_squared - 1.0) * weight).sum(1, true);
  log_std_gradient.sub_(entropy_coefficient_ * share);
  const at::Tensor absolute_mean = mean.abs().sum();
  network_->BackwardPolicy(rows, mean_gradient, log_std_gradient);

  const at::Tensor squared_error =
      objective_.uses_critic()
          ? AccumulateCritic(rows, record, minibatch_samples)
          : at::zeros_like(absolute_mean);

  const at::Tensor ratio_minus_one = log_ratio.expm1();
  shard->sums.add_(at::stack(
      {output.loss, (ratio_minus_one - log_ratio).mul_(record.counts).sum(),
       output.clipped.to(log_ratio.scalar_type()), squared_error,
       absolute_mean}));
  shard->ratio_error =
      at::maximum(shard->ratio_error, ratio_minus_one.abs().max());
}

at::Tensor GradientWorker::AccumulateCritic(const at::Tensor& rows,
                                            const RecordColumns& record,
                                            int64_t minibatch_samples) {
  // The critic is shared: mean over all agents' samples.
  const at::Tensor error =
      (network_->ForwardValue(rows) - record.value_target).mul_(record.counts);
  const double value_scale = 2.0 / (static_cast<double>(minibatch_samples) *
                                    static_cast<double>(rows.size(0)));
  network_->BackwardValue(rows, error * value_scale);
  return error.square().sum();
}

at::Tensor GradientWorker::LogDensity(const EpochData& data, int64_t first,
                                      int64_t count) {
  const at::Tensor rows =
      data.rows.narrow(1, first, count).clone(at::MemoryFormat::Contiguous);
  return EvaluateGaussian(
             network_->ForwardPolicy(rows), network_->log_std(),
             SplitRecords(data.records.narrow(1, first, count)).actions)
      .log_density;
}

}  // namespace kmyriad
