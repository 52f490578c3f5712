// State batches from actors: the codec, then the assembler that keeps them.
#include <string>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/rpc/message_codec.h"
#include "learner/batch_view.h"
#include "learner/collector/segment_assembler.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/learner/testing/learner_process.h"

namespace kmyriad {
namespace {

constexpr uint64_t kEpoch = 3;
constexpr EpochShape kShape{40, 5, 2, 2, 2};
const Uuid kRun{1, 2, 3};
const Digest kFingerprint{4, 5, 6};
const Digest kPolicy{7, 8, 9};

const v1::RunConfig& Config() {
  static const v1::RunConfig* const config =
      new v1::RunConfig(SmallRunConfig(4));
  return *config;
}

v1::StateBatch Valid(uint32_t block, uint32_t first, uint32_t steps) {
  v1::StateBatch batch;
  EncodeStateBatch({kRun, kEpoch, block, kPolicy, kFingerprint},
                   FakeSegment(Config(), kEpoch, block, kPolicy), first, steps,
                   &batch);
  return batch;
}

// With a checksum that fits whatever the columns are, so that the checks
// behind it are reached.
void MendChecksum(v1::StateBatch* batch) {
  uint32_t crc = 0;
  for (const std::string* column :
       {&batch->observations(), &batch->actions(), &batch->log_probs(),
        &batch->features(), &batch->flags()}) {
    crc = Crc32c(crc, column->data(), column->size());
  }
  batch->set_crc32c(crc);
}

absl::Status Take(const v1::StateBatch& batch, SegmentAssembler* assembler) {
  KMYRIAD_ASSIGN_OR_RETURN(const SegmentKey key, FromProto(batch.key()));
  if (key.block < BlockCount(kShape.envs)) {
    KMYRIAD_RETURN_IF_ERROR(
        ValidateStateBatch(batch, kShape.segment(key.block)));
  }
  return assembler->AddBatch(1, ViewOf(key, batch));
}

}  // namespace

void RunInput(absl::string_view bytes) {
  FuzzInput input(bytes);
  SegmentAssembler assembler(kRun, kFingerprint, kShape);
  assembler.StartEpoch(kEpoch, kPolicy);
  while (!input.empty()) {
    const bool mend = (input.Byte() & 1) != 0;
    const absl::string_view frame = input.Frame();
    v1::StateBatch batch;
    if (!batch.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
      continue;
    }
    if (mend) MendChecksum(&batch);
    Take(batch, &assembler).IgnoreError();
  }
  KMYRIAD_CHECK(!assembler.complete());
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (uint32_t block = 0; block < 3; ++block) {
    std::string seed;
    for (const auto& [first, steps] : {std::pair(0u, 2u), std::pair(2u, 3u)}) {
      seed += '\1' + FrameOf(Valid(block, first, steps).SerializeAsString());
    }
    seeds.push_back(seed);
  }
  seeds.push_back('\0' + FrameOf(Valid(2, 0, 5).SerializeAsString()));
  return seeds;
}

}  // namespace kmyriad
