#include "deploy/launcher/command_output.h"

#include <cstdio>
#include <cstdlib>

#include "deploy/launcher/exit_codes.h"

namespace kmyriad {

std::string CommandName() {
  // deploy/kmyriad tells how it was called.
  const char* name = std::getenv("KMYRIAD_COMMAND");
  return name != nullptr && *name != '\0' ? name : "kmyriad";
}

int ReportError(const absl::Status& status) {
  std::fprintf(stderr, "kmyriad: error: %s\n",
               std::string(status.message()).c_str());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kExitConfiguration;
    case absl::StatusCode::kUnavailable:
      return kExitUnreachable;
    default:
      return kExitFailure;
  }
}

}  // namespace kmyriad
