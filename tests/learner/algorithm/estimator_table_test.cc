// The table of the estimator in deploy/presets/studies/README.md: what it finds
// where the entropy is known, and how its gradients agree with exact ones. It
// is computed anew and must be what stands there;
// KMYRIAD_WRITE_TABLES=1 writes it instead.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/estimator/graph_of.h"
#include "tests/learner/algorithm/tabular_ring.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

constexpr char kBegin[] = "<!-- table estimator: begin -->\n";
constexpr char kEnd[] = "<!-- table estimator: end -->";
constexpr int kRepeats = 20;
const double kNormal = 0.5 * std::log(2 * std::numbers::pi * std::numbers::e);

struct Moments {
  double mean = 0;
  double sd = 0;
};

Moments MomentsOf(const std::vector<double>& values) {
  Moments moments;
  const auto count = static_cast<double>(values.size());
  moments.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  for (const double value : values) {
    moments.sd += (value - moments.mean) * (value - moments.mean) / (count - 1);
  }
  moments.sd = std::sqrt(moments.sd);
  return moments;
}

// A distribution whose entropy is known.
struct Known {
  std::string name;
  uint32_t dims = 0;
  double nats = 0;
  std::function<float(SeededRandom&, size_t)> coordinate;
  std::vector<float> periods = {};
};

// Errors of the estimate, over repetitions with points of their own.
Moments ErrorsOf(const Known& known, size_t count, uint32_t k) {
  std::vector<double> errors;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    SeededRandom random(100 + static_cast<uint64_t>(repeat));
    std::vector<float> points;
    for (size_t i = 0; i < count * known.dims; ++i) {
      points.push_back(known.coordinate(random, i));
    }
    const TestGraph measured =
        GraphOf(points, known.dims, k, 1e-9f, known.periods);
    const double mean = std::accumulate(measured.log_volumes.begin(),
                                        measured.log_volumes.end(), 0.0) /
                        static_cast<double>(count);
    errors.push_back(KnnEntropy(count, k, mean) - known.nats);
  }
  return MomentsOf(errors);
}

// Of two unit normals at -1 and 1, by the midpoint rule.
double OverlapEntropy() {
  constexpr double kWidth = 1e-3;
  double nats = 0;
  for (int i = -12000; i < 12000; ++i) {
    const double x = (i + 0.5) * kWidth;
    const double p = (std::exp(-0.5 * (x - 1) * (x - 1)) +
                      std::exp(-0.5 * (x + 1) * (x + 1))) /
                     (2 * std::sqrt(2 * std::numbers::pi));
    nats -= kWidth * p * std::log(p);
  }
  return nats;
}

std::vector<Known> KnownDistributions() {
  const auto uniform = [](SeededRandom& random, size_t) {
    return static_cast<float>(random.Unit());
  };
  const auto normal = [](SeededRandom& random, size_t) {
    return static_cast<float>(random.Normal());
  };
  std::vector<Known> all = {{"uniform, square", 2, 0, uniform},
                            {"uniform, torus", 2, 0, uniform, {1, 1}}};
  for (const uint32_t dims : {1u, 2u, 3u, 7u}) {
    all.push_back({"Gaussian", dims, dims * kNormal, normal});
  }
  all.push_back({"two Gaussians that overlap", 1, OverlapEntropy(),
                 [](SeededRandom& random, size_t) {
                   const double center = random.Unit() < 0.5 ? -1 : 1;
                   return static_cast<float>(center + random.Normal());
                 }});
  // One quarter with standard deviation 1, three quarters with 2.
  bool narrow = false;
  all.push_back({"two Gaussians apart, 1 : 3", 2,
                 0.25 * (2 * kNormal - std::log(0.25)) +
                     0.75 * (2 * kNormal + 2 * std::log(2.0) - std::log(0.75)),
                 [narrow](SeededRandom& random, size_t i) mutable {
                   if (i % 2 == 0) narrow = random.Unit() < 0.25;
                   const double value = random.Normal();
                   return static_cast<float>(narrow ? 500 + value : 2 * value);
                 }});
  return all;
}

std::string KnownTable() {
  std::string text =
      "| distribution | d | N | exact, nats | k = 4 | k = 15 | k = 50 |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const Known& known : KnownDistributions()) {
    for (const size_t count : {500u, 5000u}) {
      absl::StrAppendFormat(&text, "| %s | %d | %d | %.3f |", known.name,
                            known.dims, count, known.nats);
      for (const uint32_t k : {4u, 15u, 50u}) {
        const Moments errors = ErrorsOf(known, count, k);
        absl::StrAppendFormat(&text, " %+.3f (%.3f) |", errors.mean, errors.sd);
      }
      absl::StrAppend(&text, "\n");
    }
  }
  return text;
}

std::string GradientTable() {
  constexpr uint32_t kNeighbors = 15;
  struct Row {
    const char* name;
    bool shuffled;
    std::function<ring::Table(ring::Sample&)> gradient;
  };
  const auto ascent = [](WeightedForm form) {
    return [form](ring::Sample& sample) { return sample.AscentGradient(form); };
  };
  const auto reward = [](ring::Sample& sample) {
    return sample.RewardGradient();
  };
  const Row rows[] = {
      {"iw_entropy, self_normalized", false,
       ascent(WeightedForm::kSelfNormalized)},
      {"iw_entropy, mepol", false, ascent(WeightedForm::kMepol)},
      {"reward forward, no critic", false, reward},
      {"iw_entropy, volumes shuffled (control)", true,
       ascent(WeightedForm::kSelfNormalized)},
  };
  std::string text =
      "| gradient | N | cosine with the exact one | relative error |\n"
      "|---|---|---|---|\n";
  const ring::Table logits = ring::RandomLogits(3, 0.7, 0);
  const ring::Table exact = ring::Gradient(logits);
  for (const Row& row : rows) {
    for (const uint32_t episodes : {50u, 500u, 5000u}) {
      std::vector<double> cosines, errors;
      for (uint64_t seed = 0; seed < 5; ++seed) {
        ring::Sample sample(logits, episodes, kNeighbors, seed, row.shuffled);
        const ring::Agreement agreement =
            ring::Compare(row.gradient(sample), exact);
        cosines.push_back(agreement.cosine);
        errors.push_back(agreement.relative_error);
      }
      const Moments cosine = MomentsOf(cosines), error = MomentsOf(errors);
      absl::StrAppendFormat(&text, "| %s | %d | %.3f (%.3f) | %.3f (%.3f) |\n",
                            row.name, episodes * ring::kAgents * ring::kSteps,
                            cosine.mean, cosine.sd, error.mean, error.sd);
    }
  }
  return text;
}

std::string Read(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(EstimatorTableTest, TheReportHoldsWhatIsComputed) {
  const std::string path = KMYRIAD_REPORT;
  const std::string report = Read(path);
  const size_t begin = report.find(kBegin);
  const size_t end = report.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const size_t from = begin + sizeof(kBegin) - 1;
  const std::string tables = absl::StrCat(KnownTable(), "\n", GradientTable());
  if (std::getenv("KMYRIAD_WRITE_TABLES") != nullptr) {
    std::ofstream(path) << report.substr(0, from) << tables
                        << report.substr(end);
    return;
  }
  EXPECT_EQ(report.substr(from, end - from), tables);
}

}  // namespace
}  // namespace kmyriad
