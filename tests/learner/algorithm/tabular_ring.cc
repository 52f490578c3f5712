#include "tests/learner/algorithm/tabular_ring.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad::ring {
namespace {

using Cells = std::vector<double>;

// Where a step leads that does not slip.
uint32_t Next(uint32_t cell, uint32_t action) {
  return (cell + kCells + action - 1) % kCells;
}

// Mean of `values` where a step leads.
double Expected(const Cells& values, uint32_t cell, uint32_t action) {
  return kSlip * values[cell] + (1 - kSlip) * values[Next(cell, action)];
}

// Moves `mass` by a step.
void Move(double mass, uint32_t cell, uint32_t action, Cells* to) {
  (*to)[cell] += kSlip * mass;
  (*to)[Next(cell, action)] += (1 - kSlip) * mass;
}

uint32_t Row(uint32_t agent, uint32_t cell) { return agent * kCells + cell; }

// Softmax of each row.
Table Probabilities(const Table& logits) {
  Table p(logits.size());
  for (size_t row = 0; row < p.size(); row += kActions) {
    double sum = 0;
    for (size_t i = row; i < row + kActions; ++i) {
      p[i] = std::exp(logits[i]);
      sum += p[i];
    }
    for (size_t i = row; i < row + kActions; ++i) p[i] /= sum;
  }
  return p;
}

double EntropyOf(const Cells& cells) {
  double entropy = 0;
  for (const double p : cells) entropy -= p > 0 ? p * std::log(p) : 0;
  return entropy;
}

// Of one agent before each step and after the last: [kSteps + 1] of cells.
std::vector<Cells> Walk(const Table& p, uint32_t agent) {
  std::vector<Cells> at(kSteps + 1, Cells(kCells));
  at[0][0] = 1;
  for (uint32_t t = 0; t < kSteps; ++t) {
    for (uint32_t cell = 0; cell < kCells; ++cell) {
      for (uint32_t a = 0; a < kActions; ++a) {
        Move(at[t][cell] * p[Row(agent, cell) * kActions + a], cell, a,
             &at[t + 1]);
      }
    }
  }
  return at;
}

Cells Occupancy(const Table& logits) {
  const Table p = Probabilities(logits);
  Cells cells(kCells);
  for (uint32_t agent = 0; agent < kAgents; ++agent) {
    const std::vector<Cells> at = Walk(p, agent);
    for (uint32_t t = 1; t <= kSteps; ++t) {
      for (uint32_t cell = 0; cell < kCells; ++cell) {
        cells[cell] += at[t][cell] / (kSteps * kAgents);
      }
    }
  }
  return cells;
}

// Derivative of the entropy by the occupancy.
Cells Slopes(const Cells& occupancy) {
  Cells slopes(kCells);
  for (uint32_t cell = 0; cell < kCells; ++cell) {
    slopes[cell] = -std::log(occupancy[cell]) - 1;
  }
  return slopes;
}

// Occupancy of the walk that collects the most of `rewards`.
Cells BestOccupancy(const Cells& rewards) {
  // Of arriving in a cell after step t, what follows included.
  std::vector<Cells> worth(kSteps + 1, rewards);
  const auto best = [&](uint32_t t, uint32_t cell) {
    uint32_t action = 0;
    for (uint32_t a = 1; a < kActions; ++a) {
      if (Expected(worth[t + 1], cell, a) >
          Expected(worth[t + 1], cell, action)) {
        action = a;
      }
    }
    return action;
  };
  for (uint32_t t = kSteps; t-- > 1;) {
    for (uint32_t cell = 0; cell < kCells; ++cell) {
      worth[t][cell] += Expected(worth[t + 1], cell, best(t, cell));
    }
  }
  Cells occupancy(kCells);
  Cells at(kCells);
  at[0] = 1;
  for (uint32_t t = 0; t < kSteps; ++t) {
    Cells after(kCells);
    for (uint32_t cell = 0; cell < kCells; ++cell) {
      Move(at[cell], cell, best(t, cell), &after);
    }
    at = after;
    for (uint32_t cell = 0; cell < kCells; ++cell) {
      occupancy[cell] += at[cell] / kSteps;
    }
  }
  return occupancy;
}

}  // namespace

Table RandomLogits(uint64_t seed, double scale, double stay) {
  SeededRandom random(seed);
  Table logits(size_t{kAgents} * kCells * kActions);
  for (size_t i = 0; i < logits.size(); ++i) {
    logits[i] = scale * random.Normal() + (i % kActions == 1 ? stay : 0);
  }
  return logits;
}

double Entropy(const Table& logits) { return EntropyOf(Occupancy(logits)); }

// The policy gradient theorem, with the slopes as rewards.
Table Gradient(const Table& logits) {
  const Table p = Probabilities(logits);
  const Cells rewards = Slopes(Occupancy(logits));
  Table gradient(logits.size());
  for (uint32_t agent = 0; agent < kAgents; ++agent) {
    const std::vector<Cells> at = Walk(p, agent);
    // Of arriving in a cell after step t, what follows included.
    Cells worth = rewards;
    for (uint32_t t = kSteps; t-- > 0;) {
      Cells before = rewards;
      for (uint32_t cell = 0; cell < kCells; ++cell) {
        const size_t row = size_t{Row(agent, cell)} * kActions;
        double mean = 0;
        for (uint32_t a = 0; a < kActions; ++a) {
          mean += p[row + a] * Expected(worth, cell, a);
        }
        for (uint32_t a = 0; a < kActions; ++a) {
          gradient[row + a] += at[t][cell] * p[row + a] *
                               (Expected(worth, cell, a) - mean) /
                               (kSteps * kAgents);
        }
        before[cell] += mean;
      }
      worth = before;
    }
  }
  return gradient;
}

double LargestEntropy() {
  Cells cells = Occupancy(Table(size_t{kAgents} * kCells * kActions));
  double bound = std::log(kCells);
  for (int i = 0; i < 2000; ++i) {
    const Cells slopes = Slopes(cells);
    const Cells best = BestOccupancy(slopes);
    double gap = 0;
    for (uint32_t c = 0; c < kCells; ++c) {
      gap += slopes[c] * (best[c] - cells[c]);
    }
    bound = std::min(bound, EntropyOf(cells) + gap);
    const double step = 2.0 / (i + 3);
    for (uint32_t c = 0; c < kCells; ++c) {
      cells[c] += step * (best[c] - cells[c]);
    }
  }
  return bound;
}

Agreement Compare(const Table& given, const Table& exact) {
  double dot = 0, ours = 0, theirs = 0, apart = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    dot += given[i] * exact[i];
    ours += given[i] * given[i];
    theirs += exact[i] * exact[i];
    apart += (given[i] - exact[i]) * (given[i] - exact[i]);
  }
  return {dot / std::sqrt(ours * theirs), std::sqrt(apart / theirs)};
}

Sample::Sample(const Table& logits, uint32_t episodes, uint32_t k,
               uint64_t seed, bool shuffled)
    : logits(logits), episodes_(episodes), drawn_from_(logits) {
  SeededRandom random(seed);
  const Table p = Probabilities(logits);
  std::vector<float> places;
  for (uint32_t env = 0; env < envs(); ++env) {
    const uint32_t agent = env / episodes;
    for (uint32_t t = 0, cell = 0; t < kSteps; ++t) {
      const uint32_t row = Row(agent, cell);
      const double draw = random.Unit();
      const double left = p[row * kActions];
      const uint32_t action = draw < left                           ? 0
                              : draw < left + p[row * kActions + 1] ? 1
                                                                    : 2;
      rows_.push_back(row);
      actions_.push_back(action);
      agents_.push_back(agent);
      if (random.Unit() >= kSlip) cell = Next(cell, action);
      places.push_back(static_cast<float>(cell + random.Unit()));
    }
  }
  measured_ = GraphOf(places, 1, k, 1e-9f, {float{kCells}});
  std::vector<double>& volumes = measured_.log_volumes;
  for (size_t i = volumes.size(); shuffled && i > 1; --i) {
    std::swap(volumes[i - 1], volumes[random.Below(i)]);
  }
}

absl::StatusOr<std::vector<float>> Sample::LogDensities() {
  const Table p = Probabilities(logits);
  std::vector<float> densities(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    densities[i] =
        static_cast<float>(std::log(p[rows_[i] * kActions + actions_[i]]));
  }
  return densities;
}

absl::Status Sample::Differentiate(const std::vector<float>& factors) {
  const Table p = Probabilities(logits);
  gradient.assign(logits.size(), 0);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const size_t row = size_t{rows_[i]} * kActions;
    for (uint32_t a = 0; a < kActions; ++a) {
      gradient[row + a] += factors[i] * ((a == actions_[i]) - p[row + a]);
    }
  }
  return absl::OkStatus();
}

void Sample::Step(double rate) {
  for (size_t i = 0; i < logits.size(); ++i) logits[i] += rate * gradient[i];
}

WeightedEntropy Sample::Evaluate(const std::vector<double>& log_weights,
                                 WeightedForm form) const {
  return EvaluateWeights(
      {measured_.graph, measured_.log_volumes, agents_, kAgents},
      NeighborSet::kSelfAndNearest, form, log_weights);
}

WeightsEvaluator Sample::Evaluator(WeightedForm form) const {
  return [this, form](const std::vector<float>& log_weights)
             -> absl::StatusOr<WeightedValue> {
    const WeightedEntropy worth =
        Evaluate({log_weights.begin(), log_weights.end()}, form);
    return WeightedValue{
        worth.entropy_nats,
        worth.kl_nats,
        worth.effective_samples,
        {worth.entropy_gradient.begin(), worth.entropy_gradient.end()}};
  };
}

double Sample::EntropyAt(const Table& at, WeightedForm form) const {
  const Table now = Probabilities(at);
  const Table before = Probabilities(drawn_from_);
  std::vector<double> log_weights(rows_.size());
  double sum = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (i % kSteps == 0) sum = 0;
    const size_t taken = size_t{rows_[i]} * kActions + actions_[i];
    sum += std::log(now[taken] / before[taken]);
    log_weights[i] = sum;
  }
  return Evaluate(log_weights, form).entropy_nats;
}

Table Sample::AscentGradient(WeightedForm form) {
  EXPECT_THAT(AscendIwEntropy({1, 1e9, 1e9, 0}, kAgents, envs(), kSteps,
                              /*rate=*/0, *this, Evaluator(form)),
              IsOk());
  // Times the number of agents.
  Table result = gradient;
  for (double& value : result) value /= kAgents;
  return result;
}

Table Sample::RewardGradient() {
  const std::vector<double>& volumes = measured_.log_volumes;
  const auto count = static_cast<double>(volumes.size());
  const double mean =
      std::accumulate(volumes.begin(), volumes.end(), 0.0) / count;
  std::vector<float> factors(volumes.size());
  double sum = 0;
  for (size_t i = volumes.size(); i-- > 0;) {
    if (i % kSteps == kSteps - 1) sum = 0;
    sum += (volumes[i] - mean) / count;
    factors[i] = static_cast<float>(sum);
  }
  EXPECT_THAT(Differentiate(factors), IsOk());
  return gradient;
}

}  // namespace kmyriad::ring
