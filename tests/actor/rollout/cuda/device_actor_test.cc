// An actor whose segments come from a device, here the kernels' twin: a learner
// takes them for those of an actor on the host.

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "actor/rollout/actor_engine.h"
#include "actor/rollout/grpc_learner_client.h"
#include "actor/rollout/rollout_backend.h"
#include "actor/rollout/rollout_identity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/actor/rollout/cuda/ant_model.h"
#include "tests/actor/rollout/cuda/twin_segment_device.h"
#include "tests/actor/rollout/scripted_learner.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

constexpr uint64_t kPlenty = 1 << 20;
constexpr uint64_t kSeed = 9;

class DeviceActorTest : public ::testing::Test {
 protected:
  DeviceActorTest() {
    model_ = MakeAntModel("maze", population_.horizon, /*frame_skip=*/2);
    options_.population = population_;
    options_.network.obs_dim = model_->spec().obs_dim();
    options_.network.act_dim = model_->spec().act_dim;
    options_.network.trunk = {32};
    options_.network.agents = population_.agents;
    options_.hello.actor_id = "test:1:1";
    options_.hello.environment = model_->spec();
    options_.hello.fingerprint =
        RolloutFingerprint(*model_, options_.network, population_);
    weights_ = GoldenWeights(model_->spec(), options_.network);
  }
  ~DeviceActorTest() override {
    if (engine_ != nullptr) engine_->Stop("the test is over");
    if (thread_.joinable()) thread_.join();
  }

  void StartActor(const TwinSegmentOptions& twin) {
    client_ = *MakeGrpcLearnerClient(address_);
    const RolloutBackend backend = DeviceRolloutBackend(
        model_, [twin] { return MakeTwinSegmentDevice(twin); }, 3);
    engine_ =
        std::make_unique<ActorEngine>(options_, backend.make_rollout,
                                      backend.make_policy, *client_, metrics_);
    thread_ = std::thread([this] { result_ = engine_->Run(); });
  }
  std::shared_ptr<ScriptedSession> Greet() {
    std::shared_ptr<ScriptedSession> session = learner_.NextSession();
    const auto hello = session->Next();
    EXPECT_TRUE(hello.has_value() && hello->has_hello());
    // Two batches.
    EXPECT_EQ(hello->hello().capacity_blocks(), 6u);
    session->Welcome(kSeed, kPlenty, 4000);
    return session;
  }
  Digest OnTheHost(uint32_t block) {
    const RolloutBackend host = HostRolloutBackend(model_, *ChooseSimdLevel());
    const auto rollout = *host.make_rollout();
    const auto policy = *host.make_policy(weights_);
    const RolloutRequest request = {kSeed, 1, block, population_, policy.get()};
    RolloutResult result;
    EXPECT_THAT(
        rollout->Rollout({&request, 1}, [](size_t, uint32_t) { return true; },
                         {&result, 1}),
        IsOk());
    return HashSegment(result.segment);
  }

  const TempDir folder_;
  const std::string address_ = "unix:" + folder_.File("learner.sock");
  // Five blocks, the last with eight environments.
  const PopulationShape population_{72, 4, 5};
  std::shared_ptr<const EnvironmentModel> model_;
  PolicyWeights weights_;
  ActorEngineOptions options_;
  MetricsRegistry registry_;
  ActorMetrics metrics_{registry_};
  ScriptedLearner learner_{address_};
  std::unique_ptr<LearnerClient> client_;
  std::unique_ptr<ActorEngine> engine_;
  std::thread thread_;
  absl::Status result_ = absl::UnknownError("not run");
};

TEST_F(DeviceActorTest, SendsTheSegmentsOfTheHost) {
  StartActor({});
  const auto session = Greet();
  session->Lease(1, 0, session->SendPolicy(weights_, 0), {0, 1, 2, 3, 4});
  const SegmentShape shape = {
      kBlockLanes, population_.horizon, options_.network.obs_dim,
      options_.network.act_dim, model_->spec().feature_dim()};
  SegmentCollector collector(*session, shape, population_.envs);
  ASSERT_TRUE(collector.Collect(5));
  for (const auto& [block, segment] : collector.segments()) {
    EXPECT_EQ(HashSegment(segment), OnTheHost(block)) << block;
  }
  session->Drain(true);
  thread_.join();
  EXPECT_THAT(result_, IsOk());
  EXPECT_EQ(metrics_.env_steps.value(), 72 * 5);
}

TEST_F(DeviceActorTest, ADeviceThatFailsEndsTheActor) {
  TwinSegmentOptions twin;
  twin.failure = absl::InternalError("CUDA, stepping a segment: on fire");
  StartActor(twin);
  const auto session = Greet();
  session->Lease(1, 0, session->SendPolicy(weights_, 0), {0});
  const auto message = session->NextWithoutHeartbeats();
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->has_bye());
  EXPECT_TRUE(session->WaitForEnd());
  thread_.join();
  EXPECT_EQ(result_, twin.failure);
}

}  // namespace
}  // namespace kmyriad
