#include "actor/physics/simd/stepper.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/physics/simd/box_grid.h"
#include "actor/physics/simd/robot_conversion.h"
#include "actor/physics/simd/step_kernel.h"

namespace kmyriad {

class StepperModel {
 public:
  virtual ~StepperModel() = default;
  virtual std::unique_ptr<Stepper> CreateStepper(
      std::shared_ptr<const StepperModel> self) const = 0;
};

namespace {

// A cache line and the widest vector.
constexpr std::align_val_t kAlignment{64};
// A list of candidate boxes holds until the robot has moved this far, metres.
constexpr double kCandidateSlack = 0.3;

template <class T>
using AlignedArray = std::unique_ptr<T[], void (*)(T*)>;

// Zeros.
template <class T>
AlignedArray<T> Allocate(size_t count) {
  void* memory =
      ::operator new(std::max<size_t>(count, 1) * sizeof(T), kAlignment);
  std::memset(memory, 0, count * sizeof(T));
  return AlignedArray<T>(static_cast<T*>(memory),
                         [](T* p) { ::operator delete(p, kAlignment); });
}

const StepKernel<float>* KernelOf(SimdLevel level, float) {
#ifdef KMYRIAD_HAVE_X86_SIMD
  if (level == SimdLevel::kAvx512) return &kAvx512FloatStepKernel;
  if (level == SimdLevel::kAvx2) return &kAvx2FloatStepKernel;
#endif
  return level == SimdLevel::kScalar ? &kScalarFloatStepKernel : nullptr;
}

const StepKernel<double>* KernelOf(SimdLevel level, double) {
#ifdef KMYRIAD_HAVE_X86_SIMD
  if (level == SimdLevel::kAvx512) return &kAvx512DoubleStepKernel;
  if (level == SimdLevel::kAvx2) return &kAvx2DoubleStepKernel;
#endif
  return level == SimdLevel::kScalar ? &kScalarDoubleStepKernel : nullptr;
}

std::vector<StaticBox> BoundsOf(const std::vector<SurfaceBox>& boxes) {
  std::vector<StaticBox> bounds(boxes.size());
  for (size_t k = 0; k < boxes.size(); ++k) {
    std::copy_n(boxes[k].center, 3, bounds[k].center);
    std::copy_n(boxes[k].half, 3, bounds[k].half);
  }
  return bounds;
}

template <class Real>
class ModelOf final : public StepperModel {
 public:
  ModelOf(const RobotModel<double>& robot, std::vector<SurfaceBox> boxes,
          const StepKernel<Real>* kernel)
      : robot_(std::make_unique<RobotModel<Real>>()),
        boxes_(std::move(boxes)),
        grid_(BoundsOf(boxes_)),
        kernel_(kernel) {
    RobotRounding<Real>::Robot(robot, robot_.get());
    if (std::is_same_v<Real, float>) {
      exact_robot_ = std::make_unique<const RobotModel<double>>(robot);
    }
  }

  std::unique_ptr<Stepper> CreateStepper(
      std::shared_ptr<const StepperModel> self) const override;

  const RobotModel<Real>& robot() const { return *robot_; }
  // Null if Real is double.
  const RobotModel<double>* exact_robot() const { return exact_robot_.get(); }
  const std::vector<SurfaceBox>& boxes() const { return boxes_; }
  const BoxGrid& grid() const { return grid_; }
  const StepKernel<Real>& kernel() const { return *kernel_; }

 private:
  const std::unique_ptr<RobotModel<Real>> robot_;
  std::unique_ptr<const RobotModel<double>> exact_robot_;
  const std::vector<SurfaceBox> boxes_;
  const BoxGrid grid_;
  const StepKernel<Real>* const kernel_;
};

// The boxes near each of 16 robots, in the layout of CandidateBoxes.
template <class Real>
class CandidateLists {
 public:
  // Nothing is covered yet.
  explicit CandidateLists(CandidateBoxes<Real>* view) : view_(view) {
    for (int i = 0; i < 3; ++i) {
      std::fill_n(view->low[i], kStepLanes, Real(1e30));
      std::fill_n(view->high[i], kStepLanes, Real(-1e30));
    }
  }

  // low and high [3, 16].
  void Renew(const ModelOf<Real>& model, uint32_t lanes, const Real* low,
             const Real* high) {
    for (uint32_t lane = 0; lane < kStepLanes; ++lane) {
      if (((lanes >> lane) & 1) == 0) continue;
      double from[3], to[3];
      for (uint32_t i = 0; i < 3; ++i) {
        from[i] =
            static_cast<double>(low[kStepLanes * i + lane]) - kCandidateSlack;
        to[i] =
            static_cast<double>(high[kStepLanes * i + lane]) + kCandidateSlack;
        // A millimetre less than what was searched, for rounding.
        view_->low[i][lane] = static_cast<Real>(from[i] + 1e-3);
        view_->high[i][lane] = static_cast<Real>(to[i] - 1e-3);
      }
      model.grid().Find(from, to, &lists_[lane]);
    }
    Lay(model.boxes());
  }

  size_t longest() const { return view_->longest; }

 private:
  static constexpr bool kHasExact = std::is_same_v<Real, float>;

  void Lay(const std::vector<SurfaceBox>& boxes) {
    size_t longest = 0;
    for (const auto& list : lists_) longest = std::max(longest, list.size());
    if (longest * kStepLanes > ids_.size()) {
      numbers_.resize(longest * kStepLanes * 6);
      if (kHasExact) exact_.resize(numbers_.size());
      ids_.resize(longest * kStepLanes);
      surfaces_.resize(longest * kStepLanes);
    }
    for (uint32_t lane = 0; lane < kStepLanes; ++lane) {
      for (size_t c = 0; c < longest; ++c) {
        const bool padded = c >= lists_[lane].size();
        const SurfaceBox* box = padded ? nullptr : &boxes[lists_[lane][c]];
        const auto put = [&](size_t i, double value) {
          const size_t at = kStepLanes * (6 * c + i) + lane;
          numbers_[at] = static_cast<Real>(value);
          if (kHasExact) exact_[at] = value;
        };
        for (size_t i = 0; i < 3; ++i) {
          put(i, padded ? 0 : box->center[i]);
          put(3 + i, padded ? -1e30 : box->half[i]);
        }
        ids_[kStepLanes * c + lane] = padded ? -1 : box->id;
        surfaces_[kStepLanes * c + lane] = padded ? 0 : box->surface;
      }
    }
    view_->boxes = numbers_.data();
    view_->exact = kHasExact ? exact_.data() : nullptr;
    view_->ids = ids_.data();
    view_->surfaces = surfaces_.data();
    view_->longest = static_cast<uint32_t>(longest);
  }

  CandidateBoxes<Real>* const view_;
  std::vector<uint32_t> lists_[kStepLanes];
  std::vector<Real> numbers_;
  std::vector<double> exact_;
  std::vector<int32_t> ids_, surfaces_;
};

template <class Real>
class StepperOf final : public Stepper {
 public:
  StepperOf(std::shared_ptr<const StepperModel> owner,
            const ModelOf<Real>& model)
      : owner_(std::move(owner)),
        model_(model),
        q_(Allocate<Real>(Size(model.robot().positions))),
        q_low_(Allocate<Real>(Size(3))),
        v_(Allocate<Real>(Size(model.robot().dofs))),
        warm_(Allocate<Real>(Size(model.robot().dofs))),
        exact_(Allocate<char>(
            model.exact_robot() == nullptr ? 0 : model.kernel().exact_bytes)),
        lists_(&block_.candidates) {
    block_.q = q_.get();
    block_.q_low = q_low_.get();
    block_.v = v_.get();
    block_.warm = warm_.get();
    block_.owner = this;
    block_.exact = exact_.get();
    block_.exact_robot = model.exact_robot();
    block_.find_boxes = model.boxes().empty() ? nullptr : &FindBoxes;
    block_.enlarge = &Enlarge;
    block_.slot_capacity = kFastSlots;
    for (uint32_t g = 0; g < groups(); ++g) {
      workspaces_[g] = Allocate<char>(model.kernel().workspace_bytes);
      block_.workspace[g] = workspaces_[g].get();
      slots_[g] = Allocate<char>(model.kernel().slot_bytes * kFastSlots);
      block_.slots[g] = slots_[g].get();
    }
    for (int32_t i = 0; i < model.robot().positions; ++i) {
      std::fill_n(block_.q + kStepLanes * i, kStepLanes,
                  model.robot().reference[i]);
    }
  }

  void Reset(uint32_t lane, const double* qpos, const double* qvel) override {
    for (int32_t i = 0; i < model_.robot().positions; ++i) {
      const Real rounded = static_cast<Real>(qpos[i]);
      block_.q[kStepLanes * i + lane] = rounded;
      if (i >= 3) continue;
      block_.q_low[kStepLanes * i + lane] =
          free_root()
              ? static_cast<Real>(qpos[i] - static_cast<double>(rounded))
              : Real(0);
    }
    for (int32_t d = 0; d < model_.robot().dofs; ++d) {
      block_.v[kStepLanes * d + lane] = static_cast<Real>(qvel[d]);
      block_.warm[kStepLanes * d + lane] = 0;
    }
    block_.bad &= ~(1u << lane);
  }

  void SetWarmStart(uint32_t lane, const double* qacc) override {
    for (int32_t d = 0; d < model_.robot().dofs; ++d) {
      block_.warm[kStepLanes * d + lane] = static_cast<Real>(qacc[d]);
    }
  }

  uint32_t Step(const float* controls, uint32_t substeps) override {
    block_.control = controls;
    const StepKernel<Real>& kernel = model_.kernel();
    for (uint32_t g = 0; g < groups(); ++g) {
      kernel.step(model_.robot(), &block_, g * kernel.lanes, substeps);
    }
    Count(substeps);
    return block_.bad;
  }

  void Read(uint32_t lane, double* qpos, double* qvel,
            double* qacc) const override {
    for (int32_t i = 0; i < model_.robot().positions; ++i) {
      qpos[i] = static_cast<double>(block_.q[kStepLanes * i + lane]);
      if (i >= 3) continue;
      qpos[i] += static_cast<double>(block_.q_low[kStepLanes * i + lane]);
    }
    for (int32_t d = 0; d < model_.robot().dofs; ++d) {
      qvel[d] = static_cast<double>(block_.v[kStepLanes * d + lane]);
      if (qacc == nullptr) continue;
      qacc[d] = static_cast<double>(block_.warm[kStepLanes * d + lane]);
    }
  }

  LaneTrace Trace(uint32_t lane) const override;

  const StepperCounters& counters() const override { return counters_; }
  uint64_t overflows() const override { return block_.counters.overflows; }

 private:
  static size_t Size(int32_t fields) {
    return static_cast<size_t>(fields) * kStepLanes;
  }
  static StepperOf& Of(StepBlock<Real>* block) {
    return *static_cast<StepperOf*>(block->owner);
  }
  static void FindBoxes(StepBlock<Real>* block, uint32_t lanes, const Real* low,
                        const Real* high) {
    StepperOf& self = Of(block);
    self.lists_.Renew(self.model_, lanes, low, high);
    const size_t pairs =
        Size(self.model_.robot().geoms) * self.lists_.longest();
    if (pairs > self.pairs_.size()) self.pairs_.resize(pairs);
    block->pairs = self.pairs_.data();
  }
  static bool Enlarge(StepBlock<Real>* block) {
    if (block->slot_capacity >= kMaxSlots) return false;
    StepperOf& self = Of(block);
    const size_t bytes = self.model_.kernel().slot_bytes * block->slot_capacity;
    for (uint32_t g = 0; g < self.groups(); ++g) {
      AlignedArray<char> larger = Allocate<char>(2 * bytes);
      std::memcpy(larger.get(), block->slots[g], bytes);
      self.slots_[g] = std::move(larger);
      block->slots[g] = self.slots_[g].get();
    }
    block->slot_capacity *= 2;
    return true;
  }

  bool free_root() const {
    return model_.robot().joint[0].kind == JointKind::kFree;
  }
  uint32_t groups() const { return kStepLanes / model_.kernel().lanes; }
  void Count(uint32_t substeps) {
    const uint64_t evaluations =
        substeps * (model_.robot().runge_kutta ? 4u : 1u);
    const KernelCounters& c = block_.counters;
    counters_.block_evaluations += evaluations;
    counters_.lane_evaluations += evaluations * kStepLanes;
    counters_.newton_iterations = c.newton_iterations;
    counters_.newton_rounds = c.newton_rounds;
    counters_.contacts = c.contacts;
    counters_.contact_rounds = c.contact_rounds;
    counters_.box_pairs = c.box_pairs;
    counters_.enlarged = c.enlarged;
    counters_.unconverged = c.unconverged;
  }

  const std::shared_ptr<const StepperModel> owner_;
  const ModelOf<Real>& model_;
  const AlignedArray<Real> q_, q_low_, v_, warm_;
  AlignedArray<char> workspaces_[2] = {Allocate<char>(0), Allocate<char>(0)};
  AlignedArray<char> slots_[2] = {Allocate<char>(0), Allocate<char>(0)};
  const AlignedArray<char> exact_;
  std::vector<BoxPair> pairs_;
  StepBlock<Real> block_ = {};
  CandidateLists<Real> lists_;
  StepperCounters counters_;
};

void ReadContacts(const std::vector<double>& numbers, uint32_t count,
                  const auto& robot, LaneTrace* trace) {
  for (uint32_t k = 0; k < count; ++k) {
    const double* number = &numbers[k * kTraceContact];
    ContactTrace contact;
    contact.geom = robot.geom[static_cast<int32_t>(number[0])].id;
    contact.static_geom = static_cast<int>(number[1]);
    contact.distance = number[2];
    std::copy_n(number + 3, 3, contact.position);
    std::copy_n(number + 6, 9, contact.frame);
    contact.constrains = number[15] != 0;
    trace->contacts.push_back(contact);
  }
}

void ReadRows(const std::vector<double>& numbers, uint32_t count, int32_t dofs,
              LaneTrace* trace) {
  for (uint32_t k = 0; k < count; ++k) {
    const double* number =
        &numbers[k * static_cast<uint32_t>(dofs + kTraceRow)];
    RowTrace row;
    row.jacobian.assign(number, number + dofs);
    row.regularizer = number[dofs];
    row.reference = number[dofs + 1];
    row.force = number[dofs + 2];
    trace->rows.push_back(std::move(row));
  }
}

template <class Real>
LaneTrace StepperOf<Real>::Trace(uint32_t lane) const {
  const RobotModel<Real>& robot = model_.robot();
  const size_t dofs = static_cast<size_t>(robot.dofs);
  std::vector<double> mass(static_cast<size_t>(robot.mass_entries));
  std::vector<double> contacts(size_t{block_.slot_capacity} * kTraceContact);
  std::vector<double> rows(
      (static_cast<size_t>(robot.limits) + 4 * size_t{block_.slot_capacity}) *
      (dofs + kTraceRow));
  LaneTrace trace;
  trace.bias_force.resize(dofs);
  trace.smooth_acceleration.resize(dofs);
  trace.acceleration.resize(dofs);
  RawTrace raw = {mass.data(),
                  trace.bias_force.data(),
                  trace.smooth_acceleration.data(),
                  trace.acceleration.data(),
                  contacts.data(),
                  rows.data(),
                  0,
                  0,
                  0};
  model_.kernel().trace(robot, block_, lane, &raw);
  trace.mass_matrix.resize(dofs * dofs);
  for (size_t d = 0; d < dofs; ++d) {
    const int32_t first = robot.first_ancestor[d];
    for (int32_t k = first; k < first + robot.ancestors[d]; ++k) {
      const size_t a = static_cast<size_t>(robot.ancestor[k]);
      trace.mass_matrix[d * dofs + a] = mass[static_cast<size_t>(k)];
      trace.mass_matrix[a * dofs + d] = mass[static_cast<size_t>(k)];
    }
  }
  ReadContacts(contacts, raw.contact_count, robot, &trace);
  ReadRows(rows, raw.row_count, robot.dofs, &trace);
  trace.iterations = raw.iterations;
  return trace;
}

template <class Real>
std::unique_ptr<Stepper> ModelOf<Real>::CreateStepper(
    std::shared_ptr<const StepperModel> self) const {
  return std::make_unique<StepperOf<Real>>(std::move(self), *this);
}

template <class Real>
absl::StatusOr<std::shared_ptr<const StepperModel>> Create(
    const RobotModel<double>& robot, std::vector<SurfaceBox> boxes,
    SimdLevel level) {
  const StepKernel<Real>* kernel = KernelOf(level, Real());
  if (kernel == nullptr || !SupportsSimdLevel(level)) {
    return absl::FailedPreconditionError(
        absl::StrCat("physics: this machine lacks the instructions of ",
                     SimdLevelName(level)));
  }
  return std::make_shared<const ModelOf<Real>>(robot, std::move(boxes), kernel);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const StepperModel>> CreateStepperModel(
    const RobotModel<double>& robot, std::vector<SurfaceBox> boxes,
    const StepperOptions& options) {
  return options.real == StepperReal::kDouble
             ? Create<double>(robot, std::move(boxes), options.level)
             : Create<float>(robot, std::move(boxes), options.level);
}

std::shared_ptr<const StepperModel> CreateStepperModel(
    const RobotModel<double>& robot, std::vector<SurfaceBox> boxes,
    const StepKernel<float>& kernel) {
  return std::make_shared<const ModelOf<float>>(robot, std::move(boxes),
                                                &kernel);
}

std::unique_ptr<Stepper> Stepper::Create(
    std::shared_ptr<const StepperModel> model) {
  const StepperModel& self = *model;
  return self.CreateStepper(std::move(model));
}

}  // namespace kmyriad
