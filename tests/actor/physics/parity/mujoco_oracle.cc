#include "tests/actor/physics/parity/mujoco_oracle.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kmyriad {
namespace {

// Newton's method stops where a step would improve the scaled cost by less. At
// 1e-12 it stops short in one step of RK4 of 4e5, 2.6e-9 m/s from where it goes
// on to; at 1e-14, 1e-16 and 0 the steps are the same but for rounding.
constexpr double kTolerance = 1e-14;

// The pairs of types that the subset collides.
struct TypePair {
  mjtGeom type1, type2;
};
constexpr TypePair kPairs[] = {{mjGEOM_PLANE, mjGEOM_SPHERE},
                               {mjGEOM_PLANE, mjGEOM_CAPSULE},
                               {mjGEOM_SPHERE, mjGEOM_BOX},
                               {mjGEOM_CAPSULE, mjGEOM_BOX}};
constexpr size_t kPairCount = sizeof(kPairs) / sizeof(kPairs[0]);

mjfCollision original[kPairCount];

// The pair's own collision, with the other of two seeds: the default one where
// the engine has chosen an axis, a world axis where it has not.
template <size_t pair>
int CollideWithOtherSeed(const mjModel* m, mjData* d, mjPreContact* found,
                         int geom1, int geom2, mjtNum margin) {
  const int count = original[pair](m, d, found, geom1, geom2, margin);
  for (int k = 0; k < count; ++k) {
    mjtNum* tangent = found[k].tangent;
    const bool seeded = mju_norm3(tangent) > 0;
    mju_zero3(tangent);
    if (seeded) continue;
    tangent[std::abs(found[k].normal[0]) < 0.5 ? 0 : 2] = 1;
  }
  return count;
}

// Replaces the engine's collision functions, which are a table of the process,
// while it lives.
class OtherTangentSeed {
 public:
  explicit OtherTangentSeed(bool enabled) : enabled_(enabled) {
    if (!enabled_) return;
    for (size_t i = 0; i < kPairCount; ++i) original[i] = Entry(i);
    Entry(0) = CollideWithOtherSeed<0>;
    Entry(1) = CollideWithOtherSeed<1>;
    Entry(2) = CollideWithOtherSeed<2>;
    Entry(3) = CollideWithOtherSeed<3>;
  }
  ~OtherTangentSeed() {
    if (!enabled_) return;
    for (size_t i = 0; i < kPairCount; ++i) Entry(i) = original[i];
  }
  OtherTangentSeed(const OtherTangentSeed&) = delete;
  OtherTangentSeed& operator=(const OtherTangentSeed&) = delete;

 private:
  static mjfCollision& Entry(size_t i) {
    return mjCOLLISIONFUNC[kPairs[i].type1][kPairs[i].type2];
  }

  const bool enabled_;
};

void Introduce(OracleError error, mjModel* m) {
  switch (error) {
    case OracleError::kMarginIsMaximum:
      // Half of each, and the sum is the maximum of equal margins.
      for (mjtSize i = 0; i < m->ngeom; ++i) m->geom_margin[i] /= 2;
      break;
    case OracleError::kNoPyramidFactor:
      // R = 2 mu^2 / impratio * R0, and R0 itself with sliding friction 1.
      m->opt.impratio = 2;
      break;
    case OracleError::kOneNewtonIteration:
      m->opt.iterations = 1;
      break;
    case OracleError::kOtherTangentSeed:
    case OracleError::kNone:
      break;
  }
}

std::vector<double> Copy(const mjtNum* values, mjtSize count) {
  return std::vector<double>(values, values + count);
}

std::vector<ParityContact> ReadContacts(const mjData* d) {
  std::vector<ParityContact> contacts(static_cast<size_t>(d->ncon));
  for (size_t k = 0; k < contacts.size(); ++k) {
    const mjContact& from = d->contact[k];
    contacts[k].geom1 = from.geom[0];
    contacts[k].geom2 = from.geom[1];
    contacts[k].constrains = from.efc_address >= 0;
    contacts[k].dist = from.dist;
    std::copy_n(from.pos, 3, contacts[k].pos);
    std::copy_n(from.frame, 9, contacts[k].frame);
  }
  return contacts;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MujocoOracle>> MujocoOracle::Create(
    const std::string& mjcf, OracleError error) {
  char message[1000] = "";
  mjSpec* spec =
      mj_parseXMLString(mjcf.c_str(), nullptr, message, sizeof(message));
  if (spec == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("oracle: ", message));
  }
  mjModel* model = mj_compile(spec, nullptr);
  const std::string compile_message = mjs_getError(spec);
  mj_deleteSpec(spec);
  if (model == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("oracle: ", compile_message));
  }
  return std::unique_ptr<MujocoOracle>(new MujocoOracle(model, error));
}

MujocoOracle::MujocoOracle(mjModel* model, OracleError error)
    : model_(model), error_(error) {
  model_->opt.tolerance = kTolerance;
  model_->opt.jacobian = mjJAC_DENSE;
  Introduce(error, model_.get());
  data_.reset(mj_makeData(model_.get()));
}

void MujocoOracle::Load(const ParityState& state) {
  mjData* d = data_.get();
  mj_resetData(model_.get(), d);
  std::copy(state.qpos.begin(), state.qpos.end(), d->qpos);
  std::copy(state.qvel.begin(), state.qvel.end(), d->qvel);
  std::copy(state.control.begin(), state.control.end(), d->ctrl);
}

void MujocoOracle::Step(const ParityState& state, Integrator integrator) {
  const OtherTangentSeed other(error_ == OracleError::kOtherTangentSeed);
  model_->opt.integrator =
      integrator == Integrator::kRungeKutta4 ? mjINT_RK4 : mjINT_IMPLICITFAST;
  Load(state);
  mj_step(model_.get(), data_.get());
}

void MujocoOracle::ReadStages(ParityStep* step) const {
  const mjModel* m = model_.get();
  const mjData* d = data_.get();
  step->contacts = ReadContacts(d);
  ConstraintProblem& p = step->problem;
  p.dofs = static_cast<size_t>(m->nv);
  p.mass.resize(p.dofs * p.dofs);
  mj_fullM(m, d, p.mass.data());
  p.qfrc_smooth = Copy(d->qfrc_smooth, m->nv);
  p.jacobian = Copy(d->efc_J, d->nefc * m->nv);
  p.d = Copy(d->efc_D, d->nefc);
  p.r = Copy(d->efc_R, d->nefc);
  p.aref = Copy(d->efc_aref, d->nefc);
  step->qacc_smooth = Copy(d->qacc_smooth, m->nv);
  step->qacc = Copy(d->qacc, m->nv);
  SortContacts(step);
}

void MujocoOracle::Evaluate(absl::Span<const ParityState> states,
                            Integrator integrator,
                            std::vector<ParityStep>* steps) {
  steps->resize(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    // A step of implicitfast leaves the stages of its one evaluation behind;
    // one of RK4 those of its last.
    Step(states[i], Integrator::kImplicitFast);
    ReadStages(&(*steps)[i]);
    if (integrator == Integrator::kRungeKutta4) Step(states[i], integrator);
    (*steps)[i].qpos = Copy(data_->qpos, model_->nq);
    (*steps)[i].qvel = Copy(data_->qvel, model_->nv);
  }
}

MujocoOracle::Summary MujocoOracle::Summarize(const std::vector<double>& qpos,
                                              const std::vector<double>& qvel) {
  mjData* d = data_.get();
  std::copy(qpos.begin(), qpos.end(), d->qpos);
  std::copy(qvel.begin(), qvel.end(), d->qvel);
  mj_fwdPosition(model_.get(), d);
  mj_energyPos(model_.get(), d);
  mj_energyVel(model_.get(), d);
  return {d->energy[0] + d->energy[1], d->ncon};
}

bool MujocoOracle::Advance(ParityState* state, Integrator integrator) {
  Step(*state, integrator);
  state->qpos = Copy(data_->qpos, model_->nq);
  state->qvel = Copy(data_->qvel, model_->nv);
  return std::all_of(
      std::begin(data_->warning), std::end(data_->warning),
      [](const mjWarningStat& warning) { return warning.number == 0; });
}

}  // namespace kmyriad
