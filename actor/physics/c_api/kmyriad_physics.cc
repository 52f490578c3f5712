#include "actor/physics/c_api/kmyriad_physics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/simd/stepper.h"
#include "common/base/segment.h"
#include "common/base/simd_level.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"

namespace kmyriad {
namespace {

constexpr uint32_t kMaxEnvs = 1u << 20;
constexpr uint32_t kMaxThreads = 256;
constexpr uint32_t kMaxSteps = 1000000;

// All environments of a handle, in blocks of 16; the last block is padded with
// robots that nobody sees.
class Environments {
 public:
  static absl::StatusOr<std::unique_ptr<Environments>> Create(
      const std::string& mjcf, const kmyriad_physics_options& options) {
    if (options.envs < 1 || options.envs > kMaxEnvs) {
      return absl::InvalidArgumentError(
          absl::StrCat("envs = ", options.envs, ": use 1 to ", kMaxEnvs));
    }
    if (options.threads < 1 || options.threads > kMaxThreads) {
      return absl::InvalidArgumentError(absl::StrCat(
          "threads = ", options.threads, ": use 1 to ", kMaxThreads));
    }
    if (options.double_precision > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "double_precision = ", options.double_precision, ": use 0 or 1"));
    }
    KMYRIAD_ASSIGN_OR_RETURN(Robot robot, CompileRobot(mjcf));
    StepperOptions stepper;
    stepper.real = options.double_precision != 0 ? StepperReal::kDouble
                                                 : StepperReal::kFloat;
    KMYRIAD_ASSIGN_OR_RETURN(stepper.level, ChooseSimdLevel());
    KMYRIAD_ASSIGN_OR_RETURN(
        const std::shared_ptr<const StepperModel> model,
        CreateStepperModel(*robot.model, robot.boxes, stepper));
    kmyriad_physics_sizes sizes = {};
    sizes.envs = options.envs;
    sizes.nq = static_cast<uint32_t>(robot.model->positions);
    sizes.nv = static_cast<uint32_t>(robot.model->dofs);
    sizes.nu = static_cast<uint32_t>(robot.model->motors);
    sizes.timestep = robot.model->timestep;
    return std::make_unique<Environments>(sizes, model, options.threads);
  }

  Environments(const kmyriad_physics_sizes& sizes,
               const std::shared_ptr<const StepperModel>& model,
               uint32_t threads)
      : sizes_(sizes) {
    for (uint32_t i = 0; i < BlockCount(sizes.envs); ++i) {
      blocks_.push_back(Stepper::Create(model));
    }
    lost_.resize(blocks_.size());
    if (threads > 1) {
      // The calling thread works, too.
      pool_ = std::make_unique<ThreadPool>(static_cast<int>(threads - 1));
    }
  }

  const kmyriad_physics_sizes& sizes() const { return sizes_; }
  bool has_stepped() const { return has_stepped_; }

  void Step(const float* controls, uint32_t steps, uint8_t* lost) {
    ForEachBlock([&](size_t i) {
      std::vector<float> lanes(size_t{sizes_.nu} * kBlockLanes);
      for (uint32_t lane = 0; lane < Lanes(i); ++lane) {
        const size_t env = i * kBlockLanes + lane;
        for (uint32_t u = 0; u < sizes_.nu; ++u) {
          lanes[u * kBlockLanes + lane] = controls[env * sizes_.nu + u];
        }
      }
      lost_[i] = blocks_[i]->Step(lanes.data(), steps);
    });
    has_stepped_ = true;
    if (lost == nullptr) return;
    for (uint32_t env = 0; env < sizes_.envs; ++env) {
      lost[env] = (lost_[env / kBlockLanes] >> (env % kBlockLanes)) & 1;
    }
  }

  void SetState(uint32_t env, const double* qpos, const double* qvel) {
    blocks_[env / kBlockLanes]->Reset(env % kBlockLanes, qpos, qvel);
  }

  void GetStates(double* qpos, double* qvel) {
    ForEachBlock([&](size_t i) {
      for (uint32_t lane = 0; lane < Lanes(i); ++lane) {
        const size_t env = i * kBlockLanes + lane;
        blocks_[i]->Read(lane, qpos + env * sizes_.nq, qvel + env * sizes_.nv);
      }
    });
  }

  std::vector<ContactTrace> Contacts(uint32_t env) const {
    return blocks_[env / kBlockLanes]->Trace(env % kBlockLanes).contacts;
  }

 private:
  // Environments of a block; the rest is padding.
  uint32_t Lanes(size_t block) const {
    const size_t first = block * kBlockLanes;
    return static_cast<uint32_t>(
        std::min<size_t>(kBlockLanes, sizes_.envs - first));
  }

  template <typename Body>
  void ForEachBlock(const Body& body) {
    if (pool_ != nullptr) return pool_->ParallelFor(blocks_.size(), body);
    for (size_t i = 0; i < blocks_.size(); ++i) body(i);
  }

  const kmyriad_physics_sizes sizes_;
  std::vector<std::unique_ptr<Stepper>> blocks_;
  std::vector<uint32_t> lost_;
  std::unique_ptr<ThreadPool> pool_;
  bool has_stepped_ = false;
};

kmyriad_physics_status CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return KMYRIAD_PHYSICS_OK;
    case absl::StatusCode::kInvalidArgument:
      return KMYRIAD_PHYSICS_INVALID_ARGUMENT;
    case absl::StatusCode::kResourceExhausted:
      return KMYRIAD_PHYSICS_RESOURCE_EXHAUSTED;
    case absl::StatusCode::kFailedPrecondition:
      return KMYRIAD_PHYSICS_FAILED_PRECONDITION;
    default:
      return KMYRIAD_PHYSICS_INTERNAL;
  }
}

// Calls `body`, which returns a status; no exception leaves.
template <typename Body>
absl::Status Guarded(const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

absl::Status CheckFinite(const double* values, size_t count, const char* name) {
  for (size_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(name, "[", i, "] = ", values[i], ": must be finite"));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace kmyriad

struct kmyriad_physics {
  std::unique_ptr<kmyriad::Environments> environments;
  std::string message;
};

namespace kmyriad {
namespace {

// Runs `body` on a handle's environments and keeps the message of a failure.
template <typename Body>
kmyriad_physics_status Call(kmyriad_physics* physics, const Body& body) {
  if (physics == nullptr) return KMYRIAD_PHYSICS_INVALID_ARGUMENT;
  const absl::Status status =
      Guarded([&] { return body(*physics->environments); });
  if (!status.ok()) {
    try {
      physics->message = std::string(status.message());
    } catch (const std::bad_alloc&) {
      physics->message.clear();
    }
  }
  return CodeOf(status);
}

absl::Status Missing(const char* name) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is NULL"));
}

absl::Status CheckEnv(const Environments& environments, uint32_t env) {
  if (env < environments.sizes().envs) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "env = ", env, ": use less than ", environments.sizes().envs));
}

}  // namespace
}  // namespace kmyriad

using kmyriad::Call;
using kmyriad::Environments;

kmyriad_physics_status kmyriad_physics_create(
    const char* mjcf, const kmyriad_physics_options* options,
    kmyriad_physics** physics, char* message, size_t message_size) {
  if (physics == nullptr) return KMYRIAD_PHYSICS_INVALID_ARGUMENT;
  *physics = nullptr;
  const absl::Status status = kmyriad::Guarded([&] {
    if (mjcf == nullptr) return kmyriad::Missing("mjcf");
    if (options == nullptr) return kmyriad::Missing("options");
    KMYRIAD_ASSIGN_OR_RETURN(auto environments,
                             Environments::Create(mjcf, *options));
    auto handle = std::make_unique<kmyriad_physics>();
    handle->environments = std::move(environments);
    *physics = handle.release();
    return absl::OkStatus();
  });
  if (message != nullptr && message_size > 0) {
    std::snprintf(message, message_size, "%.*s",
                  static_cast<int>(status.message().size()),
                  status.message().data());
  }
  return kmyriad::CodeOf(status);
}

void kmyriad_physics_destroy(kmyriad_physics* physics) { delete physics; }

kmyriad_physics_status kmyriad_physics_get_sizes(const kmyriad_physics* physics,
                                                 kmyriad_physics_sizes* sizes) {
  if (physics == nullptr || sizes == nullptr) {
    return KMYRIAD_PHYSICS_INVALID_ARGUMENT;
  }
  *sizes = physics->environments->sizes();
  return KMYRIAD_PHYSICS_OK;
}

kmyriad_physics_status kmyriad_physics_step(kmyriad_physics* physics,
                                            const float* controls,
                                            uint32_t steps, uint8_t* lost) {
  return Call(physics, [&](Environments& environments) {
    if (controls == nullptr && environments.sizes().nu > 0) {
      return kmyriad::Missing("controls");
    }
    if (steps < 1 || steps > kmyriad::kMaxSteps) {
      return absl::InvalidArgumentError(
          absl::StrCat("steps = ", steps, ": use 1 to ", kmyriad::kMaxSteps));
    }
    environments.Step(controls, steps, lost);
    return absl::OkStatus();
  });
}

kmyriad_physics_status kmyriad_physics_set_states(kmyriad_physics* physics,
                                                  const double* qpos,
                                                  const double* qvel) {
  return Call(physics, [&](Environments& environments) {
    if (qpos == nullptr || qvel == nullptr) {
      return kmyriad::Missing(qpos == nullptr ? "qpos" : "qvel");
    }
    const kmyriad_physics_sizes& s = environments.sizes();
    KMYRIAD_RETURN_IF_ERROR(
        kmyriad::CheckFinite(qpos, size_t{s.envs} * s.nq, "qpos"));
    KMYRIAD_RETURN_IF_ERROR(
        kmyriad::CheckFinite(qvel, size_t{s.envs} * s.nv, "qvel"));
    for (uint32_t env = 0; env < s.envs; ++env) {
      environments.SetState(env, qpos + size_t{env} * s.nq,
                            qvel + size_t{env} * s.nv);
    }
    return absl::OkStatus();
  });
}

kmyriad_physics_status kmyriad_physics_set_state(kmyriad_physics* physics,
                                                 uint32_t env,
                                                 const double* qpos,
                                                 const double* qvel) {
  return Call(physics, [&](Environments& environments) {
    if (qpos == nullptr || qvel == nullptr) {
      return kmyriad::Missing(qpos == nullptr ? "qpos" : "qvel");
    }
    KMYRIAD_RETURN_IF_ERROR(kmyriad::CheckEnv(environments, env));
    const kmyriad_physics_sizes& s = environments.sizes();
    KMYRIAD_RETURN_IF_ERROR(kmyriad::CheckFinite(qpos, s.nq, "qpos"));
    KMYRIAD_RETURN_IF_ERROR(kmyriad::CheckFinite(qvel, s.nv, "qvel"));
    environments.SetState(env, qpos, qvel);
    return absl::OkStatus();
  });
}

kmyriad_physics_status kmyriad_physics_get_states(kmyriad_physics* physics,
                                                  double* qpos, double* qvel) {
  return Call(physics, [&](Environments& environments) {
    if (qpos == nullptr || qvel == nullptr) {
      return kmyriad::Missing(qpos == nullptr ? "qpos" : "qvel");
    }
    environments.GetStates(qpos, qvel);
    return absl::OkStatus();
  });
}

kmyriad_physics_status kmyriad_physics_get_contacts(
    kmyriad_physics* physics, uint32_t env, kmyriad_physics_contact* contacts,
    uint32_t capacity, uint32_t* count) {
  return Call(physics, [&](Environments& environments) {
    if (count == nullptr || (contacts == nullptr && capacity > 0)) {
      return kmyriad::Missing(count == nullptr ? "count" : "contacts");
    }
    KMYRIAD_RETURN_IF_ERROR(kmyriad::CheckEnv(environments, env));
    if (!environments.has_stepped()) {
      return absl::FailedPreconditionError(
          "there are no contacts before the first step");
    }
    const std::vector<kmyriad::ContactTrace> found = environments.Contacts(env);
    *count = static_cast<uint32_t>(found.size());
    for (size_t k = 0; k < std::min<size_t>(capacity, found.size()); ++k) {
      contacts[k].geom = found[k].geom;
      contacts[k].static_geom = found[k].static_geom;
      contacts[k].distance = found[k].distance;
      std::copy_n(found[k].position, 3, contacts[k].position);
      std::copy_n(found[k].frame, 9, contacts[k].frame);
    }
    return absl::OkStatus();
  });
}

const char* kmyriad_physics_message(const kmyriad_physics* physics) {
  return physics == nullptr ? "physics is NULL" : physics->message.c_str();
}
