#include "common/base/build_info.h"

#include "kmyriad_revision.h"

namespace kmyriad {

std::string BuildVersion() { return KMYRIAD_VERSION; }

std::string BuildRevision() { return KMYRIAD_REVISION; }

std::string BuildCompiler() {
#if defined(__clang__)
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "GCC " __VERSION__;
#endif
#if defined(NDEBUG)
  return compiler + ", optimised";
#else
  return compiler + ", debug";
#endif
}

}  // namespace kmyriad
