#include "tests/testing/temp_dir.h"

#include <cstdlib>

#include "common/base/check.h"
#include "common/base/file_system.h"

namespace kmyriad {

TempDir::TempDir() {
  const char* const parent = std::getenv("TMPDIR");
  path_ = std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") +
          "/kmyriad-XXXXXX";
  KMYRIAD_CHECK(mkdtemp(path_.data()) != nullptr);
}

TempDir::~TempDir() { KMYRIAD_CHECK(PosixFileSystem().RemoveAll(path_).ok()); }

}  // namespace kmyriad
