#include "common/rpc/channel.h"

#include <string>

#include "common/rpc/transport_options.h"
#include "gtest/gtest.h"
#include "kmyriad/v1/learner.grpc.pb.h"

namespace kmyriad {
namespace {

TEST(ChannelTest, StatusRoundTripsForEveryCode) {
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    const grpc::Status wire = ToGrpcStatus(status);
    EXPECT_EQ(static_cast<int>(wire.error_code()), code);
    EXPECT_EQ(wire.error_message(), "why");
    EXPECT_EQ(FromGrpcStatus(wire), status);
  }
}

TEST(ChannelTest, RefusesAddressesThatCannotBeReached) {
  for (const char* address : {"", "nonsense", "127.0.0.1:0", "unix:"}) {
    EXPECT_EQ(MakeChannel(address).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(ChannelTest, CallsFailWithUnavailableWithoutPeer) {
  const auto channel =
      MakeChannel("unix:" + ::testing::TempDir() + "/nobody-is-here.sock");
  ASSERT_TRUE(channel.ok()) << channel.status();
  const auto stub = v1::Control::NewStub(*channel);
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(30));
  v1::Status response;
  const absl::Status status = FromGrpcStatus(
      stub->GetStatus(&context, v1::GetStatusRequest(), &response));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
}

TEST(ChannelTest, TextThatIsNoUtf8IsRefusedInSilence) {
  v1::ActorMessage message;
  message.mutable_hello()->set_actor_id("\xff");
  const std::string bytes = message.SerializePartialAsString();
  RouteGrpcLogs();
  ::testing::internal::CaptureStderr();
  const bool parsed = message.ParseFromString(bytes);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(parsed);
}

TEST(ChannelTest, PeersOfThisMachineAreTriedMoreOften) {
  EXPECT_EQ(LongestBackoff("unix:/tmp/learner.sock"), 0.25);
  EXPECT_EQ(LongestBackoff("127.0.0.1:50051"), 0.25);
  EXPECT_EQ(LongestBackoff("learner.example:50051"), 2);
  EXPECT_EQ(LongestBackoff("nonsense"), 2);
}

TEST(ChannelTest, BackoffGrowsWithinItsBounds) {
  Backoff backoff(2);
  double limit = 0.1;
  double longest = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {
    const double seconds = backoff.NextSeconds();
    EXPECT_GT(seconds, 0);
    EXPECT_LE(seconds, limit);
    longest = std::max(longest, seconds);
    limit = std::min(2.0, limit * 2);
  }
  // 195 draws from (0, 2): all below 1 has probability 2^-195.
  EXPECT_GT(longest, 1);
  backoff.Reset();
  EXPECT_LE(backoff.NextSeconds(), 0.1);
}

}  // namespace
}  // namespace kmyriad
