#ifndef KMYRIAD_DEPLOY_LAUNCHER_LIBRARY_VERSIONS_H_
#define KMYRIAD_DEPLOY_LAUNCHER_LIBRARY_VERSIONS_H_

#include <string>

#include "nlohmann/json.hpp"

namespace kmyriad {

// Name -> version of the compiler and the libraries of this build; LibTorch
// and MuJoCo by what their headers said when it was configured.
nlohmann::json LibraryVersions();

// Folder of the LibTorch that the learner is linked with.
std::string TorchFolder();

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_LIBRARY_VERSIONS_H_
