// LibTorch and protobuf in one process, never in one translation unit: the
// wheel brings old protobuf headers, and symbols must not clash at run time.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "kmyriad/v1/run_config.pb.h"
#include "tests/learner/algorithm/synthetic_epoch.h"

namespace kmyriad {
namespace {

TEST(TorchWithProtobufTest, AMessageSurvivesAnUpdateAndTheOtherWayRound) {
  v1::RunConfig config;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "run { seed: 11 } network { trunk: 32 trunk: 16 }", &config));
  PolicyOptimizerOptions options = SmallOptions();
  options.seed = config.run().seed();
  options.shape.trunk.assign(config.network().trunk().begin(),
                             config.network().trunk().end());
  const auto optimizer = PolicyOptimizer::Create(options);
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  const std::vector<float> mean(5, 0.0f);
  const std::vector<float> inv_std(5, 1.0f);
  const auto policy = (*optimizer)->Policy(mean, inv_std);
  ASSERT_TRUE(policy.ok()) << policy.status();
  const SyntheticEpoch data =
      MakeEpoch(*policy, 4, 16, 1,
                [](uint32_t, const float*, const float*) { return 1.0; });
  ASSERT_TRUE(
      (*optimizer)->Update(data.View(), 1, mean, inv_std, nullptr).ok());
  v1::RunConfig copy;
  ASSERT_TRUE(copy.ParseFromString(config.SerializeAsString()));
  EXPECT_EQ(copy.ShortDebugString(), config.ShortDebugString());
  EXPECT_THAT(copy.network().trunk(), ::testing::ElementsAre(32, 16));
}

}  // namespace
}  // namespace kmyriad
