#include "common/config/field_table.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kmyriad {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

constexpr auto kFree = ConfigDifference::Effect::kFree;
constexpr auto kRecorded = ConfigDifference::Effect::kRecorded;
constexpr auto kFixed = ConfigDifference::Effect::kFixed;

// Epochs are counted in 32 bits of the random numbers' counter.
constexpr double kMostEpochs = 1e9;

std::vector<FieldRule> MakeRules() {
  return {
      {.key = "run.seed", .rollout = true},
      {.key = "run.epochs",
       .effect = kFree,
       .least = 1,
       .greatest = kMostEpochs},
      {.key = "env.task", .rollout = true, .choices = {"ant", "point_mass"}},
      {.key = "env.terrain", .rollout = true},
      {.key = "env.count", .rollout = true, .least = 1, .greatest = 65536},
      {.key = "env.horizon", .rollout = true, .least = 1, .greatest = 10000},
      {.key = "env.frame_skip", .rollout = true, .least = 1, .greatest = 100},
      {.key = "env.integrator",
       .rollout = true,
       .choices = {"implicitfast", "rk4", "none"}},
      {.key = "env.action_scale",
       .rollout = true,
       .greatest = 1,
       .above = true},
      {.key = "schedule.epochs", .least = 1, .greatest = kMostEpochs},
      {.key = "population.agents",
       .rollout = true,
       .least = 1,
       .greatest = 65536},
      {.key = "network.trunk", .rollout = true, .least = 16, .greatest = 1024},
      {.key = "network.activation",
       .rollout = true,
       .choices = {"relu", "tanh"}},
      {.key = "network.initial_log_std", .least = -2.5, .greatest = 0.5},
      {.key = "network.head_noise", .greatest = 1},
      {.key = "objective.kind", .choices = {"ppo"}},
      {.key = "ppo.learning_rate", .greatest = 1},
      {.key = "ppo.critic_learning_rate", .greatest = 1},
      {.key = "ppo.clip", .greatest = 1, .above = true},
      {.key = "ppo.epochs", .least = 1, .greatest = 100},
      {.key = "ppo.minibatches", .least = 1},
      {.key = "ppo.gamma", .greatest = 1},
      {.key = "ppo.lambda", .greatest = 1},
      {.key = "ppo.kl_stop", .greatest = 1000},
      {.key = "ppo.max_grad_norm", .greatest = 1e6, .above = true},
      {.key = "ppo.critic_max_grad_norm", .greatest = 1e6, .above = true},
      {.key = "ppo.entropy_coefficient", .greatest = 10},
      {.key = "ppo.normalize_advantages"},
      {.key = "entropy.k", .least = 1},
      {.key = "entropy.features", .rollout = true, .choices = {"xy"}},
      {.key = "entropy.reward", .choices = {"forward", "shuffled"}},
      {.key = "entropy.pooling", .choices = {"collective", "individual"}},
      {.key = "entropy.window", .least = 1, .greatest = 1},
      {.key = "entropy.floor", .greatest = 1000, .above = true},
      {.key = "physics.backend",
       .rollout = true,
       .choices = {"mujoco", "none"}},
      {.key = "physics.threads", .effect = kFree, .greatest = 1024},
      {.key = "actors.count", .effect = kFree, .least = 1, .greatest = 256},
      {.key = "checkpoint.every",
       .effect = kFree,
       .least = 1,
       .greatest = kMostEpochs},
      {.key = "checkpoint.keep", .effect = kFree, .greatest = kMostEpochs},
      {.key = "learner.device", .effect = kRecorded},
      {.key = "learner.threads", .effect = kRecorded, .greatest = 1024},
      {.key = "learner.precision",
       .effect = kRecorded,
       .choices = {"fp32", "bf16"}},
      {.key = "rpc.heartbeat_seconds",
       .effect = kFree,
       .least = 0.05,
       .greatest = 60},
      {.key = "rpc.credit_bytes",
       .effect = kFree,
       .least = 64 << 10,
       .greatest = 1 << 30},
      {.key = "rpc.batch_bytes",
       .effect = kFree,
       .least = 4 << 10,
       .greatest = 8 << 20},
      {.key = "rpc.min_lease_seconds",
       .effect = kFree,
       .least = 0.05,
       .greatest = 3600},
  };
}

const Message& GroupOf(const v1::RunConfig& config, const FieldPath& path) {
  return config.GetReflection()->GetMessage(config, path.group);
}

// Shortest digits that are read back as the same number.
template <typename T>
std::string Digits(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

std::string ElementText(const Message& group, const FieldDescriptor& field,
                        int index) {
  const Reflection& access = *group.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(repeated
                              ? access.GetRepeatedUInt32(group, &field, index)
                              : access.GetUInt32(group, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(access.GetUInt64(group, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Digits(access.GetFloat(group, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Digits(access.GetDouble(group, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return access.GetBool(group, &field) ? "true" : "false";
    default:
      return access.GetString(group, &field);
  }
}

double ElementNumber(const Message& group, const FieldDescriptor& field,
                     int index) {
  const Reflection& access = *group.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return field.is_repeated()
                 ? access.GetRepeatedUInt32(group, &field, index)
                 : access.GetUInt32(group, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(access.GetUInt64(group, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return access.GetFloat(group, &field);
    default:
      return access.GetDouble(group, &field);
  }
}

int ElementCount(const Message& group, const FieldDescriptor& field) {
  const Reflection& access = *group.GetReflection();
  if (field.is_repeated()) return access.FieldSize(group, &field);
  return access.HasField(group, &field) ? 1 : 0;
}

std::vector<FieldPath> MakePaths() {
  std::vector<FieldPath> paths;
  const Descriptor* const top = v1::RunConfig::descriptor();
  for (int i = 0; i < top->field_count(); ++i) {
    const FieldDescriptor* const group = top->field(i);
    const Descriptor* const fields = group->message_type();
    for (int j = 0; j < fields->field_count(); ++j) {
      paths.push_back({group, fields->field(j)});
    }
  }
  return paths;
}

}  // namespace

const std::vector<FieldRule>& FieldRules() {
  static const auto* const rules = new std::vector<FieldRule>(MakeRules());
  return *rules;
}

const std::vector<FieldPath>& FieldPaths() {
  static const auto* const paths = new std::vector<FieldPath>(MakePaths());
  return *paths;
}

const FieldPath* FindFieldPath(absl::string_view key) {
  for (const FieldPath& path : FieldPaths()) {
    if (path.key() == key) return &path;
  }
  return nullptr;
}

bool HasValue(const v1::RunConfig& config, const FieldPath& path) {
  return ElementCount(GroupOf(config, path), *path.field) > 0;
}

std::string ValueText(const v1::RunConfig& config, const FieldPath& path) {
  const Message& group = GroupOf(config, path);
  std::vector<std::string> elements;
  for (int i = 0; i < ElementCount(group, *path.field); ++i) {
    elements.push_back(ElementText(group, *path.field, i));
  }
  return absl::StrJoin(elements, ",");
}

std::vector<double> Numbers(const v1::RunConfig& config,
                            const FieldPath& path) {
  const Message& group = GroupOf(config, path);
  std::vector<double> numbers;
  for (int i = 0; i < ElementCount(group, *path.field); ++i) {
    numbers.push_back(ElementNumber(group, *path.field, i));
  }
  return numbers;
}

const char* TypeText(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return field.is_repeated() ? "a list of whole numbers" : "a whole number";
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    default:
      return "a text";
  }
}

std::string KeySuggestion(absl::string_view key) {
  std::vector<std::string> keys;
  const std::string leaf(key.substr(key.rfind('.') + 1));
  for (const FieldPath& path : FieldPaths()) {
    // The right name in the wrong group, or in none, is the likeliest slip.
    if (path.field->name() == leaf) {
      return absl::StrCat("; did you mean \"", path.key(), "\"?");
    }
    // The first key of a group brings the group's own name.
    if (path.field->index() == 0) keys.push_back(path.group->name());
    keys.push_back(path.key());
  }
  const std::string nearest = NearestName(key, keys);
  if (nearest.empty()) return "";
  return absl::StrCat("; did you mean \"", nearest, "\"?");
}

}  // namespace kmyriad
