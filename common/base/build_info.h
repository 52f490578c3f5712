#ifndef KMYRIAD_COMMON_BASE_BUILD_INFO_H_
#define KMYRIAD_COMMON_BASE_BUILD_INFO_H_

#include <string>

namespace kmyriad {

// Version of the release, "0.1.0".
std::string BuildVersion();

// Revision of the source at the time of the build, twelve hexadecimal digits;
// "unknown" without git.
std::string BuildRevision();

// "GCC 12.2.0, release": who compiled it, and how.
std::string BuildCompiler();

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_BUILD_INFO_H_
