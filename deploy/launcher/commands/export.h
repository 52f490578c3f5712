#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_EXPORT_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_EXPORT_H_

#include <string>
#include <vector>

namespace kmyriad {

struct ExportOptions {
  // A run's folder or name, or a checkpoint's folder.
  std::string target;
  std::string runs;
  // "all" or "best:N".
  std::string agents = "all";
  // "safetensors", "onnx".
  std::vector<std::string> formats = {"safetensors", "onnx"};
  // Folder to write; empty: RUN/export/CHECKPOINT.
  std::string out;
};

// `kmyriad export`: writes agents' policies for other programs (policy_graph.h)
// with the contract that they were trained under, and observations with this
// build's answers to check a reader against. The best agents are those whose
// mean actions reach the most coverage cells in four fresh episodes. A former
// export in the folder is replaced as a whole. Returns the exit code.
int RunExport(const ExportOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_EXPORT_H_
