#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_ROBOT_FLEET_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_ROBOT_FLEET_H_

// Any number of robots on a StepDevice, with a copy of their state on the host.

#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "actor/physics/simd/robot_conversion.h"
#include "tests/actor/physics/cuda/step_device.h"

namespace kmyriad {

template <class Real>
class RobotFleet {
 public:
  RobotFleet(StepDevice* device, const RobotModel<double>& robot,
             const std::vector<SurfaceBox>& boxes, uint32_t robots)
      : device_(device), positions_(robot.positions), dofs_(robot.dofs) {
    view_.robots = robots;
    const size_t blocks = (robots + kStepLanes - 1) / kStepLanes;
    const size_t stride = blocks * kStepLanes;
    view_.stride = static_cast<uint32_t>(stride);
    auto rounded = std::make_unique<RobotModel<Real>>();
    if constexpr (std::is_same_v<Real, float>) {
      RobotRounding<float>::Robot(robot, rounded.get());
      view_.exact_robot = Place<RobotModel<double>>({robot});
    } else {
      *rounded = robot;
    }
    view_.robot = Place<RobotModel<Real>>({*rounded});
    q_.resize(stride * positions_);
    q_low_.resize(stride * 3);
    v_.resize(stride * dofs_);
    warm_.resize(stride * dofs_);
    bad_.resize(stride);
    counters_.resize(stride);
    view_.q = Place(q_);
    view_.q_low = Place(q_low_);
    view_.v = Place(v_);
    view_.warm = Place(warm_);
    view_.bad = Place(bad_);
    view_.counters = Place(counters_);
    control_ = Place(std::vector<float>(stride * robot.motors));
    view_.control = control_;
    PlaceBoxes(boxes);
    view_.near_boxes = Place(std::vector<uint32_t>(stride * boxes.size()));
    view_.again = Place(std::vector<uint32_t>(stride));
    view_.general_slots = Place(std::vector<char>(
        device->GeneralSlotBytes(std::is_same_v<Real, double>)));
  }

  void Reset(uint32_t r, const double* q, const double* v) {
    for (size_t i = 0; i < positions_; ++i) {
      const Real rounded = static_cast<Real>(q[i]);
      q_[At(positions_, i, r)] = rounded;
      if (i < 3) {
        q_low_[At(3, i, r)] =
            static_cast<Real>(q[i] - static_cast<double>(rounded));
      }
    }
    for (size_t d = 0; d < dofs_; ++d) {
      v_[At(dofs_, d, r)] = static_cast<Real>(v[d]);
      warm_[At(dofs_, d, r)] = 0;
    }
    bad_[r] = 0;
  }

  // controls [blocks, motors, 16].
  void Step(const std::vector<float>& controls, uint32_t substeps) {
    Upload(view_.q, q_);
    Upload(view_.q_low, q_low_);
    Upload(view_.v, v_);
    Upload(view_.warm, warm_);
    Upload(view_.bad, bad_);
    Upload(control_, controls);
    view_.substeps = substeps;
    device_->Step(view_);
    Download(view_.q, &q_);
    Download(view_.q_low, &q_low_);
    Download(view_.v, &v_);
    Download(view_.warm, &warm_);
    Download(view_.bad, &bad_);
    Download(view_.counters, &counters_);
  }

  void Read(uint32_t r, double* q, double* v, double* warm) const {
    for (size_t i = 0; i < positions_; ++i) {
      q[i] = static_cast<double>(q_[At(positions_, i, r)]);
      if (i < 3) q[i] += static_cast<double>(q_low_[At(3, i, r)]);
    }
    for (size_t d = 0; d < dofs_; ++d) {
      v[d] = static_cast<double>(v_[At(dofs_, d, r)]);
      warm[d] = static_cast<double>(warm_[At(dofs_, d, r)]);
    }
  }
  bool bad(uint32_t r) const { return bad_[r] != 0; }
  const KernelCounters& counters(uint32_t r) const { return counters_[r]; }

 private:
  static size_t At(size_t fields, size_t field, uint32_t r) {
    return (r / kStepLanes * fields + field) * kStepLanes + r % kStepLanes;
  }
  template <class T>
  T* Place(const std::vector<T>& values) {
    memory_.push_back(device_->Allocate(values.size() * sizeof(T)));
    T* place = static_cast<T*>(memory_.back().get());
    Upload(place, values);
    return place;
  }
  template <class T>
  void Upload(T* to, const std::vector<T>& from) {
    device_->Upload(to, from.data(), from.size() * sizeof(T));
  }
  template <class T>
  void Download(const T* from, std::vector<T>* to) {
    device_->Download(to->data(), from, to->size() * sizeof(T));
  }
  void PlaceBoxes(const std::vector<SurfaceBox>& boxes) {
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
    view_.boxes = static_cast<uint32_t>(boxes.size());
    view_.box = Place(rounded);
    if (std::is_same_v<Real, float>) view_.exact_box = Place(exact);
    view_.box_id = Place(ids);
    view_.box_surface = Place(surfaces);
  }

  StepDevice* const device_;
  const size_t positions_, dofs_;
  std::vector<std::shared_ptr<void>> memory_;
  StepView<Real> view_ = {};
  float* control_ = nullptr;
  std::vector<Real> q_, q_low_, v_, warm_;
  std::vector<uint32_t> bad_;
  std::vector<KernelCounters> counters_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_ROBOT_FLEET_H_
