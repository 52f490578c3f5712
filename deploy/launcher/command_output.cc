#include "deploy/launcher/command_output.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/process/exit_codes.h"

namespace kmyriad {

std::string CommandName() {
  // deploy/kmyriad tells how it was called.
  const char* name = std::getenv("KMYRIAD_COMMAND");
  return name != nullptr && *name != '\0' ? name : "kmyriad";
}

std::string ShellWord(const std::string& text) {
  constexpr char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "_-+./:@%,=";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) {
    return text;
  }
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
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
