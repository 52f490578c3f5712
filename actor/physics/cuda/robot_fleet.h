#ifndef KMYRIAD_ACTOR_PHYSICS_CUDA_ROBOT_FLEET_H_
#define KMYRIAD_ACTOR_PHYSICS_CUDA_ROBOT_FLEET_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/physics/cuda/step_view.h"
#include "common/device/device_array.h"

namespace kmyriad {

// Any number of robots with what surrounds them in a device's memory, and a
// copy of their state on the host, which is what Reset writes and Read reads:
// Upload and Download carry it across. `Real` is float or double. Not
// thread-safe.
template <class Real>
class RobotFleet {
 public:
  // `device` must outlive the fleet. `boxes` have ascending ids. Errors are the
  // device's.
  static absl::StatusOr<std::unique_ptr<RobotFleet>> Create(
      Device& device, const RobotModel<double>& robot,
      const std::vector<SurfaceBox>& boxes, uint32_t robots);

  // Of the device's memory; substeps are the caller's to set.
  const StepView<Real>& view() const { return view_; }
  float* control() const { return control_.data(); }

  // As if the robot were new, in this state: q [positions], v [dofs].
  void Reset(uint32_t robot, const double* q, const double* v);
  // `warm` [dofs], the solver's warm start, may be null.
  void Read(uint32_t robot, double* q, double* v, double* warm) const;
  bool bad(uint32_t robot) const { return host_.bad[robot] != 0; }
  // Of all robots so far.
  KernelCounters Counters() const;

  // controls [blocks, motors, 16].
  absl::Status Upload(absl::Span<const float> controls);
  // Waits for the device.
  absl::Status Download();
  // Of what Counters says, and nothing else.
  absl::Status DownloadCounters();

 private:
  explicit RobotFleet(Device& device);
  absl::Status Place(const RobotModel<double>& robot,
                     const std::vector<SurfaceBox>& boxes);
  absl::Status PlaceBoxes(const std::vector<SurfaceBox>& boxes);

  uint32_t positions_ = 0, dofs_ = 0;
  bool free_root_ = false;
  StepView<Real> view_ = {};

  DeviceArray<RobotModel<Real>> robot_;
  DeviceArray<RobotModel<double>> exact_robot_;
  DeviceArray<Real> q_, q_low_, v_, warm_, box_;
  DeviceArray<double> exact_box_;
  DeviceArray<int32_t> box_id_, box_surface_;
  DeviceArray<float> control_;
  DeviceArray<uint32_t> bad_, near_boxes_, again_;
  DeviceArray<KernelCounters> counters_;
  DeviceArray<char> general_slots_;

  std::vector<Real> host_q_, host_q_low_, host_v_, host_warm_;
  std::vector<uint32_t> host_bad_;
  std::vector<KernelCounters> host_counters_;
  // Of the state on the host.
  StepView<Real> host_ = {};
};

extern template class RobotFleet<float>;
extern template class RobotFleet<double>;

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_CUDA_ROBOT_FLEET_H_
