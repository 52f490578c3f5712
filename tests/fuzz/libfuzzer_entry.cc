// What libFuzzer calls.
#include <cstddef>
#include <cstdint>

#include "common/base/logging.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  // Warnings about what is refused would fill the log.
  kmyriad::InitLogging({"fuzz", "/dev/null", kmyriad::LogLevel::kError});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kmyriad::RunInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
