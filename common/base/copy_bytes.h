#ifndef KMYRIAD_COMMON_BASE_COPY_BYTES_H_
#define KMYRIAD_COMMON_BASE_COPY_BYTES_H_

#include <cstddef>
#include <cstring>

namespace kmyriad {

// std::memcpy for any number of bytes: the data() of what is empty may be null,
// which std::memcpy must not be given even then.
inline void CopyBytes(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_COPY_BYTES_H_
