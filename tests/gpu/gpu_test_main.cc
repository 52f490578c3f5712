// main of tests that need a GPU (kmyriad_cc_test, ON_GPU): exits with 77, which
// ctest takes for skipped, where there is none.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "common/device/cuda/cuda_device.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const absl::Status status = kmyriad::CheckCudaDevice();
  if (!status.ok()) {
    std::printf("nothing was tested: %s\n",
                std::string(status.message()).c_str());
    return 77;
  }
  return RUN_ALL_TESTS();
}
