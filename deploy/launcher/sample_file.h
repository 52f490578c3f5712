#ifndef KMYRIAD_DEPLOY_LAUNCHER_SAMPLE_FILE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_SAMPLE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/file_system.h"
#include "entropy_service/score_request.h"

namespace kmyriad {

// A user's samples.
struct Samples {
  uint32_t rows = 0;
  uint32_t dims = 0;
  // [rows, dims] row-major.
  std::vector<float> values;
};

// Largest file that is read: the most samples of the entropy service in
// float64, and a header.
inline constexpr uint64_t kMaxSampleFile =
    kMaxParticles * kMaxFeatureDims * sizeof(double) + (uint64_t{16} << 20);

// Samples of a .npy or .safetensors file: float32 or float64 [rows, columns],
// or [rows] for one column. `tensor` names the one to take from a .safetensors
// file, empty: its only one. `columns` are those to take, "0,1,5", empty: all.
// INVALID_ARGUMENT naming path and mend; errors of FileSystem::Read.
absl::StatusOr<Samples> ReadSamples(FileSystem& files, const std::string& path,
                                    absl::string_view tensor,
                                    absl::string_view columns);

// Writes `values` [rows] as float32, tensor "rewards" in a .safetensors file.
// INVALID_ARGUMENT for another ending of `path`; errors of AtomicReplace.
absl::Status WriteRewards(FileSystem& files, const std::string& path,
                          const std::vector<float>& values);

// The formats by the end of the name. INVALID_ARGUMENT for another.
absl::Status CheckSampleFormat(const std::string& path);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_SAMPLE_FILE_H_
