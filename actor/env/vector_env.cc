#include "actor/env/vector_env.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/env/tasks/ant.h"
#include "actor/env/tasks/point_mass.h"
#include "common/base/check.h"

namespace kmyriad {
namespace {

absl::Status Wrong(absl::string_view key, absl::string_view value,
                   absl::string_view mend) {
  return absl::InvalidArgumentError(
      absl::StrCat(key, " = ", value, ": ", mend));
}

absl::Status Validate(const VectorEnvOptions& options) {
  if (options.horizon < 1 || options.horizon >= (1u << 24)) {
    return Wrong("env.horizon", absl::StrCat(options.horizon),
                 "must be 1 to 16777215 steps");
  }
  if (options.frame_skip < 1 || options.frame_skip > 1000) {
    return Wrong("env.frame_skip", absl::StrCat(options.frame_skip),
                 "must be 1 to 1000 physics steps");
  }
  if (!(options.action_scale > 0 && options.action_scale <= 1)) {
    return Wrong("env.action_scale", absl::StrCat(options.action_scale),
                 "must be above 0 and at most 1");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const EnvironmentModel>>
EnvironmentModel::Create(const VectorEnvOptions& options) {
  if (absl::Status status = Validate(options); !status.ok()) return status;
  if (options.task == "ant") return CreateAntModel(options);
  if (options.task == "point_mass") return CreatePointMassModel(options);
  return Wrong("env.task", options.task, "must be ant or point_mass");
}

absl::StatusOr<std::unique_ptr<VectorEnv>> VectorEnv::Create(
    std::shared_ptr<const EnvironmentModel> model) {
  KMYRIAD_CHECK(model != nullptr);
  return model->CreateBlock();
}

}  // namespace kmyriad
