#ifndef KMYRIAD_COMMON_CONFIG_RUN_CONFIG_H_
#define KMYRIAD_COMMON_CONFIG_RUN_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/digest.h"
#include "kmyriad/v1/run_config.pb.h"

namespace kmyriad {

// Where a configuration comes from; later entries win: preset or file, then
// overrides.
struct ConfigSource {
  // Name of a preset, e.g. "ant-maze"; empty if `file` is given.
  std::string preset;
  // Path of a protobuf text file.
  std::string file;
  // Entries "group.key=value" of --set, in order.
  std::vector<std::string> overrides;
};

// All errors below are INVALID_ARGUMENT, one line: the key, the value (with
// file and line where there is one) and the mend; unknown keys name the
// nearest valid one.

// Names of the presets, which are built in from deploy/presets/*.textproto.
std::vector<std::string> PresetNames();

// Loads, applies the overrides, validates and resolves.
absl::StatusOr<v1::RunConfig> LoadRunConfig(const ConfigSource& source);

// Parses protobuf text format; `name` stands in messages.
absl::StatusOr<v1::RunConfig> ParseRunConfig(absl::string_view text,
                                             absl::string_view name);

// Applies one "group.key=value". Repeated fields: "network.trunk=512,256".
absl::Status ApplyOverride(absl::string_view override_text,
                           v1::RunConfig* config);

// Every field present and in range, and the relations between fields (m
// divides n, k < N, minibatches, T >= 1, ...).
absl::Status ValidateRunConfig(const v1::RunConfig& config);

// Replaces `auto` by what it stands for, so that a run says what it used and
// all its processes agree: physics.backend = simd for the Ant, whose model is
// within what the stepper knows, none for a task without physics. It depends on
// the configuration alone, never on the machine. `config` is valid.
void ResolveRunConfig(v1::RunConfig* config);

// Text format with the fields in a fixed order, as resolved.textproto holds
// it.
std::string FormatRunConfig(const v1::RunConfig& config);

// SHA-256 over the fields that a segment depends on (Hello.config_hash).
Digest RolloutConfigHash(const v1::RunConfig& config);

// What changes between a stored and a new configuration on resume.
struct ConfigDifference {
  enum class Effect { kFree, kRecorded, kFixed };
  std::string key;
  std::string stored;
  std::string wanted;
  Effect effect = Effect::kFixed;
};
std::vector<ConfigDifference> CompareRunConfigs(const v1::RunConfig& stored,
                                                const v1::RunConfig& wanted);

// FAILED_PRECONDITION naming every fixed difference and the mend (another
// name), OK if there is none.
absl::Status CheckResumable(const std::vector<ConfigDifference>& differences);

// Nearest of `candidates` by edit distance, empty if none is near.
std::string NearestName(absl::string_view name,
                        const std::vector<std::string>& candidates);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_CONFIG_RUN_CONFIG_H_
