#include "entropy_service/estimator/leave_one_out.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/base/check.h"
#include "common/math/log_double.h"
#include "common/math/philox.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/estimator/tree_sum.h"

namespace kmyriad {

namespace {

// Unit of the growths: their rounding is far below that of ln V itself, and
// the largest, 32 ln(1e38 / 1e-45), is below 2^53 units.
constexpr double kUnitsPerNat = 0x1p40;

}  // namespace

LeaveOneOut::LeaveOneOut(uint32_t agents, uint64_t particles_per_agent,
                         uint32_t dims, uint32_t k, float floor)
    : particles_per_agent_(particles_per_agent),
      dims_(dims),
      k_(k),
      least_(double{floor} * double{floor}),
      growth_(agents) {}

int64_t LeaveOneOut::Growth(float from, float to) const {
  const double before = std::max(double{from}, least_);
  const double after = std::max(double{to}, least_);
  return std::llround(kUnitsPerNat * 0.5 * dims_ * LogDouble(after / before));
}

void LeaveOneOut::Add(float squared_distance,
                      absl::Span<const KthWithoutAgents::Loss> losses) {
  // Few different distances come up, as most agents have few of the neighbours.
  known_.clear();
  for (const KthWithoutAgents::Loss& loss : losses) {
    auto known = std::find_if(known_.begin(), known_.end(), [&](const auto& k) {
      return k.first == loss.squared_distance;
    });
    if (known == known_.end()) {
      known = known_.insert(known_.end(),
                            {loss.squared_distance,
                             Growth(squared_distance, loss.squared_distance)});
    }
    growth_[loss.agent] += known->second;
  }
}

void LeaveOneOut::Merge(const LeaveOneOut& other) {
  for (size_t agent = 0; agent < growth_.size(); ++agent) {
    growth_[agent] += other.growth_[agent];
  }
}

std::vector<double> LeaveOneOut::Marginals(
    absl::Span<const uint32_t> ids,
    absl::Span<const double> log_volumes) const {
  std::vector<uint64_t> own_count(growth_.size());
  std::vector<double> own_sum(growth_.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    ++own_count[AgentOf(ids[i])];
    own_sum[AgentOf(ids[i])] += log_volumes[i];
  }
  const double sum =
      TreeSum(0, ids.size(), [&](size_t i) { return log_volumes[i]; });
  const double all =
      KnnEntropy(ids.size(), k_, sum / static_cast<double>(ids.size()));
  std::vector<double> marginals(growth_.size());
  for (size_t agent = 0; agent < marginals.size(); ++agent) {
    if (own_count[agent] == 0) continue;
    const uint64_t rest = ids.size() - own_count[agent];
    KMYRIAD_CHECK(rest > k_);
    const double growth = static_cast<double>(growth_[agent]) / kUnitsPerNat;
    marginals[agent] = all - KnnEntropy(rest, k_,
                                        (sum - own_sum[agent] + growth) /
                                            static_cast<double>(rest));
  }
  return marginals;
}

std::vector<double> CreditShares(absl::Span<const double> marginals,
                                 Credit credit, uint64_t seed, uint32_t epoch) {
  std::vector<double> shares(marginals.size());
  std::transform(marginals.begin(), marginals.end(), shares.begin(),
                 [](double marginal) { return std::max(marginal, 0.0); });
  const double mean = std::accumulate(shares.begin(), shares.end(), 0.0) /
                      static_cast<double>(shares.size());
  if (credit == Credit::kUniform || mean == 0) {
    return std::vector<double>(shares.size(), 1);
  }
  for (double& share : shares) share += 0.1 * mean;
  if (credit == Credit::kShuffled) {
    // Fisher-Yates; the bias of the multiplication is below m / 2^32.
    for (size_t i = shares.size() - 1; i > 0; --i) {
      const uint32_t word =
          RunRandom(seed, RandomStream::kNull, static_cast<uint32_t>(i), epoch,
                    /*step=*/0, /*draw=*/1)
              .word[0];
      std::swap(shares[i], shares[(uint64_t{word} * (i + 1)) >> 32]);
    }
  }
  return shares;
}

void Redistribute(absl::Span<const uint32_t> agents,
                  absl::Span<const double> shares, absl::Span<double> values) {
  const auto total = [&] {
    return TreeSum(0, values.size(), [&](size_t i) { return values[i]; });
  };
  const double before = total();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= shares[agents[i]];
  const double after = total();
  if (after == 0) return;
  for (double& value : values) value *= before / after;
}

}  // namespace kmyriad
