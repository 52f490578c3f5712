#include "tests/actor/physics/cuda/device_subject.h"

#include <type_traits>
#include <utility>

#include "actor/physics/cuda/robot_fleet.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "common/base/check.h"
#include "tests/actor/physics/parity/stepper_subject.h"

namespace kmyriad {
namespace {

// Robots per launch: several thread blocks, of which the last is not full.
constexpr uint32_t kFleet = 200;

template <class Real>
class DeviceSubject final : public ParitySubject {
 public:
  DeviceSubject(const mjModel& model, StepPlace place)
      : place_(std::move(place)),
        dofs_(static_cast<size_t>(model.nv)),
        controls_(static_cast<size_t>(model.nu)) {
    StepperOptions options;
    options.real = std::is_same_v<Real, float> ? StepperReal::kFloat
                                               : StepperReal::kDouble;
    options.level = ChooseSimdLevel().value();
    stages_ = StepperSubject::Create(model, options).value();
    const Robot robot = ReadRobot(model).value();
    for (const bool runge_kutta : {false, true}) {
      auto variant = std::make_unique<RobotModel<double>>(*robot.model);
      variant->runge_kutta = runge_kutta;
      fleets_[runge_kutta] = RobotFleet<Real>::Create(*place_.device, *variant,
                                                      robot.boxes, kFleet)
                                 .value();
    }
  }

  void Evaluate(absl::Span<const ParityState> states, Integrator integrator,
                std::vector<ParityStep>* steps) override {
    stages_->Evaluate(states, integrator, steps);
    const bool runge_kutta = integrator == Integrator::kRungeKutta4;
    for (size_t first = 0; first < states.size(); first += kFleet) {
      Run(states.subspan(first, kFleet), runge_kutta, &(*steps)[first]);
    }
  }

 private:
  void Run(absl::Span<const ParityState> states, bool runge_kutta,
           ParityStep* steps) {
    RobotFleet<Real>& fleet = *fleets_[runge_kutta];
    StepView<Real> view = fleet.view();
    view.substeps = 1;
    view.robots = static_cast<uint32_t>(states.size());
    std::vector<float> controls(view.stride * controls_);
    for (uint32_t r = 0; r < view.robots; ++r) {
      fleet.Reset(r, states[r].qpos.data(), states[r].qvel.data());
      for (size_t i = 0; i < controls_; ++i) {
        controls[(r / 16 * controls_ + i) * 16 + r % 16] =
            static_cast<float>(states[r].control[i]);
      }
    }
    KMYRIAD_CHECK(fleet.Upload(controls).ok());
    KMYRIAD_CHECK(place_.Step(view).ok());
    KMYRIAD_CHECK(fleet.Download().ok());
    for (uint32_t r = 0; r < view.robots; ++r) {
      KMYRIAD_CHECK(!fleet.bad(r));
      std::vector<double> warm(dofs_);
      fleet.Read(r, steps[r].qpos.data(), steps[r].qvel.data(), warm.data());
      // With Runge-Kutta the last acceleration is that of the fourth stage.
      if (!runge_kutta) steps[r].qacc = std::move(warm);
    }
  }

  const StepPlace place_;
  const size_t dofs_, controls_;
  std::unique_ptr<StepperSubject> stages_;
  std::unique_ptr<RobotFleet<Real>> fleets_[2];
};

}  // namespace

template <class Real>
std::unique_ptr<ParitySubject> MakeDeviceSubject(const mjModel& model,
                                                 StepPlace place) {
  return std::make_unique<DeviceSubject<Real>>(model, std::move(place));
}

template std::unique_ptr<ParitySubject> MakeDeviceSubject<float>(
    const mjModel& model, StepPlace place);
template std::unique_ptr<ParitySubject> MakeDeviceSubject<double>(
    const mjModel& model, StepPlace place);

}  // namespace kmyriad
