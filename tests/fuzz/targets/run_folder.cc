// What the launcher reads: files of a run and lines of its processes.
#include "deploy/launcher/run_folder.h"

#include <fstream>
#include <string>

#include "common/base/check.h"
#include "common/base/file_system.h"
#include "deploy/launcher/progress.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/testing/simulated_disk.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

// The tail of a run's metrics follows a real file.
void Write(const std::string& path, absl::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
}

}  // namespace

void RunInput(absl::string_view bytes) {
  FuzzInput input(bytes);
  SimulatedDisk disk;
  static const TempDir folder;
  const std::string metrics = folder.File("metrics.jsonl");
  KMYRIAD_CHECK(disk.WriteAndSync("/endpoints.json", input.Frame()).ok());
  Write(metrics, input.Frame());
  MetricsTail tail(metrics);
  const auto endpoints = ReadEndpoints(disk, "/");
  if (endpoints.ok()) {
    KMYRIAD_CHECK(WriteEndpoints(disk, "/", *endpoints).ok());
    KMYRIAD_CHECK(ReadEndpoints(disk, "/")->size() == endpoints->size());
  }
  EndpointFromReadyLine("learner", 1, std::string(input.Frame()));
  CheckRunName(std::string(input.Frame())).IgnoreError();
  Write(metrics, input.Rest());
  std::vector<nlohmann::json> lines = tail.Take();
  const auto all = ReadMetrics(PosixFileSystem(), folder.path());
  KMYRIAD_CHECK(all.ok() && all->size() >= lines.size());
  for (const nlohmann::json& line : *all) {
    EpochLine(line, 10, 1);
    ProgressState state;
    state.metrics = line;
    TerminalLines(state, {});
  }
}

std::vector<std::string> Seeds() {
  const std::string line =
      "{\"epoch\":1,\"entropy_nats\":1.5,\"coverage\":0.5,\"samples\":"
      "{\"applied\":200},\"seconds\":{\"total\":1.5},\"env_steps\":200}\n";
  return {FrameOf("{\"processes\":[{\"process\":\"learner\",\"pid\":7,"
                  "\"listening\":\"unix:/a\",\"metrics\":\"127.0.0.1:1\"}]}") +
              FrameOf(line) +
              FrameOf("{\"role\":\"learner\",\"listening\":\"unix:/a\"}") +
              FrameOf("name") + line + line,
          FrameOf("{}") + FrameOf("") + FrameOf("[]") + FrameOf("..") + "{}\n"};
}

}  // namespace kmyriad
