#include "deploy/launcher/population_source.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/rollout/run_environment.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/policy/network_shape.h"
#include "common/rpc/message_codec.h"
#include "learner/checkpoint/checkpoint_policy.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {
namespace {

// The folder that holds `path`.
std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Folder of the run, and name of the checkpoint (empty: that of HEAD).
struct Place {
  std::string run;
  std::string checkpoint;
};

absl::StatusOr<Place> FindPlace(FileSystem& files, std::string target,
                                const std::string& runs) {
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  const std::string asked = target;
  if (!files.Exists(target)) {
    target = JoinPath(runs, target);
    if (!files.Exists(target)) {
      return absl::NotFoundError(
          absl::StrCat(asked, ": neither a folder nor a run in ", runs,
                       "; give the folder, or --runs"));
    }
  }
  if (IsRunDirectory(files, target)) return Place{target, ""};
  const std::string name = target.substr(target.rfind('/') + 1);
  const std::string run = ParentOf(ParentOf(target));
  if (CheckpointEpoch(name) && IsRunDirectory(files, run)) {
    return Place{run, name};
  }
  return absl::NotFoundError(absl::StrCat(
      target, ": neither a run nor a checkpoint inside of one (",
      "RUN/checkpoints/epoch_...); its configuration is needed, too"));
}

NetworkShape ShapeOf(const v1::RunConfig& config, const EnvironmentSpec& spec) {
  NetworkShape shape;
  shape.obs_dim = spec.obs_dim();
  shape.act_dim = spec.act_dim;
  shape.agents = config.population().agents();
  shape.trunk.assign(config.network().trunk().begin(),
                     config.network().trunk().end());
  shape.activation = config.network().activation() == "tanh"
                         ? Activation::kTanh
                         : Activation::kRelu;
  return shape;
}

}  // namespace

absl::StatusOr<Population> LoadPopulation(FileSystem& files,
                                          const std::string& target,
                                          const std::string& runs) {
  KMYRIAD_ASSIGN_OR_RETURN(const Place place, FindPlace(files, target, runs));
  KMYRIAD_ASSIGN_OR_RETURN(const RunRecord record,
                           ReadRunDirectory(files, place.run));
  Population population;
  population.run_folder = place.run;
  population.run_name = record.manifest.name();
  population.run_uuid = record.manifest.run_uuid();
  population.checkpoint =
      place.checkpoint.empty() ? record.head.checkpoint() : place.checkpoint;
  if (population.checkpoint.empty()) {
    return absl::NotFoundError(absl::StrCat(
        place.run, ": the run has no checkpoint yet; train it first"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      population.config,
      ParseRunConfig(record.config_text,
                     JoinPath(place.run, "resolved.textproto")));
  KMYRIAD_RETURN_IF_ERROR(ValidateRunConfig(population.config));
  KMYRIAD_ASSIGN_OR_RETURN(population.spec,
                           FromProto(record.manifest.environment()));
  KMYRIAD_ASSIGN_OR_RETURN(
      const CheckpointContent content,
      LoadCheckpoint(files, JoinPath(JoinPath(place.run, "checkpoints"),
                                     population.checkpoint)));
  if (content.manifest.run_uuid() != population.run_uuid) {
    return absl::FailedPreconditionError(
        absl::StrCat(place.run, ": ", population.checkpoint, " belongs to run ",
                     content.manifest.run_uuid(), ", not to ",
                     population.run_uuid, "; move it away"));
  }
  population.normalizer = content.normalizer;
  population.parameters = content.parameters;
  population.epoch = content.manifest.epoch();
  population.env_steps = content.manifest.env_steps();
  KMYRIAD_ASSIGN_OR_RETURN(
      population.weights,
      PolicyOfCheckpoint(content, ShapeOf(population.config, population.spec),
                         population.spec.observation));
  KMYRIAD_ASSIGN_OR_RETURN(const PolicyHashes hashes,
                           HashPolicy(population.weights));
  population.policy_hash = hashes.policy;
  return population;
}

absl::StatusOr<std::shared_ptr<const EnvironmentModel>> EnvironmentOf(
    const Population& population) {
  v1::RunConfig config = population.config;
  if (config.physics().backend() == "cuda") {
    config.mutable_physics()->set_backend("simd");
  }
  KMYRIAD_ASSIGN_OR_RETURN(std::shared_ptr<const EnvironmentModel> model,
                           EnvironmentOfRun(config));
  if (model->spec() == population.spec) return model;
  return absl::FailedPreconditionError(
      absl::StrCat("env.terrain = ", population.config.env().terrain(),
                   ": not the world that run ", population.run_name,
                   " was trained in; put the terrain file back as it was"));
}

}  // namespace kmyriad
