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
// Changes of a state by which ties are looked for.
constexpr size_t kTieSamples = 96, kTieSamplesAtATime = 6;

// What a precision promises (reference: section 4 of the physics notes).
struct Gates {
  double rounding;  // of positions, relative
  double position_p999, position_max;
  double velocity_p999, velocity_max;
  double contact, row;
  double certificate, cost;
  double unmade_ties, undecided;  // shares of the states
};
// R changes by 2000 times its value and the change of the distance, whose own
// rounding is 1e-15 a dozen metres from the origin: hence a maximum of ten
// times the 99.9 % value. In float, rows and certificate are as good as was
// observed.
constexpr Gates kDoubleGates = {4e-16, 1e-12, 1e-9,  1e-11, 1e-9, 1e-12,
                                1e-12, 1e-10, 1e-12, 1e-4,  1e-3};
constexpr Gates kFloatGates = {3e-7, 5e-7, 5e-6, 6e-5, 1e-3, 5e-5,
                               3e-4, 1e-3, 1e-6, 3e-3, 1e-2};

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

// The contacts of one pair of geoms that have rows, in their order: one exactly
// at the margin has none, and is as good as none.
Contacts OfPair(const Contacts& contacts, int geom1, int geom2) {
  Contacts pair;
  for (const ParityContact& c : contacts) {
    if (c.geom1 == geom1 && c.geom2 == geom2 && c.constrains) {
      pair.push_back(c);
    }
  }
  return pair;
}

// Every number lies between those of the lists of the same length: where a
// contact's place is the quotient of two rounding errors, it is anywhere.
bool LiesBetween(const Contacts& contacts, const std::vector<Contacts>& lists,
                 double limit) {
  for (size_t k = 0; k < contacts.size(); ++k) {
    for (int i = 0; i < 13; ++i) {
      const auto number = [&](const ParityContact& c) {
        return i == 0 ? c.dist : i < 4 ? c.pos[i - 1] : c.frame[i - 4];
      };
      double low = std::numeric_limits<double>::infinity(), high = -low;
      for (const Contacts& list : lists) {
        if (list.size() != contacts.size()) continue;
        low = std::min(low, number(list[k]));
        high = std::max(high, number(list[k]));
      }
      const double value = number(contacts[k]);
      if (!(low - limit <= value && value <= high + limit)) return false;
    }
  }
  return true;
}

// The largest deviation, contact by contact; infinite if the lists differ in
// length or geoms.
double Deviation(const Contacts& a, const Contacts& b) {
  double largest =
      a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (size_t k = 0; k < std::min(a.size(), b.size()); ++k) {
    if (a[k].geom1 != b[k].geom1 || a[k].geom2 != b[k].geom2 ||
        a[k].constrains != b[k].constrains) {
      return std::numeric_limits<double>::infinity();
    }
    Raise(&largest, Deviation(a[k], b[k]));
  }
  return largest;
}

// Whether the limits that act on a dof are the same ones.
bool SameLimits(const ParityStep& a, const ParityStep& b, size_t dof) {
  std::vector<double> sides[2];
  for (const ParityStep* step : {&a, &b}) {
    const ConstraintProblem& p = step->problem;
    for (size_t row = 0; row < LimitRows(*step); ++row) {
      const double side = p.jacobian[row * p.dofs + dof];
      if (side != 0) sides[step == &b].push_back(side);
    }
  }
  return sides[0] == sides[1];
}

bool SameLimits(const ParityStep& a, const ParityStep& b) {
  for (size_t dof = 0; dof < a.problem.dofs; ++dof) {
    if (!SameLimits(a, b, dof)) return false;
  }
  return true;
}

// Of the states after the steps, in terms of the gates for their maxima.
double StepDeviation(const ParityStep& a, const ParityStep& b,
                     const Gates& gates) {
  return std::max(MaxAbsoluteDifference(a.qpos, b.qpos) / gates.position_max,
                  MaxAbsoluteDifference(a.qvel, b.qvel) / gates.velocity_max);
}

}  // namespace

// Takes samples until they explain what the subject did, or there are many.
// Positions and velocities change by so much, relative to 1 and their size.
template <typename Explained>
bool ParityComparison::ExplainedBySamples(const ParityState& state,
                                          double positions, double velocities,
                                          const Explained& explained) {
  SeededRandom random(report_.states);
  samples_.clear();
  while (samples_.size() < kTieSamples) {
    std::vector<ParityState> states(kTieSamplesAtATime, state);
    for (ParityState& changed : states) {
      for (double& q : changed.qpos) {
        q += positions * (1 + std::abs(q)) * random.Uniform(-1, 1);
      }
      for (double& v : changed.qvel) {
        v += velocities * (1 + std::abs(v)) * random.Uniform(-1, 1);
      }
    }
    std::vector<ParityStep> steps;
    oracle_.Evaluate(states, integrator_, &steps);
    samples_.insert(samples_.end(), steps.begin(), steps.end());
    if (explained()) return true;
  }
  return false;
}

// Ties of different pairs, and of different joints, are decided independently
// of each other: each must be as in some sample.
bool ParityComparison::ContactsAreSampled(const ParityStep& actual) const {
  const double limit = 10 * GatesOf(precision_).contact;
  Contacts all = actual.contacts;
  for (const ParityStep& sample : samples_) {
    all.insert(all.end(), sample.contacts.begin(), sample.contacts.end());
  }
  const auto is_sampled = [&](const ParityContact& c) {
    const Contacts ours = OfPair(actual.contacts, c.geom1, c.geom2);
    std::vector<Contacts> lists;
    bool found = false;
    for (const ParityStep& sample : samples_) {
      lists.push_back(OfPair(sample.contacts, c.geom1, c.geom2));
      found = found || Deviation(ours, lists.back()) <= limit;
    }
    return found || (!ours.empty() && LiesBetween(ours, lists, limit));
  };
  const bool contacts = std::all_of(all.begin(), all.end(), is_sampled);
  bool limits = true;
  for (size_t dof = 0; dof < actual.problem.dofs; ++dof) {
    limits = limits && std::any_of(samples_.begin(), samples_.end(),
                                   [&](const ParityStep& sample) {
                                     return SameLimits(sample, actual, dof);
                                   });
  }
  return contacts && limits;
}

// The stages of RK4 are states that stepping has made: they tie within the
// gates of a step, where the state itself ties within its rounding.
bool ParityComparison::StepIsTie(const ParityState& state,
                                 const ParityStep& expected,
                                 const ParityStep& actual) {
  const Gates& gates = GatesOf(precision_);
  const bool stages = integrator_ == Integrator::kRungeKutta4;
  return ExplainedBySamples(state,
                            stages ? gates.position_p999 : gates.rounding,
                            stages ? gates.velocity_p999 : gates.rounding,
                            [&] { return StepJumps(expected, actual); });
}

// Whether the oracle's own step changes as much as the subject's differs.
bool ParityComparison::StepJumps(const ParityStep& expected,
                                 const ParityStep& actual) const {
  const Gates& gates = GatesOf(precision_);
  const double deviation = StepDeviation(expected, actual, gates);
  return std::any_of(
      samples_.begin(), samples_.end(), [&](const ParityStep& sample) {
        return 2 * StepDeviation(expected, sample, gates) >= deviation;
      });
}

void ParityComparison::CountTie(const ParityState& state) {
  ++report_.ties;
  report_.unmade_ties += state.kind != StateKind::kTie;
}

void ParityComparison::CompareRows(const ConstraintProblem& expected,
                                   const ConstraintProblem& actual) {
  double largest = 0;
  for (const double aref : expected.aref) Raise(&largest, std::abs(aref));
  report_.row_errors.push_back(std::max(
      {Relative(actual.r, expected.r), Relative(actual.d, expected.d),
       MaxAbsoluteDifference(actual.aref, expected.aref) / (1 + largest)}));
  Raise(&report_.jacobian_error, Relative(actual.jacobian, expected.jacobian));
}

void ParityComparison::Add(const ParityState& state, const ParityStep& expected,
                           const ParityStep& actual) {
  ++report_.states;
  report_.contacts += expected.contacts.size();
  report_.rows += expected.problem.rows();
  const Gates& gates = GatesOf(precision_);
  const double deviation = Deviation(actual.contacts, expected.contacts);
  if (!(deviation <= gates.contact) || !SameLimits(expected, actual)) {
    if (ExplainedBySamples(state, gates.rounding, gates.rounding,
                           [&] { return ContactsAreSampled(actual); })) {
      CountTie(state);
    } else if (state.kind == StateKind::kTie) {
      ++report_.undecided;
    } else {
      ++report_.other_contacts;
    }
    return;
  }
  if (!(StepDeviation(expected, actual, gates) <= 1)) {
    if (StepIsTie(state, expected, actual)) return CountTie(state);
    // A state made to tie ties in its later stages as well.
    if (state.kind == StateKind::kTie &&
        integrator_ == Integrator::kRungeKutta4) {
      ++report_.undecided;
      return;
    }
  }
  Raise(&report_.contact_error, deviation);
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
  std::sort(report_.row_errors.begin(), report_.row_errors.end());
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
      {"share of ties undecided", double(report.undecided) / states,
       g.undecided},
      {"share of ties not made", double(report.unmade_ties) / states,
       g.unmade_ties},
      {"contact", report.contact_error, g.contact},
      {"R, D, aref 99.9 %", Percentile(report.row_errors, 0.999), g.row},
      {"R, D, aref maximum", Percentile(report.row_errors, 1), 10 * g.row},
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
  ParityComparison comparison(oracle, integrator, precision);
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
      "%-26s %7s %8s %5s %5s %5s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "",
      "states", "contacts", "other", "undec", "ties", "contact", "rows.999",
      "rows max", "certif.", "cost", "qpos.999", "qpos max", "qvel.999",
      "qvel max");
}

std::string ReportLine(const std::string& name, const ParityReport& r) {
  return absl::StrFormat(
      "%-26s %7d %8d %5d %5d %5d %8.1e %8.1e %8.1e %8.1e %8.1e %8.1e %8.1e "
      "%8.1e %8.1e\n",
      name, r.states, r.contacts, r.other_contacts, r.undecided, r.ties,
      r.contact_error, Percentile(r.row_errors, 0.999),
      Percentile(r.row_errors, 1), r.certificate, r.cost_excess,
      Percentile(r.position_errors, 0.999), Percentile(r.position_errors, 1),
      Percentile(r.velocity_errors, 0.999), Percentile(r.velocity_errors, 1));
}

}  // namespace kmyriad
