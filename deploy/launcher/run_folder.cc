#include "deploy/launcher/run_folder.h"

#include <signal.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// One line per epoch, half a KiB each: room for a million epochs.
constexpr uint64_t kMaxMetricsBytes = uint64_t{1} << 30;
constexpr uint64_t kMaxEndpointsBytes = 1 << 20;

std::string EndpointsPath(const std::string& folder) {
  return JoinPath(folder, "endpoints.json");
}

std::string StringOrEmpty(const nlohmann::json& object,
                          const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  return found->get<std::string>();
}

// Objects in `text`, one per line; a last line without end is left alone, and
// `used` is the number of bytes before it.
std::vector<nlohmann::json> ParseLines(absl::string_view text, size_t& used) {
  std::vector<nlohmann::json> objects;
  const size_t end = text.rfind('\n');
  used = end == absl::string_view::npos ? 0 : end + 1;
  for (const absl::string_view line :
       absl::StrSplit(text.substr(0, used), '\n', absl::SkipEmpty())) {
    auto object =
        nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
    if (object.is_object()) objects.push_back(std::move(object));
  }
  return objects;
}

// Bytes of a file from an offset to its end; empty if there are none.
std::string ReadFrom(const std::string& path, uint64_t offset) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? std::streamoff(file.tellg()) : 0;
  if (size < 0 || static_cast<uint64_t>(size) <= offset ||
      static_cast<uint64_t>(size) - offset > kMaxMetricsBytes) {
    return "";
  }
  std::string text(static_cast<uint64_t>(size) - offset, '\0');
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

uint64_t HashOf(absl::string_view line) {
  return std::hash<std::string_view>()({line.data(), line.size()});
}

}  // namespace

absl::Status CheckRunName(const std::string& name) {
  bool good = !name.empty() && name.size() <= 100 && name[0] != '.';
  for (const char c : name) {
    good = good && (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                    c == '.' || c == '_' || c == '-');
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--name = ", name,
      ": not a name for a folder; use letters, digits, '.', '_' and '-'"));
}

bool RunExists(FileSystem& files, const std::string& folder) {
  return files.Exists(JoinPath(folder, "manifest.json"));
}

MetricsTail::MetricsTail(std::string path) : path_(std::move(path)) { Take(); }

void MetricsTail::ForgetChanged(absl::string_view text, size_t first) {
  const uint64_t start = StartOf(first);
  for (size_t i = first; i < lines_.size(); ++i) {
    const uint64_t from = StartOf(i) - start;
    const uint64_t end = lines_[i].end - start;
    if (end > text.size() ||
        HashOf(text.substr(from, end - from)) != lines_[i].hash) {
      lines_.resize(i);
      return;
    }
  }
}

std::vector<nlohmann::json> MetricsTail::Take() {
  // From the last line that is known: if it has changed, more may have.
  const size_t known = lines_.size();
  const size_t last = known == 0 ? 0 : known - 1;
  uint64_t start = StartOf(last);
  std::string text = ReadFrom(path_, start);
  ForgetChanged(text, last);
  if (lines_.size() < known && last > 0) {
    start = 0;
    text = ReadFrom(path_, start);
    ForgetChanged(text, 0);
  }
  size_t at = static_cast<size_t>(StartOf(lines_.size()) - start);
  size_t used = 0;
  std::vector<nlohmann::json> objects =
      ParseLines(absl::string_view(text).substr(at), used);
  for (size_t end; (end = text.find('\n', at)) != std::string::npos;) {
    ++end;
    lines_.push_back(
        {start + end, HashOf(absl::string_view(text).substr(at, end - at))});
    at = end;
  }
  return objects;
}

absl::StatusOr<std::vector<nlohmann::json>> ReadMetrics(
    FileSystem& files, const std::string& folder) {
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::string text,
      files.Read(JoinPath(folder, "metrics.jsonl"), kMaxMetricsBytes));
  size_t used = 0;
  return ParseLines(text, used);
}

absl::Status WriteEndpoints(FileSystem& files, const std::string& folder,
                            const std::vector<Endpoint>& endpoints) {
  nlohmann::json processes = nlohmann::json::array();
  for (const Endpoint& endpoint : endpoints) {
    processes.push_back({{"process", endpoint.process},
                         {"pid", endpoint.pid},
                         {"listening", endpoint.listening},
                         {"metrics", endpoint.metrics}});
  }
  const nlohmann::json root = {{"processes", processes}};
  return files.AtomicReplace(EndpointsPath(folder), root.dump(2) + "\n");
}

absl::StatusOr<std::vector<Endpoint>> ReadEndpoints(FileSystem& files,
                                                    const std::string& folder) {
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::string text,
      files.Read(EndpointsPath(folder), kMaxEndpointsBytes));
  const auto root = nlohmann::json::parse(text, nullptr, false);
  if (!root.is_object() || !root.contains("processes") ||
      !root["processes"].is_array()) {
    return absl::DataLossError(
        absl::StrCat(EndpointsPath(folder), " is damaged"));
  }
  std::vector<Endpoint> endpoints;
  for (const auto& process : root["processes"]) {
    if (!process.is_object()) continue;
    endpoints.push_back({StringOrEmpty(process, "process"),
                         static_cast<int>(NumberOr(process, "pid", -1)),
                         StringOrEmpty(process, "listening"),
                         StringOrEmpty(process, "metrics")});
  }
  return endpoints;
}

bool AnyAlive(const std::vector<Endpoint>& endpoints) {
  return std::any_of(endpoints.begin(), endpoints.end(),
                     [](const Endpoint& endpoint) {
                       return endpoint.pid > 0 &&
                              (kill(endpoint.pid, 0) == 0 || errno == EPERM);
                     });
}

void RemoveEndpoints(FileSystem& files, const std::string& folder) {
  files.RemoveAll(EndpointsPath(folder)).IgnoreError();
}

double NumberOr(const nlohmann::json& object, const std::string& key,
                double fallback) {
  if (!object.is_object()) return fallback;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return fallback;
  return found->get<double>();
}

Endpoint EndpointFromReadyLine(const std::string& process, int pid,
                               const std::string& ready_line) {
  Endpoint endpoint{process, pid, "", ""};
  const auto json = nlohmann::json::parse(ready_line, nullptr, false);
  if (!json.is_object()) return endpoint;
  endpoint.listening = StringOrEmpty(json, "listening");
  endpoint.metrics = StringOrEmpty(json, "metrics");
  return endpoint;
}

}  // namespace kmyriad
