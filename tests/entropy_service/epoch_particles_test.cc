#include "entropy_service/epoch_particles.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/test_epoch.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;

class EpochParticlesTest : public testing::Test {
 protected:
  EpochParticlesTest() { epoch_.Seal(); }
  EpochParticles Empty() { return *EpochParticles::Create(epoch_.request); }
  absl::Status Append(EpochParticles& particles, size_t first, size_t count) {
    return particles.Append(first, epoch_.FeatureBytes(first, count),
                            epoch_.MaskBytes(first, count));
  }

  TestEpoch epoch_ = TestEpoch::Uniform();
};

TEST_F(EpochParticlesTest, ChunksOfAnySizeMakeTheEpoch) {
  EpochParticles particles = Empty();
  size_t first = 0;
  for (const size_t count : {1, 99, 7, 400, 93}) {
    EXPECT_FALSE(particles.complete());
    EXPECT_THAT(particles.Verify(),
                StatusIs(absl::StatusCode::kInvalidArgument));
    ASSERT_THAT(Append(particles, first, count), IsOk());
    first += count;
  }
  EXPECT_TRUE(particles.complete());
  EXPECT_THAT(particles.Verify(), IsOk());
  EXPECT_EQ(particles.features(), epoch_.features);
  EXPECT_EQ(particles.mask(), epoch_.mask);
}

TEST_F(EpochParticlesTest, RefusesGapsRepeatsAndTooMany) {
  EpochParticles particles = Empty();
  EXPECT_THAT(
      Append(particles, 1, 10),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("particle 0")));
  ASSERT_THAT(Append(particles, 0, 590), IsOk());
  EXPECT_THAT(Append(particles, 0, 10),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("chunk.first = 0: expected particle 590")));
  EXPECT_THAT(particles.Append(590, std::string(11 * 8, 0), std::string(11, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the epoch has 600")));
  EXPECT_THAT(particles.Append(590, "", ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // Nothing of these was kept.
  EXPECT_THAT(Append(particles, 590, 10), IsOk());
  EXPECT_THAT(particles.Verify(), IsOk());
}

TEST_F(EpochParticlesTest, RefusesSizesThatDisagreeAndStrangeMasks) {
  EpochParticles particles = Empty();
  EXPECT_THAT(particles.Append(0, std::string(79, 0), std::string(10, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("79 bytes: 10 particles of 2 features")));
  EXPECT_THAT(particles.Append(0, std::string(16, 0), std::string("\1\2")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("mask of particle 1 = 2")));
}

TEST_F(EpochParticlesTest, OtherParticlesThanTheDigestsAreDataLoss) {
  epoch_.mask[17] = 0;
  EpochParticles particles = Empty();
  ASSERT_THAT(Append(particles, 0, 600), IsOk());
  EXPECT_THAT(particles.Verify(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(EpochParticlesTest, BadRequestsAreRefused) {
  epoch_.request.k = 0;
  EXPECT_THAT(EpochParticles::Create(epoch_.request),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(EpochParticlesTest, DistancesComeWithAllChunksOrWithNone) {
  const std::string ten(40, 0);
  const std::string features(80, 0);
  std::string mask(10, 1);
  EpochParticles with = Empty();
  ASSERT_THAT(with.Append(0, features, mask, ten), IsOk());
  EXPECT_EQ(with.squared_distances().size(), 10u);
  EXPECT_THAT(with.Append(10, features, mask),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("every chunk or with none")));
  EXPECT_EQ(with.mask().size(), 10u);
  EpochParticles without = Empty();
  ASSERT_THAT(without.Append(0, features, mask), IsOk());
  EXPECT_THAT(without.Append(10, features, mask, ten),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(without.squared_distances().empty());
}

TEST_F(EpochParticlesTest, RefusesDistancesThatAreNone) {
  const std::string features(16, 0);
  const auto append = [&](float first, float second, const char* mask) {
    const float values[] = {first, second};
    EpochParticles particles = Empty();
    return particles.Append(
        0, features, {mask, 2},
        {reinterpret_cast<const char*>(values), sizeof(values)});
  };
  EXPECT_THAT(append(1, 2, "\1\1"), IsOk());
  EXPECT_THAT(append(1, 0, "\1\0"), IsOk());
  const float bad[] = {-1, std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::quiet_NaN()};
  for (const float value : bad) {
    EXPECT_THAT(append(1, value, "\1\1"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("squared distance of particle 1")));
  }
  EXPECT_THAT(append(1, 2, "\1\0"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EpochParticles particles = Empty();
  EXPECT_THAT(particles.Append(0, features, "\1\1", "abc"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("2 particles need 8")));
  epoch_.request.reward = RewardKind::kApt;
  EpochParticles other = Empty();
  EXPECT_THAT(other.Append(0, features, "\1\1", std::string(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kmyriad
