#ifndef KMYRIAD_COMMON_RPC_MESSAGE_CODEC_H_
#define KMYRIAD_COMMON_RPC_MESSAGE_CODEC_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/environment_spec.h"
#include "common/base/segment.h"
#include "kmyriad/v1/environment.pb.h"
#include "kmyriad/v1/types.pb.h"

namespace kmyriad {

// Conversions between plain structs and wire types, with the checks that
// untrusted input needs. Errors are INVALID_ARGUMENT (DATA_LOSS for a wrong
// checksum), naming field and value.

v1::SegmentKey ToProto(const SegmentKey& key);
absl::StatusOr<SegmentKey> FromProto(const v1::SegmentKey& proto);

v1::EnvironmentSpec ToProto(const EnvironmentSpec& spec);
// Limits: 256 observation columns, 16 actions, 32 features, 2^20 boxes, 2^16
// goals, 2^24 coverage cells; finite numbers, sane ranges.
absl::StatusOr<EnvironmentSpec> FromProto(const v1::EnvironmentSpec& proto);
v1::CoverageGrid ToProto(const CoverageGrid& grid);
absl::StatusOr<CoverageGrid> FromProto(const v1::CoverageGrid& proto);

// Fills `batch` with steps [first_step, first_step + steps) of a segment,
// checksum included. Reuses the message's buffers.
void EncodeStateBatch(const SegmentKey& key, const Segment& segment,
                      uint32_t first_step, uint32_t steps,
                      v1::StateBatch* batch);

// Checks a batch against the shape that its block has: sizes of all columns,
// step range, dtype, checksum, finite numbers and known flag bits. Nothing is
// copied.
absl::Status ValidateStateBatch(const v1::StateBatch& batch,
                                const SegmentShape& shape);

// Bytes of a batch's columns: what credits count.
uint64_t StateBatchBytes(const v1::StateBatch& batch);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_MESSAGE_CODEC_H_
