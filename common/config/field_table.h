#ifndef KMYRIAD_COMMON_CONFIG_FIELD_TABLE_H_
#define KMYRIAD_COMMON_CONFIG_FIELD_TABLE_H_

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/run_config.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace kmyriad {

// What is known of one key besides its type, which the proto tells; the same
// facts as the comments of proto/kmyriad/v1/run_config.proto.
struct FieldRule {
  using Effect = ConfigDifference::Effect;

  const char* key;
  // Whether a segment depends on it: part of RolloutConfigHash.
  bool rollout = false;
  Effect effect = Effect::kFixed;
  // Numbers: least and greatest value; `above`: the least one is excluded.
  double least = 0;
  double greatest = std::numeric_limits<double>::infinity();
  bool above = false;
  // Texts: the valid ones; empty if they are checked in another way.
  std::vector<std::string> choices = {};
  // May be absent.
  bool optional = false;
};

// One rule per key, in the order of the proto.
const std::vector<FieldRule>& FieldRules();

// A key of RunConfig: the descriptors of group and field.
struct FieldPath {
  const google::protobuf::FieldDescriptor* group = nullptr;
  const google::protobuf::FieldDescriptor* field = nullptr;
  std::string key() const { return group->name() + "." + field->name(); }
};

// Every key of RunConfig, in the order of the proto.
const std::vector<FieldPath>& FieldPaths();
// Null if there is no such key.
const FieldPath* FindFieldPath(absl::string_view key);

// Whether the key has a value; for repeated keys, at least one element.
bool HasValue(const v1::RunConfig& config, const FieldPath& path);
// The value as --set takes it: shortest digits that give the same number
// again, elements joined by commas; empty if there is no value.
std::string ValueText(const v1::RunConfig& config, const FieldPath& path);
// Values of a numeric key: one, or the elements.
std::vector<double> Numbers(const v1::RunConfig& config, const FieldPath& path);

// "a whole number", "a number", "true or false" or "a text".
const char* TypeText(const google::protobuf::FieldDescriptor& field);

// `; did you mean "env.terrain"?` for a wrong key, empty if none is near.
std::string KeySuggestion(absl::string_view key);

// Sets the key from a text as --set takes it. The message names key, value and
// mend.
absl::Status SetValue(const FieldPath& path, absl::string_view value,
                      v1::RunConfig* config);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_CONFIG_FIELD_TABLE_H_
