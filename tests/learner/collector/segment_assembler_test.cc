#include "learner/collector/segment_assembler.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr EpochShape kShape = {20, 6, 3, 2, 2};
constexpr StreamId kA = 1;
constexpr StreamId kB = 2;

Segment MakeSegment(uint32_t block, uint64_t seed) {
  SeededRandom random(seed * 100 + block);
  Segment segment;
  segment.shape = kShape.segment(block);
  const size_t samples = size_t{segment.shape.rows} * kShape.horizon;
  segment.observations = random.Uniforms(samples * 3, -1, 1);
  segment.actions = random.Uniforms(samples * 2, -1, 1);
  segment.log_probs = random.Uniforms(samples, -1, 1);
  segment.features = random.Uniforms(samples * 2, -1, 1);
  for (size_t i = 0; i < samples; ++i) {
    segment.flags.push_back(static_cast<uint8_t>(random.Below(8)));
  }
  return segment;
}

// A batch and the bytes that it views.
struct OwnedBatch {
  std::string columns[5];
  BatchView view;
};

template <typename T>
std::string Slice(const std::vector<T>& column, const SegmentShape& shape,
                  uint32_t first, uint32_t steps, uint32_t dim) {
  std::string bytes;
  for (uint32_t lane = 0; lane < shape.rows; ++lane) {
    const T* from =
        column.data() + (size_t{lane} * shape.horizon + first) * dim;
    bytes.append(reinterpret_cast<const char*>(from), steps * dim * sizeof(T));
  }
  return bytes;
}

class SegmentAssemblerTest : public ::testing::Test {
 protected:
  SegmentAssemblerTest()
      : assembler_(RunUuid(), Sha256Of("fingerprint"), kShape) {
    assembler_.StartEpoch(3, Sha256Of("policy"));
  }
  static Uuid RunUuid() {
    Uuid uuid{};
    uuid[0] = 7;
    return uuid;
  }
  static SegmentKey Key(uint32_t block) {
    return {RunUuid(), 3, block, Sha256Of("policy"), Sha256Of("fingerprint")};
  }
  static OwnedBatch Batch(const Segment& segment, uint32_t block,
                          uint32_t first, uint32_t steps) {
    OwnedBatch batch;
    const SegmentShape& shape = segment.shape;
    batch.columns[0] = Slice(segment.observations, shape, first, steps, 3);
    batch.columns[1] = Slice(segment.actions, shape, first, steps, 2);
    batch.columns[2] = Slice(segment.log_probs, shape, first, steps, 1);
    batch.columns[3] = Slice(segment.features, shape, first, steps, 2);
    batch.columns[4] = Slice(segment.flags, shape, first, steps, 1);
    batch.view.key = Key(block);
    batch.view.first_step = first;
    batch.view.steps = steps;
    batch.view.rows = shape.rows;
    return batch;
  }
  static BatchView View(const OwnedBatch& batch) {
    BatchView view = batch.view;
    view.observations = batch.columns[0];
    view.actions = batch.columns[1];
    view.log_probs = batch.columns[2];
    view.features = batch.columns[3];
    view.flags = batch.columns[4];
    return view;
  }
  absl::Status Add(StreamId stream, const Segment& segment, uint32_t block,
                   uint32_t first, uint32_t steps) {
    return assembler_.AddBatch(stream,
                               View(Batch(segment, block, first, steps)));
  }
  absl::StatusOr<SegmentOutcome> Finish(StreamId stream, uint32_t block,
                                        const Segment& segment) {
    return assembler_.Finish(stream, "actor" + std::to_string(stream),
                             Key(block), HashSegment(segment));
  }
  // Sends and finishes a whole segment.
  absl::StatusOr<SegmentOutcome> Send(StreamId stream, uint32_t block,
                                      const Segment& segment) {
    EXPECT_THAT(Add(stream, segment, block, 0, 4), IsOk());
    EXPECT_THAT(Add(stream, segment, block, 4, 2), IsOk());
    return Finish(stream, block, segment);
  }
  // Whether the epoch buffer holds exactly this segment.
  bool Holds(uint32_t block, const Segment& segment) {
    const EpochBuffer& buffer = assembler_.buffer();
    const size_t row = size_t{block} * kBlockLanes * kShape.horizon;
    const auto same = [row](const auto& all, const auto& part, size_t dim) {
      return std::equal(part.begin(), part.end(), all.begin() + row * dim);
    };
    return same(buffer.observations, segment.observations, 3) &&
           same(buffer.actions, segment.actions, 2) &&
           same(buffer.log_probs, segment.log_probs, 1) &&
           same(buffer.features, segment.features, 2) &&
           same(buffer.flags, segment.flags, 1);
  }

  SegmentAssembler assembler_;
};

TEST_F(SegmentAssemblerTest, WholeSegmentsLieInPlaceEnvironmentMajor) {
  const Segment first = MakeSegment(0, 1);
  const Segment last = MakeSegment(1, 1);
  EXPECT_THAT(Send(kA, 0, first), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_FALSE(assembler_.complete());
  EXPECT_THAT(Send(kB, 1, last), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_TRUE(assembler_.complete());
  EXPECT_TRUE(Holds(0, first));
  EXPECT_TRUE(Holds(1, last));
  EXPECT_EQ(assembler_.counters().applied_samples, 20u * 6);
}

TEST_F(SegmentAssemblerTest, InterleavedCopiesNeverMix) {
  const Segment segment = MakeSegment(0, 1);
  // B's copy differs and is cut: nothing of it may stay.
  const Segment other = MakeSegment(0, 2);
  ASSERT_THAT(Add(kA, segment, 0, 0, 2), IsOk());
  ASSERT_THAT(Add(kB, other, 0, 0, 4), IsOk());
  ASSERT_THAT(Add(kA, segment, 0, 2, 2), IsOk());
  assembler_.DropStream(kB);
  ASSERT_THAT(Add(kA, segment, 0, 4, 2), IsOk());
  EXPECT_THAT(Finish(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_TRUE(Holds(0, segment));
}

TEST_F(SegmentAssemblerTest, BackupThatIsFirstTakesThePlaceAndTheOtherGoesOn) {
  const Segment segment = MakeSegment(0, 1);
  ASSERT_THAT(Add(kA, segment, 0, 0, 3), IsOk());
  EXPECT_THAT(Send(kB, 0, segment), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_TRUE(Holds(0, segment));
  ASSERT_THAT(Add(kA, segment, 0, 3, 3), IsOk());
  EXPECT_THAT(Finish(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kDuplicate));
  EXPECT_TRUE(Holds(0, segment));
  EXPECT_EQ(assembler_.counters().applied, 1u);
  EXPECT_EQ(assembler_.counters().duplicate_samples, 16u * 6);
}

TEST_F(SegmentAssemblerTest, UnequalSecondCopyBreaksDeterminism) {
  const Segment segment = MakeSegment(0, 1);
  const Segment other = MakeSegment(0, 2);
  ASSERT_THAT(Add(kA, segment, 0, 0, 6), IsOk());
  ASSERT_THAT(Add(kB, other, 0, 0, 6), IsOk());
  EXPECT_THAT(Finish(kB, 0, other), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_THAT(Finish(kA, 0, segment),
              StatusIs(absl::StatusCode::kInternal,
                       AllOf(HasSubstr("actor1"), HasSubstr("actor2"),
                             HasSubstr("block 0"))));
  EXPECT_TRUE(Holds(0, other));
}

TEST_F(SegmentAssemblerTest, WrongHashOrMissingStepsAreDamage) {
  const Segment segment = MakeSegment(0, 1);
  EXPECT_THAT(Finish(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kDamaged));
  ASSERT_THAT(Add(kA, segment, 0, 0, 5), IsOk());
  EXPECT_THAT(Finish(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kDamaged));
  ASSERT_THAT(Add(kA, segment, 0, 0, 6), IsOk());
  EXPECT_THAT(Finish(kA, 0, MakeSegment(0, 2)),
              IsOkAndHolds(SegmentOutcome::kDamaged));
  // A made-up hash for a block that is applied stops nothing either.
  EXPECT_THAT(Send(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_THAT(Finish(kB, 0, MakeSegment(0, 2)),
              IsOkAndHolds(SegmentOutcome::kDamaged));
  EXPECT_EQ(assembler_.counters().damaged, 4u);
  EXPECT_TRUE(Holds(0, segment));
}

TEST_F(SegmentAssemblerTest, StepsOutOfTurnAreRefusedAndAStartBeginsAnew) {
  const Segment segment = MakeSegment(0, 1);
  EXPECT_THAT(Add(kA, segment, 0, 2, 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("step 0 comes next")));
  ASSERT_THAT(Add(kA, MakeSegment(0, 9), 0, 0, 2), IsOk());
  EXPECT_THAT(Add(kA, segment, 0, 3, 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("step 2 comes next")));
  EXPECT_THAT(Send(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_TRUE(Holds(0, segment));
}

TEST_F(SegmentAssemblerTest, EachFieldOfTheKeyMustMatch) {
  const Segment segment = MakeSegment(0, 1);
  std::vector<std::pair<std::string, SegmentKey>> keys;
  for (const char* field :
       {"run_uuid", "epoch", "policy_hash", "fingerprint"}) {
    keys.emplace_back(field, Key(0));
  }
  keys[0].second.run_uuid[3] ^= 1;
  keys[1].second.epoch = 2;
  keys[2].second.policy_hash[3] ^= 1;
  keys[3].second.fingerprint[3] ^= 1;
  for (const auto& [field, key] : keys) {
    OwnedBatch batch = Batch(segment, 0, 0, 6);
    batch.view.key = key;
    EXPECT_THAT(
        assembler_.AddBatch(kA, View(batch)),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(field)));
    EXPECT_THAT(assembler_.Finish(kA, "a", key, HashSegment(segment)),
                IsOkAndHolds(SegmentOutcome::kStale));
  }
  EXPECT_EQ(assembler_.counters().stale, 4u);
  EXPECT_EQ(assembler_.counters().refused_batches, 4u);
  EXPECT_EQ(assembler_.counters().applied, 0u);
}

TEST_F(SegmentAssemblerTest, ShapesThatDoNotFitAreRefused) {
  const Segment segment = MakeSegment(0, 1);
  const auto refused = [this](OwnedBatch batch) {
    return assembler_.AddBatch(kA, View(batch)).code() ==
           absl::StatusCode::kInvalidArgument;
  };
  const OwnedBatch good = Batch(segment, 0, 0, 6);
  OwnedBatch block = good, rows = good, steps = good, late = good, none = good;
  block.view.key.block = 2;
  rows.view.rows = 15;
  steps.view.steps = 7;
  late.view.first_step = 0xffffffff;
  none.view.steps = 0;
  for (const OwnedBatch& batch : {block, rows, steps, late, none}) {
    EXPECT_TRUE(refused(batch));
  }
  for (int i = 0; i < 5; ++i) {
    OwnedBatch cut = good;
    cut.columns[i].pop_back();
    EXPECT_TRUE(refused(cut)) << i;
  }
  EXPECT_THAT(assembler_.AddBatch(kA, View(good)), IsOk());
}

TEST_F(SegmentAssemblerTest, NothingCountsBetweenEpochs) {
  const Segment segment = MakeSegment(0, 1);
  ASSERT_THAT(Add(kA, segment, 0, 0, 4), IsOk());
  assembler_.EndEpoch();
  EXPECT_FALSE(assembler_.complete());
  EXPECT_THAT(Finish(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kStale));
  assembler_.StartEpoch(3, Sha256Of("policy"));
  // The copy of before is forgotten.
  EXPECT_THAT(Add(kA, segment, 0, 4, 2),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SegmentAssemblerTest, SecondCopiesAreBounded) {
  const Segment segment = MakeSegment(0, 1);
  ASSERT_THAT(Add(kA, segment, 0, 0, 1), IsOk());
  for (StreamId stream = 10; stream < 10 + SegmentAssembler::kMaxStagedCopies;
       ++stream) {
    ASSERT_THAT(Add(stream, segment, 0, 0, 1), IsOk());
  }
  EXPECT_THAT(Add(kB, segment, 0, 0, 1),
              StatusIs(absl::StatusCode::kResourceExhausted));
  assembler_.DropStream(10);
  EXPECT_THAT(Add(kB, segment, 0, 0, 1), IsOk());
}

TEST_F(SegmentAssemblerTest, CopiesOfAppliedBlocksMakeRoomForWantedOnes) {
  const Segment segment = MakeSegment(0, 1);
  const Segment wanted = MakeSegment(1, 1);
  ASSERT_THAT(Add(kA, segment, 0, 0, 1), IsOk());
  for (StreamId stream = 10; stream < 10 + SegmentAssembler::kMaxStagedCopies;
       ++stream) {
    ASSERT_THAT(Add(stream, segment, 0, 0, 1), IsOk());
  }
  // The others are told to leave off, and say no more about their copies.
  ASSERT_THAT(Send(kA, 0, segment), IsOkAndHolds(SegmentOutcome::kApplied));
  ASSERT_THAT(Add(kA, wanted, 1, 0, 1), IsOk());
  EXPECT_THAT(Send(kB, 1, wanted), IsOkAndHolds(SegmentOutcome::kApplied));
  EXPECT_TRUE(Holds(0, segment) && Holds(1, wanted));
  // Another copy of what is applied is not worth the room.
  EXPECT_THAT(Add(5, segment, 0, 0, 1),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

// Random interleavings of several streams, cuts included: every block ends up
// with the one true segment, applied once.
TEST_F(SegmentAssemblerTest, RandomInterleavingsApplyEachBlockOnce) {
  const Segment segments[2] = {MakeSegment(0, 1), MakeSegment(1, 1)};
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom random(seed);
    assembler_.StartEpoch(3, Sha256Of("policy"));
    uint32_t progress[4][2] = {};
    uint64_t applied = 0;
    for (int step = 0; step < 1000 && !assembler_.complete(); ++step) {
      const StreamId stream = random.Below(4);
      const auto block = static_cast<uint32_t>(random.Below(2));
      uint32_t& next = progress[stream][block];
      if (random.Below(20) == 0) {
        assembler_.DropStream(stream + 1);
        progress[stream][0] = progress[stream][1] = 0;
      } else if (next < 6) {
        const auto steps = static_cast<uint32_t>(1 + random.Below(6 - next));
        ASSERT_THAT(Add(stream + 1, segments[block], block, next, steps),
                    IsOk());
        next += steps;
      } else {
        const auto outcome = Finish(stream + 1, block, segments[block]);
        ASSERT_THAT(outcome, IsOk());
        ASSERT_NE(*outcome, SegmentOutcome::kDamaged);
        applied += *outcome == SegmentOutcome::kApplied ? 1 : 0;
        next = 0;
      }
    }
    ASSERT_TRUE(assembler_.complete()) << seed;
    EXPECT_EQ(applied, 2u);
    EXPECT_TRUE(Holds(0, segments[0]) && Holds(1, segments[1])) << seed;
  }
}

}  // namespace
}  // namespace kmyriad
