#include "actor/physics/mujoco/compiled_model.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/physics/mujoco/engine_errors.h"

namespace kmyriad {
namespace {

struct SpecDeleter {
  void operator()(mjSpec* spec) const { mj_deleteSpec(spec); }
};

}  // namespace

absl::StatusOr<ModelPointer> CompileModel(const std::string& mjcf) {
  if (mj_version() != mjVERSION_HEADER) {
    return absl::InvalidArgumentError(absl::StrCat(
        "physics: the MuJoCo library has version ", mj_versionString(),
        ", the program was built for ", mjVERSION_HEADER,
        "; run deploy/setup again, or correct mujoco_ROOT"));
  }
  InstallEngineHandlers();
  char error[1000] = "";
  const std::unique_ptr<mjSpec, SpecDeleter> spec(
      mj_parseXMLString(mjcf.c_str(), nullptr, error, sizeof(error)));
  if (spec == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("physics: MuJoCo cannot read the model: ", error));
  }
  ModelPointer model(mj_compile(spec.get(), nullptr));
  if (model == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("physics: MuJoCo cannot compile the model: ",
                     mjs_getError(spec.get())));
  }
  return model;
}

}  // namespace kmyriad
