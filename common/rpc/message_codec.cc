#include "common/rpc/message_codec.h"

#include <bit>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are little endian on the wire");

constexpr uint8_t kKnownFlags =
    kSampleNonfinite | kSampleOutside | kSampleUpsideDown;

// Copies [rows, steps, dim] out of [rows, horizon, dim].
template <typename T>
void SliceColumn(const std::vector<T>& column, const SegmentShape& shape,
                 uint32_t first_step, uint32_t steps, size_t dim,
                 std::string* out) {
  const size_t slice = steps * dim * sizeof(T);
  out->resize(shape.rows * slice);
  for (size_t row = 0; row < shape.rows; ++row) {
    std::memcpy(out->data() + row * slice,
                column.data() + (row * shape.horizon + first_step) * dim,
                slice);
  }
}

// True if no float of `bytes` has all exponent bits set (infinity, NaN). An
// integer test over blocks, which the compiler turns into vector code.
bool AllFinite(absl::string_view bytes) {
  constexpr size_t kBlock = 1024;
  const size_t count = bytes.size() / sizeof(uint32_t);
  for (size_t first = 0; first < count; first += kBlock) {
    const size_t end = first + kBlock < count ? first + kBlock : count;
    uint32_t bad = 0;
    for (size_t i = first; i < end; ++i) {
      uint32_t word;
      std::memcpy(&word, bytes.data() + i * sizeof(word), sizeof(word));
      // The exponent plus one carries into the sign bit only from 255.
      bad |= (word & 0x7f800000u) + 0x00800000u;
    }
    if (bad >> 31 != 0) return false;
  }
  return true;
}

bool KnownFlags(absl::string_view bytes) {
  uint8_t bits = 0;
  for (const char byte : bytes) {
    bits = static_cast<uint8_t>(bits | static_cast<uint8_t>(byte));
  }
  return (bits & ~kKnownFlags) == 0;
}

absl::Status CheckBytes(absl::string_view column, uint64_t actual,
                        uint64_t wanted) {
  if (actual == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("state batch: ", column, " has ", actual,
                   " bytes, its shape needs ", wanted));
}

absl::Status CheckFinite(absl::string_view column, const std::string& bytes) {
  if (AllFinite(bytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("state batch: ", column,
                                                 " holds a number that is not "
                                                 "finite"));
}

absl::Status CheckSizes(const v1::StateBatch& batch,
                        const SegmentShape& shape) {
  if (batch.dtype() != v1::DTYPE_FLOAT32) {
    return absl::InvalidArgumentError(
        absl::StrCat("state batch: dtype = ", static_cast<int>(batch.dtype()),
                     ", not DTYPE_FLOAT32 (1)"));
  }
  if (batch.rows() != shape.rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        "state batch: rows = ", batch.rows(), ", the block has ", shape.rows));
  }
  if (batch.steps() == 0 || batch.first_step() >= shape.horizon ||
      batch.steps() > shape.horizon - batch.first_step()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "state batch: first_step = ", batch.first_step(),
        ", steps = ", batch.steps(), " is not within 0..", shape.horizon));
  }
  const uint64_t samples = static_cast<uint64_t>(batch.rows()) * batch.steps();
  const uint64_t words = samples * sizeof(float);
  KMYRIAD_RETURN_IF_ERROR(CheckBytes(
      "observations", batch.observations().size(), words * shape.obs_dim));
  KMYRIAD_RETURN_IF_ERROR(
      CheckBytes("actions", batch.actions().size(), words * shape.act_dim));
  KMYRIAD_RETURN_IF_ERROR(
      CheckBytes("log_probs", batch.log_probs().size(), words));
  KMYRIAD_RETURN_IF_ERROR(CheckBytes("features", batch.features().size(),
                                     words * shape.feature_dim));
  return CheckBytes("flags", batch.flags().size(), samples);
}

uint32_t ColumnsCrc(const v1::StateBatch& batch) {
  uint32_t crc = 0;
  for (const std::string* column :
       {&batch.observations(), &batch.actions(), &batch.log_probs(),
        &batch.features(), &batch.flags()}) {
    crc = Crc32c(crc, column->data(), column->size());
  }
  return crc;
}

}  // namespace

v1::SegmentKey ToProto(const SegmentKey& key) {
  v1::SegmentKey proto;
  proto.set_run_uuid(ToBytes(key.run_uuid));
  proto.set_epoch(key.epoch);
  proto.set_block(key.block);
  proto.set_policy_hash(ToBytes(key.policy_hash));
  proto.set_fingerprint(ToBytes(key.fingerprint));
  return proto;
}

absl::StatusOr<SegmentKey> FromProto(const v1::SegmentKey& proto) {
  SegmentKey key;
  KMYRIAD_ASSIGN_OR_RETURN(
      key.run_uuid, UuidFromBytes(proto.run_uuid(), "segment key: run_uuid"));
  key.epoch = proto.epoch();
  key.block = proto.block();
  KMYRIAD_ASSIGN_OR_RETURN(
      key.policy_hash,
      DigestFromBytes(proto.policy_hash(), "segment key: policy_hash"));
  KMYRIAD_ASSIGN_OR_RETURN(
      key.fingerprint,
      DigestFromBytes(proto.fingerprint(), "segment key: fingerprint"));
  return key;
}

void EncodeStateBatch(const SegmentKey& key, const Segment& segment,
                      uint32_t first_step, uint32_t steps,
                      v1::StateBatch* batch) {
  const SegmentShape& shape = segment.shape;
  *batch->mutable_key() = ToProto(key);
  batch->set_first_step(first_step);
  batch->set_steps(steps);
  batch->set_rows(shape.rows);
  batch->set_dtype(v1::DTYPE_FLOAT32);
  SliceColumn(segment.observations, shape, first_step, steps, shape.obs_dim,
              batch->mutable_observations());
  SliceColumn(segment.actions, shape, first_step, steps, shape.act_dim,
              batch->mutable_actions());
  SliceColumn(segment.log_probs, shape, first_step, steps, 1,
              batch->mutable_log_probs());
  SliceColumn(segment.features, shape, first_step, steps, shape.feature_dim,
              batch->mutable_features());
  SliceColumn(segment.flags, shape, first_step, steps, 1,
              batch->mutable_flags());
  batch->set_crc32c(ColumnsCrc(*batch));
}

absl::Status ValidateStateBatch(const v1::StateBatch& batch,
                                const SegmentShape& shape) {
  KMYRIAD_RETURN_IF_ERROR(CheckSizes(batch, shape));
  const uint32_t crc = ColumnsCrc(batch);
  if (crc != batch.crc32c()) {
    return absl::DataLossError(
        absl::StrCat("state batch: crc32c = ", absl::Hex(batch.crc32c()),
                     ", its columns give ", absl::Hex(crc)));
  }
  KMYRIAD_RETURN_IF_ERROR(CheckFinite("observations", batch.observations()));
  KMYRIAD_RETURN_IF_ERROR(CheckFinite("actions", batch.actions()));
  KMYRIAD_RETURN_IF_ERROR(CheckFinite("log_probs", batch.log_probs()));
  KMYRIAD_RETURN_IF_ERROR(CheckFinite("features", batch.features()));
  if (!KnownFlags(batch.flags())) {
    return absl::InvalidArgumentError(
        "state batch: flags holds bits that are not a SampleFlag");
  }
  return absl::OkStatus();
}

uint64_t StateBatchBytes(const v1::StateBatch& batch) {
  return batch.observations().size() + batch.actions().size() +
         batch.log_probs().size() + batch.features().size() +
         batch.flags().size();
}

}  // namespace kmyriad
