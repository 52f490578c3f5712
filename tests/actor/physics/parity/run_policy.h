#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_RUN_POLICY_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_RUN_POLICY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/env/tasks/ant.h"
#include "common/policy/policy_inference.h"
#include "deploy/launcher/population_source.h"
#include "tests/actor/physics/parity/ant_states.h"

namespace kmyriad {

// The policies of a run of Ants: starts, observations and actions are those of
// an actor in environment 0, 1, ... of epoch 0, each episode by the head of the
// next agent. The caller moves the robot.
class RunPolicy : public AntPolicy {
 public:
  enum class Actions { kSampled, kMean };

  // On `terrain`, a shipped name or path, not necessarily that of the run.
  // INVALID_ARGUMENT if the population is not of Ants; errors of the
  // environment and of PolicyInference.
  static absl::StatusOr<std::unique_ptr<RunPolicy>> Create(
      const Population& population, const std::string& terrain,
      Actions actions);

  const Episode& episode() const override { return episode_; }
  ParityState Start() override;
  void Act(uint32_t step, ParityState* state) override;

 private:
  RunPolicy(const Population& population,
            std::shared_ptr<const EnvironmentModel> model,
            std::unique_ptr<PolicyInference> inference, Integrator integrator,
            Actions actions);

  const std::shared_ptr<const EnvironmentModel> model_;
  const AntTask task_;
  const std::unique_ptr<PolicyInference> inference_;
  const Episode episode_;
  const Actions actions_;
  const uint64_t seed_;
  const uint32_t agents_;
  PolicyInference::Scratch scratch_;
  uint32_t started_ = 0;  // episodes
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_RUN_POLICY_H_
