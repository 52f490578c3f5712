#ifndef KMYRIAD_DEPLOY_LAUNCHER_RUN_FOLDER_H_
#define KMYRIAD_DEPLOY_LAUNCHER_RUN_FOLDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/base/file_system.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

// Default of --runs.
inline constexpr char kRunsFolder[] = "runs";

// INVALID_ARGUMENT unless `name` can be a folder's name: letters, digits,
// '.', '_' and '-', not starting with a dot, at most 100 characters.
absl::Status CheckRunName(const std::string& name);

// True if there is a run in `folder`.
bool RunExists(FileSystem& files, const std::string& folder);

// Lines of a run's metrics.jsonl as they are appended, for progress. The file
// may be missing, and may shrink and grow anew, when a learner restarts or
// restores a checkpoint. Reads what is new, and the whole file only when it was
// written anew; keeps 16 bytes per line. Not thread-safe.
class MetricsTail {
 public:
  // What is there already is not reported.
  explicit MetricsTail(std::string path);
  // New whole lines that are JSON objects, oldest first; also those of epochs
  // that were done once more.
  std::vector<nlohmann::json> Take();

 private:
  // A line that was seen: where it ends, newline included, and its hash.
  struct Line {
    uint64_t end;
    uint64_t hash;
  };
  // Forgets the lines from the first on that `text` does not repeat, which
  // begins where line `first` did.
  void ForgetChanged(absl::string_view text, size_t first);
  uint64_t StartOf(size_t line) const {
    return line == 0 ? 0 : lines_[line - 1].end;
  }

  const std::string path_;
  std::vector<Line> lines_;
};

// All lines of metrics.jsonl, in order; bad ones are left out. NOT_FOUND.
absl::StatusOr<std::vector<nlohmann::json>> ReadMetrics(
    FileSystem& files, const std::string& folder);

// Where the processes of a live run are: endpoints.json.
struct Endpoint {
  std::string process;
  int pid = -1;
  std::string listening;  // empty: serves no RPC
  std::string metrics;    // "HOST:PORT"; empty: none
};
absl::Status WriteEndpoints(FileSystem& files, const std::string& folder,
                            const std::vector<Endpoint>& endpoints);
absl::StatusOr<std::vector<Endpoint>> ReadEndpoints(FileSystem& files,
                                                    const std::string& folder);
// Whether any of these processes exists. The file outlives a launcher that is
// killed; its processes do not.
bool AnyAlive(const std::vector<Endpoint>& endpoints);
void RemoveEndpoints(FileSystem& files, const std::string& folder);

// A number of a JSON object; `fallback` if it is missing or no number.
double NumberOr(const nlohmann::json& object, const std::string& key,
                double fallback);

// {"role": ..., "listening": ..., "metrics": ...}: what a process says of
// itself once it serves.
Endpoint EndpointFromReadyLine(const std::string& process, int pid,
                               const std::string& ready_line);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_RUN_FOLDER_H_
