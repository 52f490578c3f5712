#include "common/rpc/message_codec.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr SegmentShape kShape = {3, 10, 5, 2, 2};

SegmentKey MakeKey() {
  SegmentKey key;
  key.run_uuid.fill(1);
  key.epoch = (1ull << 40) + 7;
  key.block = 62;
  key.policy_hash.fill(2);
  key.fingerprint.fill(3);
  return key;
}

// Every number is distinct, so that a misplaced one is seen.
Segment MakeSegment(const SegmentShape& shape) {
  Segment segment;
  segment.shape = shape;
  const size_t samples = static_cast<size_t>(shape.rows) * shape.horizon;
  float next = 0.5f;
  const auto fill = [&next](std::vector<float>& column, size_t count) {
    column.resize(count);
    for (float& value : column) value = next++;
  };
  fill(segment.observations, samples * shape.obs_dim);
  fill(segment.actions, samples * shape.act_dim);
  fill(segment.log_probs, samples);
  fill(segment.features, samples * shape.feature_dim);
  for (size_t i = 0; i < samples; ++i) {
    segment.flags.push_back(static_cast<uint8_t>(i % 8));
  }
  return segment;
}

v1::StateBatch MakeBatch() {
  v1::StateBatch batch;
  EncodeStateBatch(MakeKey(), MakeSegment(kShape), 4, 6, &batch);
  return batch;
}

// Computes the checksum anew, as an actor with a bug elsewhere would.
void Reseal(v1::StateBatch& batch) {
  uint32_t crc = 0;
  for (const std::string* column :
       {&batch.observations(), &batch.actions(), &batch.log_probs(),
        &batch.features(), &batch.flags()}) {
    crc = Crc32c(crc, column->data(), column->size());
  }
  batch.set_crc32c(crc);
}

void PutFloat(std::string& column, size_t index, float value) {
  std::memcpy(column.data() + index * sizeof(value), &value, sizeof(value));
}

TEST(MessageCodecTest, KeyRoundTrips) {
  const auto key = FromProto(ToProto(MakeKey()));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(*key, MakeKey());
}

TEST(MessageCodecTest, KeyNamesTheFieldWhoseLengthIsWrong) {
  const std::vector<
      std::pair<std::string, std::function<void(v1::SegmentKey&)>>>
      cases = {
          {"run_uuid", [](v1::SegmentKey& k) { k.set_run_uuid("short"); }},
          {"run_uuid", [](v1::SegmentKey& k) { k.clear_run_uuid(); }},
          {"policy_hash",
           [](v1::SegmentKey& k) { k.set_policy_hash(std::string(33, 'x')); }},
          {"fingerprint",
           [](v1::SegmentKey& k) { k.set_fingerprint(std::string(31, 'x')); }},
      };
  for (const auto& [field, damage] : cases) {
    v1::SegmentKey proto = ToProto(MakeKey());
    damage(proto);
    const absl::Status status = FromProto(proto).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(std::string(status.message()).find(field), std::string::npos)
        << status;
  }
}

TEST(MessageCodecTest, SlicesPutTogetherGiveTheSegment) {
  const Segment segment = MakeSegment(kShape);
  std::vector<float> observations(segment.observations.size(), -1);
  std::vector<uint8_t> flags(segment.flags.size(), 255);
  uint64_t bytes = 0;
  v1::StateBatch batch;
  for (const auto& [first, steps] :
       std::vector<std::pair<uint32_t, uint32_t>>{{0, 4}, {4, 5}, {9, 1}}) {
    EncodeStateBatch(MakeKey(), segment, first, steps, &batch);
    ASSERT_TRUE(ValidateStateBatch(batch, kShape).ok())
        << ValidateStateBatch(batch, kShape);
    bytes += StateBatchBytes(batch);
    for (size_t row = 0; row < kShape.rows; ++row) {
      const size_t at = row * kShape.horizon + first;
      std::memcpy(&observations[at * kShape.obs_dim],
                  batch.observations().data() +
                      row * steps * kShape.obs_dim * sizeof(float),
                  steps * kShape.obs_dim * sizeof(float));
      std::memcpy(&flags[at], batch.flags().data() + row * steps, steps);
    }
  }
  EXPECT_EQ(observations, segment.observations);
  EXPECT_EQ(flags, segment.flags);
  // (5 + 2 + 1 + 2) floats and a flag per sample.
  EXPECT_EQ(bytes, 30u * 41u);
}

TEST(MessageCodecTest, AWholeSegmentIsOneBatchToo) {
  v1::StateBatch batch;
  EncodeStateBatch(MakeKey(), MakeSegment(kShape), 0, kShape.horizon, &batch);
  EXPECT_TRUE(ValidateStateBatch(batch, kShape).ok());
}

struct HostileCase {
  std::string name;
  std::function<void(v1::StateBatch&)> damage;
  absl::StatusCode code;
  std::string named;
};

std::vector<HostileCase> HostileCases() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  using Batch = v1::StateBatch;
  return {
      {"dtype missing", [](Batch& b) { b.clear_dtype(); }, kInvalid, "dtype"},
      {"dtype unknown",
       [](Batch& b) { b.set_dtype(static_cast<v1::DType>(77)); }, kInvalid,
       "dtype = 77"},
      {"rows zero", [](Batch& b) { b.set_rows(0); }, kInvalid, "rows = 0"},
      {"rows of another block", [](Batch& b) { b.set_rows(16); }, kInvalid,
       "rows = 16"},
      {"steps zero", [](Batch& b) { b.set_steps(0); }, kInvalid, "steps = 0"},
      {"steps past the end", [](Batch& b) { b.set_steps(7); }, kInvalid,
       "steps = 7"},
      {"steps wrap around", [](Batch& b) { b.set_steps(0xfffffffdu); },
       kInvalid, "steps"},
      {"first step past the end", [](Batch& b) { b.set_first_step(10); },
       kInvalid, "first_step = 10"},
      {"first step huge", [](Batch& b) { b.set_first_step(0xffffffffu); },
       kInvalid, "first_step"},
      {"observations short",
       [](Batch& b) { b.mutable_observations()->pop_back(); }, kInvalid,
       "observations"},
      {"observations empty", [](Batch& b) { b.clear_observations(); }, kInvalid,
       "observations"},
      {"actions long", [](Batch& b) { b.mutable_actions()->append("abcd"); },
       kInvalid, "actions"},
      {"log_probs short", [](Batch& b) { b.mutable_log_probs()->resize(4); },
       kInvalid, "log_probs"},
      {"features missing", [](Batch& b) { b.clear_features(); }, kInvalid,
       "features"},
      {"flags long", [](Batch& b) { b.mutable_flags()->push_back(0); },
       kInvalid, "flags"},
      {"checksum", [](Batch& b) { b.set_crc32c(b.crc32c() ^ 1); },
       absl::StatusCode::kDataLoss, "crc32c"},
      {"a flipped bit", [](Batch& b) { (*b.mutable_features())[3] ^= 0x10; },
       absl::StatusCode::kDataLoss, "crc32c"},
      {"columns swapped",
       [](Batch& b) { b.mutable_actions()->swap(*b.mutable_features()); },
       absl::StatusCode::kDataLoss, "crc32c"},
      {"NaN observation",
       [nan](Batch& b) {
         PutFloat(*b.mutable_observations(), 89, nan);
         Reseal(b);
       },
       kInvalid, "observations"},
      {"infinite action",
       [inf](Batch& b) {
         PutFloat(*b.mutable_actions(), 0, inf);
         Reseal(b);
       },
       kInvalid, "actions"},
      {"minus infinite log-probability",
       [inf](Batch& b) {
         PutFloat(*b.mutable_log_probs(), 17, -inf);
         Reseal(b);
       },
       kInvalid, "log_probs"},
      {"NaN feature",
       [nan](Batch& b) {
         PutFloat(*b.mutable_features(), 35, -nan);
         Reseal(b);
       },
       kInvalid, "features"},
      {"unknown flag",
       [](Batch& b) {
         (*b.mutable_flags())[17] = 8;
         Reseal(b);
       },
       kInvalid, "flags"},
  };
}

TEST(MessageCodecTest, RefusesEachWrongFieldPrecisely) {
  // The negative control: the batch that is damaged below is good.
  ASSERT_TRUE(ValidateStateBatch(MakeBatch(), kShape).ok());
  for (const HostileCase& c : HostileCases()) {
    v1::StateBatch batch = MakeBatch();
    c.damage(batch);
    const absl::Status status = ValidateStateBatch(batch, kShape);
    EXPECT_EQ(status.code(), c.code) << c.name << ": " << status;
    EXPECT_NE(std::string(status.message()).find(c.named), std::string::npos)
        << c.name << ": " << status;
  }
}

TEST(MessageCodecTest, ExtremeFiniteNumbersPass) {
  v1::StateBatch batch = MakeBatch();
  PutFloat(*batch.mutable_observations(), 0, std::numeric_limits<float>::max());
  PutFloat(*batch.mutable_observations(), 1,
           -std::numeric_limits<float>::max());
  PutFloat(*batch.mutable_observations(), 2,
           std::numeric_limits<float>::denorm_min());
  PutFloat(*batch.mutable_observations(), 3, -0.0f);
  Reseal(batch);
  EXPECT_TRUE(ValidateStateBatch(batch, kShape).ok());
}

TEST(MessageCodecTest, FindsTheOneNonFiniteNumberAnywhere) {
  const SegmentShape shape = {16, 40, 5, 1, 1};
  v1::StateBatch good;
  EncodeStateBatch(MakeKey(), MakeSegment(shape), 0, shape.horizon, &good);
  ASSERT_TRUE(ValidateStateBatch(good, shape).ok());
  const size_t count = good.observations().size() / sizeof(float);
  for (size_t i = 0; i < count; i += 37) {
    v1::StateBatch batch = good;
    PutFloat(*batch.mutable_observations(), i, std::nanf(""));
    Reseal(batch);
    EXPECT_FALSE(ValidateStateBatch(batch, shape).ok()) << i;
  }
}

}  // namespace
}  // namespace kmyriad
