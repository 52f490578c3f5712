#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/file_system.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tolerance.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusMatchersTest, TellStatusesApart) {
  const absl::Status error = absl::NotFoundError("no such thing");
  const absl::StatusOr<int> value = 7;
  const absl::StatusOr<int> no_value = error;
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(value, IsOk());
  EXPECT_THAT(value, IsOkAndHolds(7));
  EXPECT_THAT(value, Not(IsOkAndHolds(8)));
  EXPECT_THAT(error, Not(IsOk()));
  EXPECT_THAT(no_value, Not(IsOk()));
  EXPECT_THAT(no_value, Not(IsOkAndHolds(7)));
  EXPECT_THAT(no_value, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kNotFound, HasSubstr("such")));
  EXPECT_THAT(error,
              Not(StatusIs(absl::StatusCode::kNotFound, HasSubstr("other"))));
  EXPECT_THAT(error, Not(StatusIs(absl::StatusCode::kInternal)));
}

TEST(StatusMatchersTest, AssignsValues) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const int value, absl::StatusOr<int>(7));
  EXPECT_EQ(value, 7);
}

TEST(FakeClockTest, MovesOnlyWhenAdvanced) {
  FakeClock clock;
  const double start = clock.MonotonicSeconds();
  const absl::Time wall = clock.WallTime();
  EXPECT_EQ(clock.MonotonicSeconds(), start);
  EXPECT_EQ(absl::FormatTime(wall, absl::UTCTimeZone()),
            "2023-11-14T22:13:20+00:00");
  clock.Advance(2.5);
  EXPECT_EQ(clock.MonotonicSeconds(), start + 2.5);
  EXPECT_EQ(clock.WallTime() - wall, absl::Seconds(2.5));
}

TEST(TempDirTest, IsFreshAndGoesAway) {
  std::string path;
  {
    TempDir first;
    TempDir second;
    EXPECT_NE(first.path(), second.path());
    path = first.path();
    EXPECT_THAT(PosixFileSystem().List(path),
                IsOkAndHolds(::testing::IsEmpty()));
    EXPECT_THAT(PosixFileSystem().CreateFolders(first.File("a/b")), IsOk());
  }
  EXPECT_FALSE(PosixFileSystem().Exists(path));
}

TEST(SeededRandomTest, RepeatsItselfAndHasTheRightMoments) {
  EXPECT_EQ(SeededRandom(3).Normals(5), SeededRandom(3).Normals(5));
  EXPECT_NE(SeededRandom(3).Normals(5), SeededRandom(4).Normals(5));
  SeededRandom random(5);
  double sum = 0, squares = 0, uniform = 0;
  const int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double normal = random.Normal();
    sum += normal;
    squares += normal * normal;
    uniform += random.Uniform(2, 4);
    ASSERT_LT(random.Below(7), 7u);
  }
  // Five standard errors.
  EXPECT_NEAR(sum / count, 0, 0.016);
  EXPECT_NEAR(squares / count, 1, 0.023);
  EXPECT_NEAR(uniform / count, 3, 0.01);
}

TEST(ToleranceTest, UlpsCountRepresentableFloats) {
  EXPECT_EQ(UlpDistance(1.0f, 1.0f), 0u);
  EXPECT_EQ(UlpDistance(0.0f, -0.0f), 0u);
  EXPECT_EQ(UlpDistance(1.0f, std::nextafter(1.0f, 2.0f)), 1u);
  EXPECT_EQ(UlpDistance(std::nextafter(0.0f, -1.0f), 1e-45f), 2u);
  EXPECT_GT(UlpDistance(NAN, NAN), uint64_t{1} << 60);
}

TEST(ToleranceTest, DifferencesSeeSizesAndNans) {
  EXPECT_EQ(MaxAbsoluteDifference<float>({1, 2}, {1.5f, 2}), 0.5);
  EXPECT_EQ(MaxAbsoluteDifference<float>({1, 2}, {1}), INFINITY);
  EXPECT_EQ(MaxAbsoluteDifference<double>({NAN}, {1}), INFINITY);
}

}  // namespace
}  // namespace kmyriad
