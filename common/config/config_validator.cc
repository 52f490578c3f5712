#include <algorithm>
#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "common/config/field_table.h"
#include "common/config/run_config.h"

namespace kmyriad {
namespace {

using ::google::protobuf::FieldDescriptor;

template <typename Value>
absl::Status Refuse(absl::string_view key, const Value& value,
                    absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(key, " = ", value, ": ", why));
}

std::string RangeText(const FieldRule& rule) {
  // Digits enough for every bound of the table.
  const std::string least = absl::StrFormat("%.15g", rule.least);
  const std::string greatest = absl::StrFormat("%.15g", rule.greatest);
  if (std::isinf(rule.greatest)) {
    return absl::StrCat("must be at least ", least);
  }
  if (rule.least == rule.greatest) return absl::StrCat("must be ", least);
  return absl::StrCat("must be ", rule.above ? "above " : "", least,
                      rule.above ? " and at most " : " to ", greatest);
}

std::string ChoiceSuggestion(absl::string_view value,
                             const std::vector<std::string>& choices) {
  const std::string nearest = NearestName(value, choices);
  const std::string list = absl::StrJoin(choices, ", ");
  if (nearest.empty()) return absl::StrCat("must be one of ", list);
  return absl::StrCat("did you mean \"", nearest, "\"? It must be one of ",
                      list);
}

absl::Status CheckField(const v1::RunConfig& config, const FieldPath& path,
                        const FieldRule& rule) {
  const std::string key = path.key();
  if (!HasValue(config, path)) {
    if (rule.optional) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(key, " is missing; give it a value (",
                     TypeText(*path.field), "), or start from a preset"));
  }
  const std::string value = absl::CEscape(ValueText(config, path));
  if (path.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    if (rule.choices.empty()) return absl::OkStatus();
    for (const std::string& choice : rule.choices) {
      if (choice == value) return absl::OkStatus();
    }
    return Refuse(
        key, value,
        absl::StrCat("unknown; ", ChoiceSuggestion(value, rule.choices)));
  }
  if (path.field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    return absl::OkStatus();
  }
  // Compared as the type that the key has: 0.3f is not 0.3.
  const bool narrow = path.field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT;
  const double least = narrow ? static_cast<float>(rule.least) : rule.least;
  for (const double number : Numbers(config, path)) {
    // Written so that what is not a number fails too.
    const bool fits = number >= least && number <= rule.greatest &&
                      !(rule.above && number == least);
    if (!fits) return Refuse(key, value, RangeText(rule));
  }
  return absl::OkStatus();
}

// Valid UTF-8 (RFC 3629) without control characters: what a proto text and a
// line of a log can hold.
bool IsPrintableUtf8(absl::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = first < 0x80                    ? 1
                          : first >= 0xC2 && first < 0xE0 ? 2
                          : first >= 0xE0 && first < 0xF0 ? 3
                          : first >= 0xF0 && first < 0xF5 ? 4
                                                          : 0;
    if (length == 0 || length > text.size() || first < 0x20 || first == 0x7F) {
      return false;
    }
    for (size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      // Beside the usual range of a continuation, no overlong forms, no
      // surrogates, nothing above U+10FFFF.
      const unsigned least = i > 1           ? 0x80
                             : first == 0xE0 ? 0xA0
                             : first == 0xF0 ? 0x90
                                             : 0x80;
      const unsigned most = i > 1           ? 0xBF
                            : first == 0xED ? 0x9F
                            : first == 0xF4 ? 0x8F
                                            : 0xBF;
      if (next < least || next > most) return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

// A shipped terrain or a path, which the actor opens later.
absl::Status CheckTerrain(const std::string& terrain) {
  static const auto* const kShipped =
      new std::vector<std::string>{"empty", "maze", "cave", "pyramid"};
  for (const std::string& name : *kShipped) {
    if (name == terrain) return absl::OkStatus();
  }
  const std::string shown = absl::CEscape(terrain);
  if (!IsPrintableUtf8(terrain)) {
    return Refuse("env.terrain", shown,
                  "not printable UTF-8; rename the terrain file");
  }
  if (terrain.find_first_of("/.") != std::string::npos) return absl::OkStatus();
  return Refuse(
      "env.terrain", shown,
      absl::StrCat("unknown; ", ChoiceSuggestion(terrain, *kShipped),
                   ", or the path of a terrain file (with a / or .)"));
}

absl::Status CheckTask(const v1::RunConfig& config) {
  const bool point = config.env().task() == "point_mass";
  const bool no_integrator = config.env().integrator() == "none";
  if (point != no_integrator) {
    return Refuse("env.integrator", config.env().integrator(),
                  point ? "env.task = point_mass has no physics; set it to none"
                        : "env.task = ant needs implicitfast or rk4");
  }
  const std::string& backend = config.physics().backend();
  if (backend != "auto" && point != (backend == "none")) {
    return Refuse("physics.backend", config.physics().backend(),
                  point ? "env.task = point_mass has no physics; set it to none"
                        : "env.task = ant needs simd, mujoco or cuda");
  }
  if (point && config.env().frame_skip() != 1) {
    return Refuse("env.frame_skip", config.env().frame_skip(),
                  "env.task = point_mass has no physics steps; set it to 1");
  }
  return absl::OkStatus();
}

// Named sets of entropy.features, and how many features each has.
struct FeatureSet {
  absl::string_view name;
  int count;
};
constexpr FeatureSet kFeatureSets[] = {
    {"xy", 2}, {"xyz", 3}, {"pose", 7}, {"joint", 15}, {"state", 29}};

// The names of coordinates are the task's; the actor knows them.
absl::Status CheckFeatures(const v1::RunConfig& config) {
  const std::string& features = config.entropy().features();
  if (features == "xy" || features == "x,y") return absl::OkStatus();
  const std::string shown = absl::CEscape(features);
  if (config.env().task() == "point_mass") {
    return Refuse("entropy.features", shown,
                  "env.task = point_mass has xy only; set it to xy");
  }
  std::vector<std::string> names;
  for (const FeatureSet& set : kFeatureSets) {
    if (features == set.name) return absl::OkStatus();
    names.emplace_back(set.name);
  }
  const bool list =
      absl::StartsWith(features, "x,y,") &&
      features.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789.*,") ==
          std::string::npos;
  if (list) return absl::OkStatus();
  return Refuse("entropy.features", shown,
                absl::StrCat("unknown; ", ChoiceSuggestion(features, names),
                             ", or a list that begins with x,y, such as "
                             "x,y,z*4"));
}

// A goal, and what belongs to it, or nothing.
absl::Status CheckGoal(const v1::Task& task) {
  if (!task.has_goal()) {
    if (!task.has_radius() && !task.has_critic_warmup() &&
        !task.has_initial_sha256() && !task.has_migrate_after()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "task.goal is missing; name a goal of the terrain, or leave the other "
        "keys of the task away");
  }
  if (task.goal().empty() || !IsPrintableUtf8(task.goal())) {
    return Refuse("task.goal", absl::CEscape(task.goal()),
                  "must be the name of a goal of the terrain");
  }
  if (!task.has_radius() || !task.has_critic_warmup()) {
    return absl::InvalidArgumentError(
        absl::StrCat(task.has_radius() ? "task.critic_warmup" : "task.radius",
                     " is missing; a task needs it"));
  }
  if (task.has_initial_sha256() &&
      !DigestFromHex(task.initial_sha256(), "task.initial_sha256").ok()) {
    return Refuse("task.initial_sha256", absl::CEscape(task.initial_sha256()),
                  "must be 64 hexadecimal digits");
  }
  return absl::OkStatus();
}

// What belongs to an objective, all of it and nothing else.
absl::Status CheckObjective(const v1::RunConfig& config) {
  const bool weighted = config.objective().kind() == "iw_entropy";
  for (const FieldPath& path : FieldPaths()) {
    if (path.group->name() != "objective" || path.field->name() == "kind" ||
        HasValue(config, path) == weighted) {
      continue;
    }
    if (weighted) {
      return absl::InvalidArgumentError(
          absl::StrCat(path.key(),
                       " is missing; objective.kind = iw_entropy needs it, see "
                       "preset point-maze-iw"));
    }
    return Refuse(path.key(), ValueText(config, path),
                  "belongs to objective.kind = iw_entropy; leave it away");
  }
  if (!weighted) return absl::OkStatus();
  const v1::Entropy& entropy = config.entropy();
  if (entropy.pooling() != "collective") {
    return Refuse("entropy.pooling", entropy.pooling(),
                  "objective.kind = iw_entropy reweights the pool of all "
                  "agents; set it to collective");
  }
  if (entropy.window() != 1) {
    return Refuse("entropy.window", entropy.window(),
                  "objective.kind = iw_entropy reweights the samples of one "
                  "policy; set it to 1");
  }
  if (entropy.reward() != "forward") {
    return Refuse("entropy.reward", entropy.reward(),
                  "objective.kind = iw_entropy takes no rewards; set it to "
                  "forward");
  }
  if (config.task().has_goal()) {
    return Refuse("task.goal", absl::CEscape(config.task().goal()),
                  "a task pays rewards, which objective.kind = iw_entropy does "
                  "not take; set that to ppo");
  }
  return absl::OkStatus();
}

absl::Status CheckTrunk(const v1::RunConfig& config) {
  const auto& trunk = config.network().trunk();
  const std::string value = absl::StrJoin(trunk, ",");
  if (trunk.size() > 2) {
    return Refuse("network.trunk", value, "must be one or two widths");
  }
  for (const uint32_t width : trunk) {
    if (width % 16 != 0) {
      return Refuse("network.trunk", value,
                    absl::StrCat(width, " is not a multiple of 16; take ",
                                 (width + 8) / 16 * 16));
    }
  }
  return absl::OkStatus();
}

// Divisor of `count` that is nearest to `wanted`.
uint32_t NearestDivisor(uint32_t count, uint32_t wanted) {
  uint32_t best = 1;
  const auto distance = [&](uint32_t d) {
    return d > wanted ? d - wanted : wanted - d;
  };
  for (uint32_t divisor = 1; divisor <= count; ++divisor) {
    if (count % divisor == 0 && distance(divisor) < distance(best)) {
      best = divisor;
    }
  }
  return best;
}

// Refuses a k or a Theiler window that leaves a sample too few neighbours among
// `particles`, of which at most `excluded`, itself included, are none.
absl::Status CheckNeighbors(const v1::Entropy& entropy, uint64_t particles,
                            uint64_t excluded, absl::string_view whose) {
  if (entropy.k() >= particles) {
    return Refuse(
        "entropy.k", entropy.k(),
        absl::StrCat("must be below the ", particles, " particles ", whose));
  }
  if (entropy.k() + excluded > particles) {
    return Refuse("entropy.theiler_window", entropy.theiler_window(),
                  absl::StrCat("leaves fewer than entropy.k = ", entropy.k(),
                               " neighbours among the ", particles,
                               " particles ", whose));
  }
  return absl::OkStatus();
}

absl::Status CheckPools(const v1::RunConfig& config) {
  const v1::Entropy& entropy = config.entropy();
  const uint32_t agents = config.population().agents();
  const uint64_t samples =
      uint64_t{config.env().count()} * config.env().horizon();
  const uint64_t per_agent = samples / agents;
  // A sample's window is of its own environment, so most of it at most.
  const uint64_t excluded = std::min<uint64_t>(
      2 * uint64_t{entropy.theiler_window()} + 1, config.env().horizon());
  const bool individual = entropy.pooling() == "individual";
  const std::string& reward = entropy.reward();
  const bool marginal = absl::StartsWith(reward, "marginal");
  if (reward == "cross_novelty" || marginal) {
    if (agents < 2 || individual) {
      return Refuse("entropy.reward", reward,
                    "compares agents: needs population.agents of 2 or more, "
                    "and entropy.pooling = collective");
    }
    // Another agent's particles are outside of any window.
    KMYRIAD_RETURN_IF_ERROR(CheckNeighbors(
        entropy, samples - per_agent, marginal ? excluded : 1,
        absl::StrCat("that the other agents have, for entropy.reward = ",
                     reward)));
  }
  if (entropy.divergences()) {
    KMYRIAD_RETURN_IF_ERROR(
        CheckNeighbors(entropy, per_agent, excluded,
                       "of an agent for entropy.divergences = true"));
  }
  return individual ? CheckNeighbors(entropy, per_agent, excluded,
                                     "of an agent's pool (env.count / "
                                     "population.agents * env.horizon)")
                    : CheckNeighbors(entropy, samples, excluded,
                                     "of the pool (env.count * env.horizon)");
}

absl::Status CheckPopulation(const v1::RunConfig& config) {
  const uint32_t envs = config.env().count();
  const uint32_t agents = config.population().agents();
  if (envs % agents != 0) {
    return Refuse("population.agents", agents,
                  absl::StrCat("does not divide env.count = ", envs,
                               "; the nearest number that does is ",
                               NearestDivisor(envs, agents)));
  }
  const uint64_t per_agent = uint64_t{envs / agents} * config.env().horizon();
  if (config.ppo().minibatches() > per_agent) {
    return Refuse("ppo.minibatches", config.ppo().minibatches(),
                  absl::StrCat("more than the ", per_agent,
                               " samples of an agent per epoch (env.count / "
                               "population.agents * env.horizon)"));
  }
  // The entropy service's largest pool.
  constexpr uint64_t kMaxParticles = uint64_t{1} << 24;
  const uint64_t samples = uint64_t{envs} * config.env().horizon();
  if (config.entropy().window() > 1 &&
      samples * config.entropy().window() > kMaxParticles) {
    return Refuse("entropy.window", config.entropy().window(),
                  absl::StrCat("pools more than ", kMaxParticles,
                               " particles; must be at most ",
                               std::max<uint64_t>(kMaxParticles / samples, 1)));
  }
  return CheckPools(config);
}

// Features of a particle, for features that CheckFeatures takes.
int FeatureCount(const std::string& features) {
  for (const FeatureSet& set : kFeatureSets) {
    if (features == set.name) return set.count;
  }
  return static_cast<int>(1 +
                          std::count(features.begin(), features.end(), ','));
}

absl::Status CheckSearch(const v1::Entropy& entropy, uint32_t agents) {
  const int dims = FeatureCount(entropy.features());
  const std::string& engine = entropy.engine();
  if ((engine == "grid" || engine == "cuda_grid") && dims > 3) {
    return Refuse("entropy.engine", engine,
                  absl::StrCat("takes at most 3 features, and "
                               "entropy.features has ",
                               dims, "; use auto"));
  }
  if (entropy.periods_size() != 0 && entropy.periods_size() != dims) {
    return Refuse("entropy.periods", absl::StrJoin(entropy.periods(), ","),
                  absl::StrCat("has ", entropy.periods_size(),
                               " numbers; entropy.features needs ", dims,
                               ", 0 where a feature has no period"));
  }
  if (entropy.divergences() &&
      (agents < 2 || entropy.pooling() == "individual")) {
    return Refuse("entropy.divergences", "true",
                  "compares agents: needs population.agents of 2 or more, and "
                  "entropy.pooling = collective");
  }
  return absl::OkStatus();
}

absl::Status CheckDevice(const std::string& device) {
  absl::string_view index = device;
  uint32_t number;
  const bool numbered =
      absl::ConsumePrefix(&index, "cuda:") &&
      index.find_first_not_of("0123456789") == absl::string_view::npos &&
      absl::SimpleAtoi(index, &number) && number < 64;
  if (device == "cpu" || device == "cuda" || numbered) return absl::OkStatus();
  return Refuse("learner.device", absl::CEscape(device),
                "unknown; must be cpu, cuda or cuda:N with N the number of a "
                "GPU, from 0");
}

}  // namespace

absl::Status ValidateRunConfig(const v1::RunConfig& config) {
  const std::vector<FieldPath>& paths = FieldPaths();
  const std::vector<FieldRule>& rules = FieldRules();
  KMYRIAD_CHECK(paths.size() == rules.size());
  for (size_t i = 0; i < paths.size(); ++i) {
    KMYRIAD_RETURN_IF_ERROR(CheckField(config, paths[i], rules[i]));
  }
  KMYRIAD_RETURN_IF_ERROR(CheckTerrain(config.env().terrain()));
  KMYRIAD_RETURN_IF_ERROR(CheckTask(config));
  KMYRIAD_RETURN_IF_ERROR(CheckFeatures(config));
  KMYRIAD_RETURN_IF_ERROR(CheckTrunk(config));
  KMYRIAD_RETURN_IF_ERROR(CheckPopulation(config));
  KMYRIAD_RETURN_IF_ERROR(
      CheckSearch(config.entropy(), config.population().agents()));
  KMYRIAD_RETURN_IF_ERROR(CheckDevice(config.learner().device()));
  KMYRIAD_RETURN_IF_ERROR(CheckGoal(config.task()));
  KMYRIAD_RETURN_IF_ERROR(CheckObjective(config));
  if (config.rpc().credit_bytes() < config.rpc().batch_bytes()) {
    return Refuse("rpc.credit_bytes", config.rpc().credit_bytes(),
                  absl::StrCat("must be at least rpc.batch_bytes = ",
                               config.rpc().batch_bytes()));
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
