#include "deploy/launcher/commands/entropy.h"

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/metrics/metrics_registry.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/exit_codes.h"
#include "deploy/launcher/sample_file.h"
#include "entropy_service/entropy_engine.h"
#include "entropy_service/entropy_metrics.h"
#include "entropy_service/epoch_particles.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

absl::StatusOr<RewardKind> ParseReward(const std::string& name) {
  if (name == "forward") return RewardKind::kForward;
  if (name == "apt") return RewardKind::kApt;
  if (name == "selfnorm_reverse") return RewardKind::kSelfnormReverse;
  if (name == "mepol_exact") return RewardKind::kMepolExact;
  return absl::InvalidArgumentError(
      absl::StrCat("--reward = ", name,
                   ": use forward, apt, selfnorm_reverse or mepol_exact"));
}

// The array as an epoch: one trajectory for each agent.
absl::StatusOr<EpochParticles> MakeEpoch(const EntropyCommandOptions& options,
                                         const Samples& samples) {
  if (options.agents == 0 || samples.rows % options.agents != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--agents = ", options.agents, ": does not divide the ", samples.rows,
        " rows; each agent has as many, one after the other"));
  }
  ScoreRequest request;
  KMYRIAD_ASSIGN_OR_RETURN(request.reward, ParseReward(options.reward));
  request.envs = options.agents;
  request.agents = options.agents;
  request.horizon = samples.rows / options.agents;
  request.dims = samples.dims;
  request.k = options.k;
  request.floor = options.floor;
  const absl::string_view features(
      reinterpret_cast<const char*>(samples.values.data()),
      samples.values.size() * sizeof(float));
  const std::string mask(samples.rows, '\1');
  Sha256 hash;
  hash.Update(features);
  hash.Update(mask);
  request.particle_digest = hash.Finish();
  KMYRIAD_ASSIGN_OR_RETURN(EpochParticles particles,
                           EpochParticles::Create(std::move(request)));
  KMYRIAD_RETURN_IF_ERROR(particles.Append(0, features, mask));
  return particles;
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> Score(
    const EntropyCommandOptions& options, const EpochParticles& particles) {
  MetricsRegistry registry;
  EntropyMetrics metrics(registry);
  EntropyEngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.revision = BuildRevision();
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<EntropyEngine> engine,
      EntropyEngine::Create(engine_options, metrics, RealClock()));
  return engine->Score(particles, nullptr);
}

Json Describe(const EntropyCommandOptions& options, const ScoredEpoch& scored) {
  const ScoreRequest& request = scored.request;
  Json object = {{"file", options.file},
                 {"particles", request.particles()},
                 {"dims", request.dims},
                 {"k", request.k},
                 {"agents", request.agents},
                 {"entropy_nats", scored.entropy_nats},
                 {"floor", request.floor},
                 {"floored", scored.floored},
                 {"log_volume_mean", scored.log_volume_mean},
                 {"log_volume_std", scored.log_volume_std},
                 {"reward", options.reward},
                 {"reward_std", scored.reward_std},
                 {"engine", scored.engine},
                 {"engine_reason", scored.engine_reason},
                 {"seconds", scored.seconds}};
  if (!std::isnan(scored.in_degree_std)) {
    object["in_degree_std"] = scored.in_degree_std;
  }
  if (!options.out.empty()) object["out"] = options.out;
  return object;
}

void PrintText(const Json& object) {
  for (const auto& [key, value] : object.items()) {
    std::printf("%-18s%s\n", key.c_str(),
                value.is_string() ? value.get<std::string>().c_str()
                                  : value.dump().c_str());
  }
}

absl::StatusOr<Json> Run(const EntropyCommandOptions& options) {
  FileSystem& files = PosixFileSystem();
  // Before the work, not after it.
  if (!options.out.empty()) {
    KMYRIAD_RETURN_IF_ERROR(CheckSampleFormat(options.out));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const Samples samples,
      ReadSamples(files, options.file, options.tensor, options.features));
  KMYRIAD_ASSIGN_OR_RETURN(const EpochParticles particles,
                           MakeEpoch(options, samples));
  KMYRIAD_ASSIGN_OR_RETURN(const auto scored, Score(options, particles));
  if (!options.out.empty()) {
    KMYRIAD_RETURN_IF_ERROR(WriteRewards(files, options.out, scored->rewards));
  }
  return Describe(options, *scored);
}

}  // namespace

int RunEntropy(const EntropyCommandOptions& options) {
  const absl::StatusOr<Json> object = Run(options);
  if (!object.ok()) return ReportError(object.status());
  if (options.json) {
    std::printf("%s\n", object->dump(2).c_str());
  } else {
    PrintText(*object);
  }
  return kExitDone;
}

}  // namespace kmyriad
