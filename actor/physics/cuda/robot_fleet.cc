#define KMYRIAD_LANES_LEVEL 3
#include "actor/physics/cuda/robot_fleet.h"

#include <type_traits>
#include <utility>

#include "actor/physics/cuda/robot_state.h"
#include "actor/physics/cuda/step_robots.h"
#include "actor/physics/simd/robot_conversion.h"
#include "common/base/status_macros.h"

namespace kmyriad {

template <class Real>
RobotFleet<Real>::RobotFleet(Device& device)
    : robot_(device),
      exact_robot_(device),
      q_(device),
      q_low_(device),
      v_(device),
      warm_(device),
      box_(device),
      exact_box_(device),
      box_id_(device),
      box_surface_(device),
      control_(device),
      bad_(device),
      near_boxes_(device),
      again_(device),
      counters_(device),
      general_slots_(device) {}

template <class Real>
absl::StatusOr<std::unique_ptr<RobotFleet<Real>>> RobotFleet<Real>::Create(
    Device& device, const RobotModel<double>& robot,
    const std::vector<SurfaceBox>& boxes, uint32_t robots) {
  std::unique_ptr<RobotFleet> fleet(new RobotFleet(device));
  fleet->view_.robots = robots;
  fleet->view_.stride = (robots + kStepLanes - 1) / kStepLanes * kStepLanes;
  KMYRIAD_RETURN_IF_ERROR(fleet->Place(robot, boxes));
  return fleet;
}

template <class Real>
absl::Status RobotFleet<Real>::Place(const RobotModel<double>& robot,
                                     const std::vector<SurfaceBox>& boxes) {
  positions_ = static_cast<uint32_t>(robot.positions);
  dofs_ = static_cast<uint32_t>(robot.dofs);
  free_root_ = robot.joint[0].kind == JointKind::kFree;
  auto rounded = std::make_unique<RobotModel<Real>>();
  if constexpr (std::is_same_v<Real, float>) {
    RobotRounding<float>::Robot(robot, rounded.get());
    KMYRIAD_RETURN_IF_ERROR(exact_robot_.AllocateCopy({&robot, 1}));
    view_.exact_robot = exact_robot_.data();
  } else {
    *rounded = robot;
  }
  KMYRIAD_RETURN_IF_ERROR(robot_.AllocateCopy({rounded.get(), 1}));
  view_.robot = robot_.data();

  const size_t stride = view_.stride;
  host_q_.resize(stride * positions_);
  host_q_low_.resize(stride * 3);
  host_v_.resize(stride * dofs_);
  host_warm_.resize(stride * dofs_);
  host_bad_.resize(stride);
  host_counters_.resize(stride);
  host_.q = host_q_.data();
  host_.q_low = host_q_low_.data();
  host_.v = host_v_.data();
  host_.warm = host_warm_.data();
  host_.bad = host_bad_.data();
  KMYRIAD_RETURN_IF_ERROR(q_.AllocateCopy(host_q_));
  KMYRIAD_RETURN_IF_ERROR(q_low_.AllocateCopy(host_q_low_));
  KMYRIAD_RETURN_IF_ERROR(v_.AllocateCopy(host_v_));
  KMYRIAD_RETURN_IF_ERROR(warm_.AllocateCopy(host_warm_));
  KMYRIAD_RETURN_IF_ERROR(bad_.AllocateCopy(host_bad_));
  KMYRIAD_RETURN_IF_ERROR(counters_.AllocateCopy(host_counters_));
  KMYRIAD_RETURN_IF_ERROR(
      control_.Allocate(stride * static_cast<uint32_t>(robot.motors)));
  KMYRIAD_RETURN_IF_ERROR(again_.Allocate(stride));
  KMYRIAD_RETURN_IF_ERROR(general_slots_.Allocate(GeneralSlotBytes<Real>()));
  view_.q = q_.data();
  view_.q_low = q_low_.data();
  view_.v = v_.data();
  view_.warm = warm_.data();
  view_.bad = bad_.data();
  view_.counters = counters_.data();
  view_.control = control_.data();
  view_.again = again_.data();
  view_.general_slots = general_slots_.data();
  return PlaceBoxes(boxes);
}

template <class Real>
absl::Status RobotFleet<Real>::PlaceBoxes(
    const std::vector<SurfaceBox>& boxes) {
  std::vector<Real> rounded;
  std::vector<double> exact;
  std::vector<int32_t> ids, surfaces;
  for (const SurfaceBox& box : boxes) {
    exact.insert(exact.end(), box.center, box.center + 3);
    exact.insert(exact.end(), box.half, box.half + 3);
    ids.push_back(box.id);
    surfaces.push_back(box.surface);
  }
  for (const double x : exact) rounded.push_back(static_cast<Real>(x));
  KMYRIAD_RETURN_IF_ERROR(box_.AllocateCopy(rounded));
  KMYRIAD_RETURN_IF_ERROR(box_id_.AllocateCopy(ids));
  KMYRIAD_RETURN_IF_ERROR(box_surface_.AllocateCopy(surfaces));
  KMYRIAD_RETURN_IF_ERROR(
      near_boxes_.Allocate(size_t{view_.stride} * boxes.size()));
  view_.boxes = static_cast<uint32_t>(boxes.size());
  view_.box = box_.data();
  view_.box_id = box_id_.data();
  view_.box_surface = box_surface_.data();
  view_.near_boxes = near_boxes_.data();
  if constexpr (std::is_same_v<Real, float>) {
    KMYRIAD_RETURN_IF_ERROR(exact_box_.AllocateCopy(exact));
    view_.exact_box = exact_box_.data();
  }
  return absl::OkStatus();
}

template <class Real>
void RobotFleet<Real>::Reset(uint32_t robot, const double* q, const double* v) {
  PutRobot(host_, robot, positions_, dofs_, free_root_, q, v);
}

template <class Real>
void RobotFleet<Real>::Read(uint32_t robot, double* q, double* v,
                            double* warm) const {
  for (uint32_t i = 0; i < positions_; ++i) {
    q[i] = RobotPosition(host_, robot, positions_, i);
  }
  for (uint32_t d = 0; d < dofs_; ++d) {
    v[d] = RobotVelocity(host_, robot, dofs_, d);
    if (warm == nullptr) continue;
    warm[d] = static_cast<double>(host_.warm[RobotField(robot, dofs_, d)]);
  }
}

template <class Real>
KernelCounters RobotFleet<Real>::Counters() const {
  KernelCounters sum = {};
  for (const KernelCounters& robot : host_counters_) AddCounters(robot, &sum);
  return sum;
}

template <class Real>
absl::Status RobotFleet<Real>::Upload(absl::Span<const float> controls) {
  KMYRIAD_RETURN_IF_ERROR(q_.Upload(host_q_));
  KMYRIAD_RETURN_IF_ERROR(q_low_.Upload(host_q_low_));
  KMYRIAD_RETURN_IF_ERROR(v_.Upload(host_v_));
  KMYRIAD_RETURN_IF_ERROR(warm_.Upload(host_warm_));
  KMYRIAD_RETURN_IF_ERROR(bad_.Upload(host_bad_));
  return control_.Upload(controls);
}

template <class Real>
absl::Status RobotFleet<Real>::Download() {
  KMYRIAD_RETURN_IF_ERROR(q_.Download(absl::MakeSpan(host_q_)));
  KMYRIAD_RETURN_IF_ERROR(q_low_.Download(absl::MakeSpan(host_q_low_)));
  KMYRIAD_RETURN_IF_ERROR(v_.Download(absl::MakeSpan(host_v_)));
  KMYRIAD_RETURN_IF_ERROR(warm_.Download(absl::MakeSpan(host_warm_)));
  KMYRIAD_RETURN_IF_ERROR(bad_.Download(absl::MakeSpan(host_bad_)));
  return DownloadCounters();
}

template <class Real>
absl::Status RobotFleet<Real>::DownloadCounters() {
  return counters_.Download(absl::MakeSpan(host_counters_));
}

template class RobotFleet<float>;
template class RobotFleet<double>;

}  // namespace kmyriad
