#include "entropy_service/score_request.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/test_epoch.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;

TEST(ScoreRequestTest, TakesWhatARunAsksFor) {
  ScoreRequest request = TestEpoch::Uniform().request;
  EXPECT_THAT(request.Validate(), IsOk());
  request.coverage.reset();
  request.dims = 32;
  request.pooling = Pooling::kIndividual;
  request.k = 199;
  EXPECT_THAT(request.Validate(), IsOk());
  // The largest epoch.
  request.envs = 1 << 12;
  request.horizon = 1 << 12;
  request.agents = 1 << 12;
  EXPECT_THAT(request.Validate(), IsOk());
}

// One field out of bounds, and what the message must name.
struct BadRequest {
  const char* names;
  absl::StatusCode code;
  std::function<void(ScoreRequest&)> spoil;
};

const std::vector<BadRequest>& BadRequests() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  static const auto* const kRequests = new std::vector<BadRequest>{
      {"epoch = 4294967296", kInvalid,
       [](ScoreRequest& r) { r.epoch = uint64_t{1} << 32; }},
      {"envs = 0", kInvalid, [](ScoreRequest& r) { r.envs = 0; }},
      {"horizon = 0", kInvalid, [](ScoreRequest& r) { r.horizon = 0; }},
      {"at most 16777216", absl::StatusCode::kResourceExhausted,
       [](ScoreRequest& r) { r.envs = r.horizon = 0xFFFFFFFF; }},
      {"at most 16777216", absl::StatusCode::kResourceExhausted,
       [](ScoreRequest& r) { r.horizon = (1 << 24) / 12 + 1; }},
      {"agents = 0", kInvalid, [](ScoreRequest& r) { r.agents = 0; }},
      {"agents = 5", kInvalid, [](ScoreRequest& r) { r.agents = 5; }},
      {"agents = 24", kInvalid, [](ScoreRequest& r) { r.agents = 24; }},
      {"dims = 0", kInvalid, [](ScoreRequest& r) { r.dims = 0; }},
      {"dims = 33", kInvalid, [](ScoreRequest& r) { r.dims = 33; }},
      {"send no grid", kInvalid, [](ScoreRequest& r) { r.dims = 1; }},
      {"window = 0", kInvalid, [](ScoreRequest& r) { r.window = 0; }},
      {"window = 65", kInvalid, [](ScoreRequest& r) { r.window = 65; }},
      {"window = 64: this service takes at most",
       absl::StatusCode::kResourceExhausted,
       [](ScoreRequest& r) {
         r.horizon = 30000;
         r.window = 64;
       }},
      {"keep_neighbors = true: Evaluate reweights", kInvalid,
       [](ScoreRequest& r) {
         r.window = 2;
         r.keep_neighbors = true;
       }},
      {"k * particles = 536870912", absl::StatusCode::kResourceExhausted,
       [](ScoreRequest& r) {
         r.reward = RewardKind::kMepolExact;
         r.envs = r.horizon = r.agents = 1 << 12;
         r.k = 32;
       }},
      {"agents = 1", kInvalid,
       [](ScoreRequest& r) {
         r.agents = 1;
         r.reward = RewardKind::kMarginal;
       }},
      {"pooling = individual", kInvalid,
       [](ScoreRequest& r) {
         r.pooling = Pooling::kIndividual;
         r.reward = RewardKind::kCrossNovelty;
       }},
      {"below the 400 particles that the other agents have", kInvalid,
       [](ScoreRequest& r) {
         r.k = 400;
         r.measure_divergences = true;
       }},
      {"theiler_window = 10: leaves fewer than k = 380 neighbours among the "
       "400",
       kInvalid,
       [](ScoreRequest& r) {
         r.k = 380;
         r.theiler_window = 10;
         r.reward = RewardKind::kMarginal;
       }},
      {"engine = gird", kInvalid, [](ScoreRequest& r) { r.engine = "gird"; }},
      {"periods = 3", kInvalid,
       [](ScoreRequest& r) {
         r.periods = {1, 1, 1};
       }},
      {"periods = -1", kInvalid,
       [](ScoreRequest& r) {
         r.periods = {0, -1};
       }},
      {"periods = nan", kInvalid,
       [](ScoreRequest& r) {
         r.periods = {NAN, 1};
       }},
      {"keep_neighbors = true", kInvalid,
       [](ScoreRequest& r) {
         r.keep_neighbors = true;
         r.pooling = Pooling::kIndividual;
       }},
      {"k = 0", kInvalid, [](ScoreRequest& r) { r.k = 0; }},
      {"k = 4097", kInvalid, [](ScoreRequest& r) { r.k = 4097; }},
      {"k = 600", kInvalid, [](ScoreRequest& r) { r.k = 600; }},
      {"k = 200", kInvalid,
       [](ScoreRequest& r) {
         r.k = 200;
         r.pooling = Pooling::kIndividual;
       }},
      {"floor = 0", kInvalid, [](ScoreRequest& r) { r.floor = 0; }},
      {"floor = -1", kInvalid, [](ScoreRequest& r) { r.floor = -1; }},
      {"floor = nan", kInvalid, [](ScoreRequest& r) { r.floor = NAN; }},
      {"floor = inf", kInvalid, [](ScoreRequest& r) { r.floor = INFINITY; }},
      {"coverage.nx * ny = 0", kInvalid,
       [](ScoreRequest& r) { r.coverage->nx = 0; }},
      {"coverage.nx * ny = 18446744065119617025", kInvalid,
       [](ScoreRequest& r) { r.coverage->nx = r.coverage->ny = 0xFFFFFFFF; }},
      {"coverage.reachable = 99", kInvalid,
       [](ScoreRequest& r) { r.coverage->reachable.pop_back(); }},
      {"coverage.reachable = all zero", kInvalid,
       [](ScoreRequest& r) { r.coverage->reachable.assign(100, 0); }},
      {"coverage.cell_size = 0", kInvalid,
       [](ScoreRequest& r) { r.coverage->cell_size = 0; }},
      {"coverage.cell_size = nan", kInvalid,
       [](ScoreRequest& r) { r.coverage->cell_size = NAN; }},
      {"coverage.x_min", kInvalid,
       [](ScoreRequest& r) { r.coverage->x_min = INFINITY; }},
  };
  return *kRequests;
}

TEST(ScoreRequestTest, NamesWhatIsOutOfBounds) {
  for (const BadRequest& bad : BadRequests()) {
    ScoreRequest request = TestEpoch::Uniform().request;
    bad.spoil(request);
    EXPECT_THAT(request.Validate(), StatusIs(bad.code, HasSubstr(bad.names)));
  }
}

TEST(ScoreRequestTest, AnEngineIsKnownOrTheServicesOwn) {
  for (const char* engine : {"", "auto", "grid", "kd_tree", "brute_force"}) {
    EXPECT_THAT(CheckScoreEngine(engine), IsOk()) << engine;
  }
  EXPECT_THAT(CheckScoreEngine("gird"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Where only others are searched, no window takes anything away.
TEST(ScoreRequestTest, AWindowCountsWhereNeighborsMayBeInIt) {
  ScoreRequest request = TestEpoch::Uniform().request;
  request.reward = RewardKind::kMarginal;
  request.k = 379;
  request.theiler_window = 10;
  EXPECT_THAT(request.Validate(), IsOk());
  request.k = 399;
  EXPECT_THAT(request.Validate(), StatusIs(absl::StatusCode::kInvalidArgument));
  request.reward = RewardKind::kCrossNovelty;
  EXPECT_THAT(request.Validate(), IsOk());
  // Never more than the trajectory, of 50.
  request.reward = RewardKind::kMarginal;
  request.theiler_window = 49;
  request.k = 350;
  EXPECT_THAT(request.Validate(), IsOk());
}

TEST(ScoreRequestTest, OnlyForwardIsSharded) {
  ScoreRequest request = TestEpoch::Uniform().request;
  request.shard_count = 3;
  request.shard_index = 2;
  EXPECT_THAT(request.Validate(), IsOk());
  EXPECT_EQ(request.first_of_shard(0), 0u);
  EXPECT_EQ(request.first_of_shard(1), 200u);
  EXPECT_EQ(request.first_of_shard(3), 600u);
  request.shard_index = 3;
  EXPECT_THAT(request.Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("shard_index = 3")));
  request.shard_count = 65;
  EXPECT_THAT(request.Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("shard_count = 65")));
  request.shard_count = 0;
  EXPECT_THAT(request.Validate(), StatusIs(absl::StatusCode::kInvalidArgument));
  request.shard_count = 4;
  request.reward = RewardKind::kApt;
  EXPECT_THAT(request.Validate(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("REWARD_KIND_FORWARD")));
}

}  // namespace
}  // namespace kmyriad
