#include "common/config/run_config.h"

#include <google/protobuf/text_format.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/config/field_table.h"
#include "common/config/presets.h"

namespace kmyriad {
namespace {

// Configurations are a few kilobytes.
constexpr uint64_t kMostFileBytes = 1 << 20;

absl::StatusOr<v1::RunConfig> LoadPreset(const std::string& name) {
  for (const Preset& preset : Presets()) {
    if (name == preset.name) return ParseRunConfig(preset.text, name);
  }
  const std::string nearest = NearestName(name, PresetNames());
  return absl::InvalidArgumentError(absl::StrCat(
      "--preset = ", absl::CEscape(name), ": unknown; ",
      nearest.empty() ? "" : absl::StrCat("did you mean \"", nearest, "\"? "),
      "The presets are ", absl::StrJoin(PresetNames(), ", ")));
}

absl::StatusOr<v1::RunConfig> LoadFile(const std::string& file) {
  const absl::StatusOr<std::string> text =
      PosixFileSystem().Read(file, kMostFileBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--config = ", absl::CEscape(file), ": ", text.status().message(),
        "; give the path of a protobuf text file"));
  }
  return ParseRunConfig(*text, file);
}

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : Presets()) names.emplace_back(preset.name);
  return names;
}

absl::StatusOr<v1::RunConfig> LoadRunConfig(const ConfigSource& source) {
  if (!source.preset.empty() && !source.file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--preset = ", absl::CEscape(source.preset),
                     ": not together with --config; give one of them"));
  }
  const std::string preset =
      source.preset.empty() ? Presets().front().name : source.preset;
  KMYRIAD_ASSIGN_OR_RETURN(v1::RunConfig config, source.file.empty()
                                                     ? LoadPreset(preset)
                                                     : LoadFile(source.file));
  for (const std::string& text : source.overrides) {
    KMYRIAD_RETURN_IF_ERROR(ApplyOverride(text, &config));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidateRunConfig(config));
  ResolveRunConfig(&config);
  return config;
}

void ResolveRunConfig(v1::RunConfig* config) {
  if (config->physics().backend() != "auto") return;
  config->mutable_physics()->set_backend(
      config->env().task() == "point_mass" ? "none" : "simd");
}

std::string FormatRunConfig(const v1::RunConfig& config) {
  std::string text;
  KMYRIAD_CHECK(google::protobuf::TextFormat::PrintToString(config, &text));
  return text;
}

Digest RolloutConfigHash(const v1::RunConfig& config) {
  Sha256 hash;
  const std::vector<FieldRule>& rules = FieldRules();
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!rules[i].rollout) continue;
    // Lengths keep neighbours apart whatever the values hold.
    for (const std::string& part :
         {std::string(rules[i].key), ValueText(config, FieldPaths()[i])}) {
      hash.UpdateInteger(part.size());
      hash.Update(part);
    }
  }
  return hash.Finish();
}

std::vector<ConfigDifference> CompareRunConfigs(const v1::RunConfig& stored,
                                                const v1::RunConfig& wanted) {
  std::vector<ConfigDifference> differences;
  const std::vector<FieldPath>& paths = FieldPaths();
  for (size_t i = 0; i < paths.size(); ++i) {
    const std::string before = ValueText(stored, paths[i]);
    const std::string after = ValueText(wanted, paths[i]);
    if (before == after &&
        HasValue(stored, paths[i]) == HasValue(wanted, paths[i])) {
      continue;
    }
    differences.push_back(
        {paths[i].key(), before, after, FieldRules()[i].effect});
  }
  return differences;
}

absl::Status CheckResumable(const std::vector<ConfigDifference>& differences) {
  std::vector<std::string> fixed;
  for (const ConfigDifference& difference : differences) {
    if (difference.effect != ConfigDifference::Effect::kFixed) continue;
    fixed.push_back(
        absl::StrCat(difference.key, " = ", absl::CEscape(difference.wanted),
                     " (the run has ", absl::CEscape(difference.stored), ")"));
  }
  if (fixed.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      absl::StrJoin(fixed, ", "),
      ": cannot change when a run is resumed; leave it out, or take another "
      "--name"));
}

}  // namespace kmyriad
