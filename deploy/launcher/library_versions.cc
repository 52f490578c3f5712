#include "deploy/launcher/library_versions.h"

#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "google/protobuf/stubs/common.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

nlohmann::json LibraryVersions() {
  return {{"compiler", BuildCompiler()},
          {"gRPC", grpc::Version()},
          {"Protobuf",
           google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION)},
          {"LibTorch", KMYRIAD_TORCH_VERSION},
          {"MuJoCo", KMYRIAD_MUJOCO_VERSION}};
}

std::string TorchFolder() { return KMYRIAD_TORCH_FOLDER; }

}  // namespace kmyriad
