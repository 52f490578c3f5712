#ifndef KMYRIAD_LEARNER_CHECKPOINT_TENSOR_DIGEST_H_
#define KMYRIAD_LEARNER_CHECKPOINT_TENSOR_DIGEST_H_

#include <vector>

#include "common/base/digest.h"
#include "common/base/tensor.h"

namespace kmyriad {

// SHA-256 over tensors in name order: each its name, type, shape and bytes,
// with lengths between them. Independent of the order of `tensors`, of how
// they are spread over files, and of metadata. `parameters_sha256` is the
// digest of learned tensors and normaliser together, `optimizer_sha256` that
// of the optimiser's.
Digest DigestTensors(const std::vector<const NamedTensor*>& tensors);

// The same over two groups together; `second` may be empty.
Digest DigestTensors(const std::vector<NamedTensor>& first,
                     const std::vector<NamedTensor>& second);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CHECKPOINT_TENSOR_DIGEST_H_
