// What the launcher reads: files of a run and lines of its processes.
#include "deploy/launcher/run_folder.h"

#include <string>

#include "common/base/check.h"
#include "deploy/launcher/progress.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/testing/simulated_disk.h"

namespace kmyriad {

void RunInput(absl::string_view bytes) {
  FuzzInput input(bytes);
  SimulatedDisk disk;
  const std::string metrics = "/metrics.jsonl";
  KMYRIAD_CHECK(disk.WriteAndSync("/endpoints.json", input.Frame()).ok());
  KMYRIAD_CHECK(disk.WriteAndSync(metrics, input.Frame()).ok());
  MetricsTail tail(disk, metrics);
  const auto endpoints = ReadEndpoints(disk, "/");
  if (endpoints.ok()) {
    KMYRIAD_CHECK(WriteEndpoints(disk, "/", *endpoints).ok());
    KMYRIAD_CHECK(ReadEndpoints(disk, "/")->size() == endpoints->size());
  }
  EndpointFromReadyLine("learner", 1, std::string(input.Frame()));
  CheckRunName(std::string(input.Frame())).IgnoreError();
  KMYRIAD_CHECK(disk.WriteAndSync(metrics, input.Rest()).ok());
  std::vector<nlohmann::json> lines = tail.Take();
  const auto all = ReadMetrics(disk, "/");
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
