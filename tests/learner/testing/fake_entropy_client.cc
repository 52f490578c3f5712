#include "tests/learner/testing/fake_entropy_client.h"

#include <limits>

#include "absl/status/status.h"

namespace kmyriad {

absl::StatusOr<ScoreResult> FakeEntropyClient::ScoreEpoch(
    const ScoreRequest& request, const WaitForRetry& wait) {
  while (unavailable_ > 0) {
    --unavailable_;
    if (!wait("waiting for the entropy service: no one there", 0.5)) {
      return absl::CancelledError("given up");
    }
  }
  if (cancelled_) return absl::CancelledError("cancelled");
  if (!refusal_.ok()) return refusal_;
  if (request.particle_digest != ParticleDigest(request)) {
    return absl::DataLossError("the digest is not that of the particles");
  }
  last_request_ = request;
  const size_t particles = size_t{request.envs} * request.horizon;
  ScoreResult result;
  result.cell_visits.resize(request.coverage.reachable.size());
  result.rewards.resize(particles);
  double sum = 0;
  for (size_t i = 0; i < particles; ++i) {
    const float x = request.particles[i * request.dims];
    result.rewards[i] = request.mask[i] != 0 ? x : -10.0f;
    if (request.mask[i] == 0) {
      ++result.masked;
      continue;
    }
    sum += x;
    const auto cell = static_cast<size_t>(x * 1000.0f);
    ++result.cell_visits[cell % result.cell_visits.size()];
  }
  result.entropy_nats = sum / static_cast<double>(particles);
  result.coverage = 0.5;
  result.diversity_null_nats = std::numeric_limits<double>::quiet_NaN();
  result.reward_std = spread_;
  result.engine = "fake";
  return result;
}

absl::StatusOr<EvaluateResult> FakeEntropyClient::Evaluate(
    const ScoreRequest& epoch, WeightedForm form, const float* log_weights,
    const WaitForRetry& wait) {
  if (unavailable_ > 0) {
    --unavailable_;
    if (!wait("waiting for the entropy service: no one there", 0.5)) {
      return absl::CancelledError("given up");
    }
  }
  if (epoch.particle_digest != last_request_.particle_digest) {
    return absl::NotFoundError("the digest is not that of the scored epoch");
  }
  last_request_ = epoch;
  const size_t particles = size_t{epoch.envs} * epoch.horizon;
  EvaluateResult result;
  result.entropy_gradient.resize(particles);
  for (size_t i = 0; i < particles; ++i) {
    const float x = epoch.particles[i * epoch.dims];
    result.entropy_nats += x * log_weights[i];
    result.entropy_gradient[i] = form == WeightedForm::kMepol ? -x : x;
  }
  result.kl_nats = 0.25;
  result.effective_samples = static_cast<double>(particles);
  return result;
}

}  // namespace kmyriad
