// kmyriad-device-benchmark: env steps per second of the kernels on this
// machine's GPU, one JSON object per line. Exits with 77 where there is none.
#include <cstdio>

#include "tests/gpu/device_benchmark.h"

namespace kmyriad {
namespace {

int Main() {
  const auto device = CreateCudaStepDevice();
  if (!device.ok()) {
    std::printf("nothing was measured: %s\n",
                std::string(device.status().message()).c_str());
    return 77;
  }
  for (const char* integrator : {"implicitfast", "rk4"}) {
    for (const char* terrain : {"empty", "maze", "cave", "pyramid"}) {
      for (const uint32_t envs : {1024u, 4096u, 32768u}) {
        const auto result = RunDeviceBenchmark(
            {.terrain = terrain, .integrator = integrator, .envs = envs},
            **device, &CreateCudaSegmentDevice);
        if (!result.ok()) {
          std::fprintf(stderr, "kmyriad-device-benchmark: error: %s\n",
                       std::string(result.status().message()).c_str());
          return 1;
        }
        std::printf("%s\n", result->dump().c_str());
        std::fflush(stdout);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace kmyriad

int main() { return kmyriad::Main(); }
