#include "actor/physics/mujoco/engine_errors.h"

#include <mujoco/mujoco.h>

#include <cstdio>
#include <cstdlib>

namespace kmyriad {
namespace {

thread_local EngineErrorTrap* innermost_trap = nullptr;

void IgnoreEngineWarning(const char*) {}

}  // namespace

void HandleEngineError(const char* message) {
  EngineErrorTrap* trap = innermost_trap;
  if (trap == nullptr) {
    std::fprintf(stderr, "broken invariant: engine error outside a trap: %s\n",
                 message);
    std::abort();
  }
  std::snprintf(trap->message_, sizeof(trap->message_), "%s", message);
  std::longjmp(trap->target_, 1);
}

void InstallEngineHandlers() {
  static const bool installed = [] {
    mju_user_warning = &IgnoreEngineWarning;
    mju_user_error = &HandleEngineError;
    return true;
  }();
  static_cast<void>(installed);
}

EngineErrorTrap::EngineErrorTrap() : outer_(innermost_trap) {
  innermost_trap = this;
}

EngineErrorTrap::~EngineErrorTrap() { innermost_trap = outer_; }

}  // namespace kmyriad
