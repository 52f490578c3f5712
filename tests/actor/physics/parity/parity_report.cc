#include "tests/actor/physics/parity/parity_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/actor/physics/parity/optimality.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/tolerance.h"

namespace kmyriad {
namespace {

// States that are evaluated at a time.
constexpr size_t kBatch = 512;
// Changes of the positions by which ties are looked for.
constexpr int kTieSamples = 64;

// What a precision promises (reference: section 4 of the physics notes).
struct Gates {
  double rounding;  // of positions, relative
  double position_p999, position_max;
  double velocity_p999, velocity_max;
  double contact, row;
  double certificate, cost;
};
constexpr Gates kDoubleGates = {4e-16, 1e-12, 1e-9,  1e-11, 1e-9,
                                1e-12, 1e-12, 1e-10, 1e-12};
constexpr Gates kFloatGates = {3e-7, 5e-7, 5e-6, 6e-5, 1e-3,
                               2e-5, 1e-4, 1e-3, 1e-6};

const Gates& GatesOf(Precision precision) {
  return precision == Precision::kDouble ? kDoubleGates : kFloatGates;
}

double Relative(double actual, double expected) {
  const double error = std::abs(actual - expected) / (1 + std::abs(expected));
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

// The largest of all entries; infinite if the sizes differ.
double Relative(const std::vector<double>& actual,
                const std::vector<double>& expected) {
  if (actual.size() != expected.size()) {
    return std::numeric_limits<double>::infinity();
  }
  double largest = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, Relative(actual[i], expected[i]));
  }
  return largest;
}

void Raise(double* largest, double value) {
  *largest = std::max(*largest, value);
}

// The largest deviation of two contacts of the same geoms.
double Deviation(const ParityContact& a, const ParityContact& b) {
  double largest = std::abs(a.dist - b.dist);
  for (int i = 0; i < 3; ++i) Raise(&largest, std::abs(a.pos[i] - b.pos[i]));
  for (int i = 0; i < 9; ++i) {
    Raise(&largest, std::abs(a.frame[i] - b.frame[i]));
  }
  return std::isnan(largest) ? std::numeric_limits<double>::infinity()
                             : largest;
}

using Contacts = std::vector<ParityContact>;

// The contacts of one pair of geoms, in their order.
Contacts OfPair(const Contacts& contacts, int geom1, int geom2) {
  Contacts pair;
  for (const ParityContact& c : contacts) {
    if (c.geom1 == geom1 && c.geom2 == geom2) pair.push_back(c);
  }
  return pair;
}

// The largest deviation, contact by contact; infinite if the lists differ in
// length or geoms.
double Deviation(const Contacts& a, const Contacts& b) {
  double largest =
      a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (size_t k = 0; k < std::min(a.size(), b.size()); ++k) {
    if (a[k].geom1 != b[k].geom1 || a[k].geom2 != b[k].geom2) {
      return std::numeric_limits<double>::infinity();
    }
    Raise(&largest, Deviation(a[k], b[k]));
  }
  return largest;
}

}  // namespace

// The oracle's contacts after changes of the positions that are no more than
// rounding: for each pair of geoms one of these lists must be the subject's,
// since ties of different pairs are decided independently of each other.
bool ParityComparison::ExplainedByTie(const ParityState& state,
                                      const ParityStep& actual) {
  const Gates& gates = GatesOf(precision_);
  SeededRandom random(report_.states);
  std::vector<Contacts> samples;
  for (int i = 0; i < kTieSamples; ++i) {
    std::vector<double> qpos = state.qpos;
    for (double& q : qpos) {
      q += gates.rounding * (1 + std::abs(q)) * random.Uniform(-1, 1);
    }
    samples.push_back(oracle_.Collide(qpos));
  }
  samples.push_back(oracle_.Collide(state.qpos));
  // Pairs that have contacts on any side.
  Contacts all = actual.contacts;
  for (const Contacts& sample : samples) {
    all.insert(all.end(), sample.begin(), sample.end());
  }
  return std::all_of(all.begin(), all.end(), [&](const ParityContact& c) {
    const Contacts ours = OfPair(actual.contacts, c.geom1, c.geom2);
    return std::any_of(
        samples.begin(), samples.end(), [&](const Contacts& sample) {
          return Deviation(ours, OfPair(sample, c.geom1, c.geom2)) <=
                 10 * gates.contact;
        });
  });
}

void ParityComparison::CompareRows(const ConstraintProblem& expected,
                                   const ConstraintProblem& actual) {
  Raise(&report_.r_error, Relative(actual.r, expected.r));
  Raise(&report_.d_error, Relative(actual.d, expected.d));
  Raise(&report_.aref_error, Relative(actual.aref, expected.aref));
  Raise(&report_.jacobian_error, Relative(actual.jacobian, expected.jacobian));
}

void ParityComparison::Add(const ParityState& state, const ParityStep& expected,
                           const ParityStep& actual) {
  ++report_.states;
  report_.contacts += expected.contacts.size();
  report_.rows += expected.problem.rows();
  const double deviation = Deviation(actual.contacts, expected.contacts);
  if (!(deviation <= GatesOf(precision_).contact)) {
    if (ExplainedByTie(state, actual)) {
      ++report_.ties;
    } else {
      ++report_.other_contacts;
    }
    return;
  }
  Raise(&report_.contact_error, deviation);
  if (actual.problem.rows() != expected.problem.rows()) {
    ++report_.other_rows;
    return;
  }
  CompareRows(expected.problem, actual.problem);
  Raise(&report_.mass_error,
        Relative(actual.problem.mass, expected.problem.mass));
  Raise(&report_.qacc_smooth_error,
        Relative(actual.qacc_smooth, expected.qacc_smooth));
  Raise(&report_.certificate, Certify(actual.problem, actual.qacc).distance);
  const double cost = Certify(expected.problem, expected.qacc).cost;
  Raise(&report_.cost_excess,
        (Certify(expected.problem, actual.qacc).cost - cost) / (1 + cost));
  report_.position_errors.push_back(
      MaxAbsoluteDifference(actual.qpos, expected.qpos));
  report_.velocity_errors.push_back(
      MaxAbsoluteDifference(actual.qvel, expected.qvel));
}

ParityReport ParityComparison::Finish() {
  std::sort(report_.position_errors.begin(), report_.position_errors.end());
  std::sort(report_.velocity_errors.begin(), report_.velocity_errors.end());
  return report_;
}

double Percentile(absl::Span<const double> sorted, double share) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

std::vector<std::string> FailedGates(const ParityReport& report,
                                     Precision precision) {
  const Gates& g = GatesOf(precision);
  struct Gate {
    const char* name;
    double value, limit;
  };
  const auto states = static_cast<double>(report.states);
  const Gate gates[] = {
      {"states with other contacts", double(report.other_contacts), 0},
      {"states with other rows", double(report.other_rows), 0},
      // Ties are a share of the states that are made to tie.
      {"share of ties", double(report.ties) / states, 0.05},
      {"contact", report.contact_error, g.contact},
      {"R", report.r_error, g.row},
      {"D", report.d_error, g.row},
      {"aref", report.aref_error, g.row},
      {"certificate", report.certificate, g.certificate},
      {"cost", report.cost_excess, g.cost},
      {"qpos 99.9 %", Percentile(report.position_errors, 0.999),
       g.position_p999},
      {"qpos maximum", Percentile(report.position_errors, 1), g.position_max},
      {"qvel 99.9 %", Percentile(report.velocity_errors, 0.999),
       g.velocity_p999},
      {"qvel maximum", Percentile(report.velocity_errors, 1), g.velocity_max},
  };
  std::vector<std::string> failed;
  for (const Gate& gate : gates) {
    if (gate.value <= gate.limit) continue;
    failed.push_back(absl::StrFormat("%s: %.3g, limit %.3g", gate.name,
                                     gate.value, gate.limit));
  }
  return failed;
}

ParityReport Compare(MujocoOracle& oracle, ParitySubject& subject,
                     absl::Span<const ParityState> states,
                     Integrator integrator, Precision precision) {
  ParityComparison comparison(oracle, precision);
  std::vector<ParityStep> expected, actual;
  for (size_t first = 0; first < states.size(); first += kBatch) {
    const auto batch = states.subspan(first, kBatch);
    oracle.Evaluate(batch, integrator, &expected);
    subject.Evaluate(batch, integrator, &actual);
    for (size_t i = 0; i < batch.size(); ++i) {
      comparison.Add(batch[i], expected[i], actual[i]);
    }
  }
  return comparison.Finish();
}

std::string ReportHeader() {
  return absl::StrFormat(
      "%-34s %7s %8s %5s %5s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "",
      "states", "contacts", "other", "ties", "contact", "R, D", "aref",
      "certif.", "cost", "qpos.999", "qpos max", "qvel.999", "qvel max");
}

std::string ReportLine(const std::string& name, const ParityReport& r) {
  return absl::StrFormat(
      "%-34s %7d %8d %5d %5d %8.1e %8.1e %8.1e %8.1e %8.1e %8.1e %8.1e %8.1e "
      "%8.1e\n",
      name, r.states, r.contacts, r.other_contacts + r.other_rows, r.ties,
      r.contact_error, std::max(r.r_error, r.d_error), r.aref_error,
      r.certificate, r.cost_excess, Percentile(r.position_errors, 0.999),
      Percentile(r.position_errors, 1), Percentile(r.velocity_errors, 0.999),
      Percentile(r.velocity_errors, 1));
}

}  // namespace kmyriad
