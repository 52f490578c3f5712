#ifndef KMYRIAD_TESTS_LEARNER_ALGORITHM_TABULAR_RING_H_
#define KMYRIAD_TESTS_LEARNER_ALGORITHM_TABULAR_RING_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "entropy_service/estimator/weighted_entropy.h"
#include "learner/algorithm/iw_entropy.h"
#include "tests/entropy_service/estimator/graph_of.h"

namespace kmyriad {

// A world in which everything can be written down (method.md 7.7): a ring of
// cells, on which each agent starts in cell 0 and steps left, stays or steps
// right, by a softmax of its logits for the cell; a step slips, and leads
// nowhere, one time in four. A particle is uniform within
// its cell, which is one unit wide, so that the differential entropy of the
// particles is the entropy of the cells' distribution.
namespace ring {

inline constexpr uint32_t kAgents = 2;
inline constexpr uint32_t kCells = 16;
inline constexpr uint32_t kActions = 3;
inline constexpr uint32_t kSteps = 9;
inline constexpr double kSlip = 0.25;

// Logits, or derivatives by them, [agents, cells, actions].
using Table = std::vector<double>;

// Independent normals times `scale`; `stay` is added to the middle action's.
Table RandomLogits(uint64_t seed, double scale, double stay);

// Entropy of the distribution of cells over agents and the steps 1 to kSteps,
// nats, and its derivatives: sums over all paths, by recursion.
double Entropy(const Table& logits);
Table Gradient(const Table& logits);

// What no population can exceed, whatever it remembers: Frank-Wolfe over the
// distributions of cells, and the gap that it knows to be left.
double LargestEntropy();

// Between a gradient and the exact one.
struct Agreement {
  double cosine = 0;
  // |given - exact| / |exact|.
  double relative_error = 0;
};
Agreement Compare(const Table& given, const Table& exact);

// Sampled episodes, what the k-NN estimators make of them, and the policies
// that were sampled, for an ascent.
class Sample : public AscendingPolicy {
 public:
  // kSteps * episodes * kAgents particles. `shuffled` deals the particles'
  // log volumes out at random: a negative control.
  Sample(const Table& logits, uint32_t episodes, uint32_t k, uint64_t seed,
         bool shuffled = false);

  absl::StatusOr<std::vector<float>> LogDensities() override;
  // Into `gradient`.
  absl::Status Differentiate(const std::vector<float>& factors) override;
  void Step(double rate) override;
  void Keep() override { kept_ = logits; }
  void GoBack() override { logits = kept_; }

  uint32_t envs() const { return kAgents * episodes_; }
  WeightsEvaluator Evaluator(WeightedForm form) const;
  // Estimate under other logits, whose gradient is that of the ascent.
  double EntropyAt(const Table& at, WeightedForm form) const;
  // Of objective iw_entropy, where the samples were drawn.
  Table AscentGradient(WeightedForm form);
  // Of reward forward, paid to what went before: d ln R of the particles minus
  // its mean, without a critic.
  Table RewardGradient();

  Table logits;
  Table gradient;

 private:
  WeightedEntropy Evaluate(const std::vector<double>& log_weights,
                           WeightedForm form) const;

  const uint32_t episodes_;
  // Of each step: its row of the table, and its action.
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> actions_;
  std::vector<uint32_t> agents_;
  TestGraph measured_;
  Table drawn_from_;
  Table kept_;
};

}  // namespace ring
}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_LEARNER_ALGORITHM_TABULAR_RING_H_
