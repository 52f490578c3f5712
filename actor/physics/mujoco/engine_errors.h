#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_ENGINE_ERRORS_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_ENGINE_ERRORS_H_

#include <csetjmp>
#include <string>

namespace kmyriad {

// MuJoCo reports an error that it cannot continue from (no memory on its
// stack) through a process-wide callback that must not return, and a warning
// through another; by default they write to the screen and to a file
// MUJOCO_LOG.TXT, and the first ends the process. InstallEngineHandlers, which
// may be called often and from any thread, replaces both: warnings are left to
// the counters of mjData, and an error jumps to the EngineErrorTrap of the
// calling thread.
void InstallEngineHandlers();

// The place to which an engine error of this thread jumps. Use as
//
//   EngineErrorTrap trap;
//   if (setjmp(trap.target()) != 0) return failure;  // trap.message()
//   ... engine calls; no object with a destructor may be created here ...
//
// Traps nest; the innermost is jumped to.
class EngineErrorTrap {
 public:
  EngineErrorTrap();
  ~EngineErrorTrap();
  EngineErrorTrap(const EngineErrorTrap&) = delete;
  EngineErrorTrap& operator=(const EngineErrorTrap&) = delete;

  std::jmp_buf& target() { return target_; }
  const char* message() const { return message_; }

 private:
  friend void HandleEngineError(const char* message);

  std::jmp_buf target_;
  char message_[256] = "";
  EngineErrorTrap* const outer_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_ENGINE_ERRORS_H_
