#include "common/config/field_table.h"

#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kmyriad {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

using Effect = ConfigDifference::Effect;

constexpr Effect kFree = Effect::kFree;
constexpr Effect kRecorded = Effect::kRecorded;
constexpr Effect kFixed = Effect::kFixed;

// Epochs are counted in 32 bits of the random numbers' counter.
constexpr double kMostEpochs = 1e9;

// Rule of a text with a list of valid ones.
FieldRule Text(const char* key, bool rollout, Effect effect,
               std::vector<std::string> choices) {
  FieldRule rule{key, rollout, effect};
  rule.choices = std::move(choices);
  return rule;
}

// `rule` of a key that may be absent.
FieldRule Optional(FieldRule rule) {
  rule.optional = true;
  return rule;
}

// Columns: key, part of the rollout, effect, least, greatest, above.
std::vector<FieldRule> MakeRules() {
  return {
      {"run.seed", true, kFixed},
      {"run.epochs", false, kFree, 1, kMostEpochs},
      Text("env.task", true, kFixed, {"ant", "point_mass"}),
      {"env.terrain", true, kFixed},
      {"env.count", true, kFixed, 1, 131072},
      {"env.horizon", true, kFixed, 1, 10000},
      {"env.frame_skip", true, kFixed, 1, 100},
      Text("env.integrator", true, kFixed, {"implicitfast", "rk4", "none"}),
      {"env.action_scale", true, kFixed, 0, 1, true},
      {"schedule.epochs", false, kFixed, 1, kMostEpochs},
      {"population.agents", true, kFixed, 1, 65536},
      {"network.trunk", true, kFixed, 16, 1024},
      Text("network.activation", true, kFixed, {"relu", "tanh"}),
      {"network.initial_log_std", false, kFixed, -2.5, 0.5},
      {"network.head_noise", false, kFixed, 0, 1},
      Text("objective.kind", false, kFixed, {"ppo", "iw_entropy"}),
      Optional({"objective.learning_rate", false, kFixed, 0, 1}),
      Optional({"objective.steps", false, kFixed, 1, 100}),
      Optional({"objective.state_kl", false, kFixed, 0, 1000, true}),
      Optional({"objective.policy_kl", false, kFixed, 0, 1000, true}),
      Optional({"objective.effective_share", false, kFixed, 0, 0.999}),
      Optional(
          Text("objective.form", false, kFixed, {"self_normalized", "mepol"})),
      {"ppo.learning_rate", false, kFixed, 0, 1},
      {"ppo.critic_learning_rate", false, kFixed, 0, 1},
      {"ppo.clip", false, kFixed, 0, 1, true},
      {"ppo.epochs", false, kFixed, 1, 100},
      {"ppo.minibatches", false, kFixed, 1},
      {"ppo.gamma", false, kFixed, 0, 1},
      {"ppo.lambda", false, kFixed, 0, 1},
      {"ppo.kl_stop", false, kFixed, 0, 1000},
      {"ppo.max_grad_norm", false, kFixed, 0, 1e6, true},
      {"ppo.critic_max_grad_norm", false, kFixed, 0, 1e6, true},
      {"ppo.entropy_coefficient", false, kFixed, 0, 10},
      {"ppo.normalize_advantages", false, kFixed},
      {"entropy.k", false, kFixed, 1},
      {"entropy.features", true, kFixed},
      Text(
          "entropy.reward", false, kFixed,
          {"forward", "apt", "selfnorm_reverse", "mepol_exact", "cross_novelty",
           "marginal", "marginal_uniform", "marginal_shuffled", "shuffled"}),
      Text("entropy.pooling", false, kFixed, {"collective", "individual"}),
      {"entropy.window", false, kFixed, 1, 64},
      {"entropy.floor", false, kFixed, 0, 1000, true},
      Optional({"entropy.theiler_window", false, kFixed, 0, 9999}),
      Optional(Text("entropy.engine", false, kFree,
                    {"auto", "grid", "kd_tree", "brute_force", "cuda_grid",
                     "cuda_brute_force"})),
      Optional({"entropy.periods", false, kFixed, 0, 1000}),
      Optional({"entropy.divergences", false, kFree}),
      Text("physics.backend", true, kFixed,
           {"auto", "simd", "mujoco", "cuda", "none"}),
      {"physics.threads", false, kFree, 0, 1024},
      {"actors.count", false, kFree, 1, 256},
      {"checkpoint.every", false, kFree, 1, kMostEpochs},
      {"checkpoint.keep", false, kFree, 0, kMostEpochs},
      {"learner.device", false, kRecorded},
      {"learner.threads", false, kRecorded, 0, 1024},
      Text("learner.precision", false, kRecorded, {"fp32", "bf16"}),
      {"rpc.heartbeat_seconds", false, kFree, 0.05, 60},
      {"rpc.credit_bytes", false, kFree, 64 << 10, 1 << 30},
      {"rpc.batch_bytes", false, kFree, 4 << 10, 8 << 20},
      {"rpc.min_lease_seconds", false, kFree, 0.05, 3600},
      Optional({"task.goal", false, kFixed}),
      Optional({"task.radius", false, kFixed, 0, 100, true}),
      Optional({"task.critic_warmup", false, kFixed, 0, 1e6}),
      Optional({"task.initial_sha256", false, kFixed}),
      Optional({"task.migrate_after", false, kFixed, 1, 1e6}),
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
      return Digits(repeated ? access.GetRepeatedFloat(group, &field, index)
                             : access.GetFloat(group, &field));
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
      return field.is_repeated() ? access.GetRepeatedFloat(group, &field, index)
                                 : access.GetFloat(group, &field);
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
      return field.is_repeated() ? "a list of numbers" : "a number";
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
