#include "deploy/launcher/commands/entropy.h"

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/metrics/metrics_registry.h"
#include "common/process/exit_codes.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/sample_file.h"
#include "entropy_service/entropy_engine.h"
#include "entropy_service/entropy_metrics.h"
#include "entropy_service/epoch_particles.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

struct RewardName {
  absl::string_view name;
  RewardKind kind;
  Credit credit;
};

constexpr RewardName kRewardNames[] = {
    {"forward", RewardKind::kForward, Credit::kLeaveOneOut},
    {"apt", RewardKind::kApt, Credit::kLeaveOneOut},
    {"selfnorm_reverse", RewardKind::kSelfnormReverse, Credit::kLeaveOneOut},
    {"mepol_exact", RewardKind::kMepolExact, Credit::kLeaveOneOut},
    {"cross_novelty", RewardKind::kCrossNovelty, Credit::kLeaveOneOut},
    {"marginal", RewardKind::kMarginal, Credit::kLeaveOneOut},
    {"marginal_uniform", RewardKind::kMarginal, Credit::kUniform},
    {"marginal_shuffled", RewardKind::kMarginal, Credit::kShuffled}};

absl::Status SetReward(const std::string& name, ScoreRequest& request) {
  std::vector<absl::string_view> names;
  for (const RewardName& known : kRewardNames) {
    if (known.name == name) {
      request.reward = known.kind;
      request.credit = known.credit;
      return absl::OkStatus();
    }
    names.push_back(known.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--reward = ", name, ": use one of ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<std::vector<float>> ParsePeriods(const std::string& text) {
  std::vector<float> periods;
  if (text.empty()) return periods;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    float period = 0;
    if (!absl::SimpleAtof(word, &period)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--periods = ", text, ": '", word, "' is no number"));
    }
    periods.push_back(period);
  }
  return periods;
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
  KMYRIAD_RETURN_IF_ERROR(SetReward(options.reward, request));
  KMYRIAD_ASSIGN_OR_RETURN(request.periods, ParsePeriods(options.periods));
  request.theiler_window = options.theiler;
  request.engine = options.engine;
  // An agent of k particles or fewer has none to compare with.
  request.measure_divergences =
      options.agents > 1 && samples.rows / options.agents > options.k;
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
  if (!scored.agent_divergences_nats.empty()) {
    object["divergence_nats"] = scored.divergence_nats;
    object["agent_divergences_nats"] = scored.agent_divergences_nats;
  }
  if (!scored.agent_marginals_nats.empty()) {
    object["agent_marginals_nats"] = scored.agent_marginals_nats;
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
