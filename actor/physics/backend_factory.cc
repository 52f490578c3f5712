#include "actor/physics/backend_factory.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/physics/cuda/cuda_backend.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/mujoco_backend.h"
#include "actor/physics/simd/simd_backend.h"
#include "common/device/cuda/cuda_device.h"

namespace kmyriad {

absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateAntPhysics(
    absl::string_view backend, const PhysicsOptions& options) {
  if (backend == "mujoco") return CreateMujocoModel(AntMjcf(options));
  if (backend == "simd") return CreateSimdModel(AntMjcf(options));
  if (backend == "cuda") {
    const absl::Status gpu = CheckCudaDevice();
    if (gpu.ok()) {
      return CreateCudaModel(AntMjcf(options), &CreateCudaStepDevice);
    }
    return absl::Status(
        gpu.code(),
        absl::StrCat("physics.backend = cuda: ", gpu.message(), "; use simd"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("physics.backend = ", backend,
                   ": no such backend; use simd, mujoco or cuda"));
}

absl::StatusOr<Integrator> ParseIntegrator(absl::string_view name) {
  if (name == "implicitfast") return Integrator::kImplicitFast;
  if (name == "rk4") return Integrator::kRungeKutta4;
  return absl::InvalidArgumentError(
      absl::StrCat("env.integrator = ", name, ": must be implicitfast or rk4"));
}

}  // namespace kmyriad
