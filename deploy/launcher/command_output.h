#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMAND_OUTPUT_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMAND_OUTPUT_H_

#include <string>

#include "absl/status/status.h"

namespace kmyriad {

// How the user called this program: "deploy/kmyriad" or "kmyriad".
std::string CommandName();

// `text` as one word of a shell's command line.
std::string ShellWord(const std::string& text);

// One line on stderr, "kmyriad: error: ..."; returns the exit code that goes
// with the status: 78 for INVALID_ARGUMENT, 69 for UNAVAILABLE, 1 otherwise.
int ReportError(const absl::Status& status);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMAND_OUTPUT_H_
