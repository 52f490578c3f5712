#ifndef KMYRIAD_DEPLOY_LAUNCHER_NPY_FILE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_NPY_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/tensor.h"

namespace kmyriad {

// Longest header that is read: NumPy's own have some 120 bytes.
inline constexpr uint64_t kMaxNpyHeader = 4096;

// The array of a .npy file (NumPy's format, versions 1 to 3): magic, version,
// length of the header, the header as a Python literal with the keys descr,
// fortran_order and shape, then the numbers. Takes little-endian float32,
// float64, int64, uint32 and uint8 in C order, up to 8 dimensions. The tensor
// has no name. Nothing is allocated before header, shape and length agree.
// INVALID_ARGUMENT saying what is wrong, and how NumPy saves it right.
absl::StatusOr<NamedTensor> DecodeNpy(absl::string_view bytes);

// The array as numpy.load reads it, version 1.0. The tensor's
// data agree with its shape.
std::string EncodeNpy(const NamedTensor& tensor);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_NPY_FILE_H_
