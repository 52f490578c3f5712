#include "deploy/launcher/commands/plot.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/process/exit_codes.h"
#include "common/rpc/message_codec.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/figures.h"
#include "deploy/launcher/run_folder.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {
namespace {

// Elements of an integer tensor of a checkpoint.
template <typename T>
std::vector<double> Elements(const NamedTensor& tensor) {
  std::vector<double> values(tensor.data.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, tensor.data.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

CoverageVisits VisitsOf(const CheckpointContent& content) {
  CoverageVisits visits;
  visits.epoch = content.manifest.epoch();
  for (const NamedTensor& tensor : content.coverage) {
    if (tensor.name == "cell_visits" && tensor.type == TensorType::kUint32) {
      visits.in_epoch = Elements<uint32_t>(tensor);
    } else if (tensor.name == "cell_visits_total" &&
               tensor.type == TensorType::kInt64) {
      visits.in_all = Elements<int64_t>(tensor);
    }
  }
  return visits;
}

std::string Csv(const std::vector<nlohmann::json>& metrics) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : metrics.back().items()) {
    if (value.is_number()) keys.push_back(key);
  }
  std::string text = absl::StrCat(absl::StrJoin(keys, ","), "\n");
  for (const nlohmann::json& line : metrics) {
    std::vector<std::string> row;
    for (const std::string& key : keys) {
      row.push_back(line.contains(key) ? line[key].dump() : "");
    }
    absl::StrAppend(&text, absl::StrJoin(row, ","), "\n");
  }
  return text;
}

// The line of `epoch`, or an empty object.
nlohmann::json LineOf(const std::vector<nlohmann::json>& metrics,
                      uint64_t epoch) {
  for (const nlohmann::json& line : metrics) {
    if (NumberOr(line, "epoch", 0) == static_cast<double>(epoch)) return line;
  }
  return nlohmann::json::object();
}

absl::Status Plot(const PlotOptions& options) {
  FileSystem& files = PosixFileSystem();
  KMYRIAD_RETURN_IF_ERROR(CheckRunName(options.name));
  const std::string folder = JoinPath(options.runs, options.name);
  KMYRIAD_ASSIGN_OR_RETURN(const RunRecord record,
                           ReadRunDirectory(files, folder));
  const auto metrics = ReadMetrics(files, folder);
  if (!metrics.ok() || metrics->empty()) {
    return absl::NotFoundError(absl::StrCat(
        folder, ": no epoch is finished yet; there is nothing to draw"));
  }
  const std::string plots = JoinPath(folder, "plots");
  KMYRIAD_RETURN_IF_ERROR(files.CreateFolders(plots));
  const std::string curves = JoinPath(plots, "curves.png");
  KMYRIAD_RETURN_IF_ERROR(DrawCurves(options.name, *metrics, curves));
  std::printf("%s\n", curves.c_str());
  if (options.csv) {
    const std::string csv = JoinPath(plots, "curves.csv");
    KMYRIAD_RETURN_IF_ERROR(files.AtomicReplace(csv, Csv(*metrics)));
    std::printf("%s\n", csv.c_str());
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const CheckpointContent content,
      LoadCheckpoint(files, JoinPath(JoinPath(folder, "checkpoints"),
                                     record.head.checkpoint())));
  const CoverageVisits visits = VisitsOf(content);
  if (visits.in_epoch.empty()) {
    std::fprintf(stderr, "kmyriad: %s holds no coverage: no map is drawn\n",
                 record.head.checkpoint().c_str());
    return absl::OkStatus();
  }
  KMYRIAD_ASSIGN_OR_RETURN(const EnvironmentSpec spec,
                           FromProto(record.manifest.environment()));
  const std::string coverage = JoinPath(plots, "coverage.png");
  KMYRIAD_RETURN_IF_ERROR(DrawCoverage(
      options.name, spec, visits, LineOf(*metrics, visits.epoch), coverage));
  std::printf("%s\n", coverage.c_str());
  return absl::OkStatus();
}

}  // namespace

int RunPlot(const PlotOptions& options) {
  const absl::Status status = Plot(options);
  if (status.ok()) return kExitDone;
  return ReportError(status);
}

}  // namespace kmyriad
