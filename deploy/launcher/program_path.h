#ifndef KMYRIAD_DEPLOY_LAUNCHER_PROGRAM_PATH_H_
#define KMYRIAD_DEPLOY_LAUNCHER_PROGRAM_PATH_H_

#include <unistd.h>

#include <string>

namespace kmyriad {

// Path of a program of ours: it lies beside this one.
inline std::string ProgramPath(const std::string& program) {
  char path[4096];
  const ssize_t bytes = readlink("/proc/self/exe", path, sizeof(path));
  const std::string self(path, bytes > 0 ? static_cast<size_t>(bytes) : 0);
  return self.substr(0, self.rfind('/') + 1) + program;
}

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_PROGRAM_PATH_H_
