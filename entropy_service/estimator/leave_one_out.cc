#include "entropy_service/estimator/leave_one_out.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/check.h"
#include "common/math/log_double.h"
#include "common/math/philox.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/estimator/tree_sum.h"

namespace kmyriad {

LeaveOneOut::LeaveOneOut(uint32_t agents, uint32_t dims, uint32_t k,
                         float floor)
    : dims_(dims),
      k_(k),
      log_unit_(LogUnitBallVolume(dims)),
      least_(double{floor} * double{floor}),
      own_count_(agents),
      own_sum_(agents),
      growth_(agents),
      seen_(agents) {}

double LeaveOneOut::LogVolume(const Neighbor& neighbor) const {
  const double squared = std::max(double{neighbor.squared_distance}, least_);
  return log_unit_ + 0.5 * dims_ * LogDouble(squared);
}

double LeaveOneOut::Add(uint32_t agent, absl::Span<const Neighbor> list,
                        absl::Span<const uint32_t> list_agents) {
  KMYRIAD_CHECK(list.size() >= k_ && list_agents.size() == list.size());
  const double volume = LogVolume(list[k_ - 1]);
  ++count_;
  sum_ += volume;
  ++own_count_[agent];
  own_sum_[agent] += volume;
  if (due_.size() < list.size() + 2) due_.resize(list.size() + 2);
  // Without agent b, the k-th neighbour is entry p where p - seen[b] = k: at
  // k + seen[b] for now, later if more of b's come first. Only agents among
  // the first k entries matter.
  for (size_t p = 1; p <= list.size(); ++p) {
    const uint32_t other = list_agents[p - 1];
    const bool first = seen_[other]++ == 0;
    if (p <= k_ && first && other != agent) due_[k_ + 1].push_back(other);
    if (p <= k_) continue;
    for (const uint32_t gone : due_[p]) {
      const size_t place = k_ + seen_[gone];
      if (place == p) {
        growth_[gone] += LogVolume(list[p - 1]) - volume;
      } else if (place < due_.size()) {
        due_[place].push_back(gone);
      }
    }
    due_[p].clear();
  }
  // A list that ends early has no entry for these; there are too few particles.
  for (size_t p = list.size() + 1; p < due_.size(); ++p) due_[p].clear();
  for (const uint32_t other : list_agents) seen_[other] = 0;
  return volume;
}

double LeaveOneOut::Entropy() const {
  return KnnEntropy(count_, k_, sum_ / static_cast<double>(count_));
}

std::vector<double> LeaveOneOut::Marginals() const {
  std::vector<double> marginals(own_count_.size());
  const double all = Entropy();
  for (size_t agent = 0; agent < marginals.size(); ++agent) {
    if (own_count_[agent] == 0) continue;
    const uint64_t rest = count_ - own_count_[agent];
    KMYRIAD_CHECK(rest > k_);
    marginals[agent] =
        all - KnnEntropy(rest, k_,
                         (sum_ - own_sum_[agent] + growth_[agent]) /
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
