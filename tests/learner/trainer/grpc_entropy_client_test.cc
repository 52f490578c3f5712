#include "learner/trainer/grpc_entropy_client.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ServerStream =
    grpc::ServerReaderWriter<v1::ScoreEpochResponse, v1::ScoreEpochRequest>;

// A service that checks what it gets and answers what the test says.
class ScriptedService : public v1::EntropyService::Service {
 public:
  grpc::Status ScoreEpoch(grpc::ServerContext*, ServerStream* stream) override {
    v1::ScoreEpochRequest request;
    stream->Read(&request);
    header = request.header();
    features.clear();
    mask.clear();
    while (stream->Read(&request)) {
      largest = std::max(largest, request.ByteSizeLong());
      features += request.chunk().features();
      mask += request.chunk().mask();
    }
    ++calls;
    return answer(stream);
  }

  v1::ScoreEpochHeader header;
  std::string features;
  std::string mask;
  size_t largest = 0;
  int calls = 0;
  std::function<grpc::Status(ServerStream*)> answer;
};

class GrpcEntropyClientTest : public ::testing::Test {
 protected:
  GrpcEntropyClientTest() : particles_(2 * kCount), mask_(kCount, 1) {
    for (size_t i = 0; i < particles_.size(); ++i) {
      particles_[i] = static_cast<float>(i);
    }
    mask_[5] = 0;
    request_.epoch = 4;
    request_.envs = 1000;
    request_.horizon = 300;
    request_.agents = 10;
    request_.dims = 2;
    request_.k = 7;
    request_.floor = 0.5f;
    request_.coverage = {0, 0, 1, 2, 1, {1, 0}};
    request_.particles = particles_.data();
    request_.mask = mask_.data();
    service_.answer = [this](ServerStream* stream) {
      return AnswerWell(stream);
    };
  }
  void SetUp() override {
    GrpcServerOptions options;
    options.listen = "unix:" + folder_.File("socket");
    auto server = GrpcServer::Start(options, {&service_}, {});
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    auto client = MakeGrpcEntropyClient(server_->address());
    ASSERT_THAT(client, IsOk());
    client_ = *std::move(client);
  }
  void TearDown() override { server_->Shutdown(0); }

  static v1::ScoreEpochResponse Summary() {
    v1::ScoreEpochResponse response;
    response.mutable_summary()->set_entropy_nats(3.5);
    response.mutable_summary()->set_cell_visits(std::string(8, '\1'));
    return response;
  }
  static v1::ScoreEpochResponse Rewards(uint64_t first, uint64_t count,
                                        float value = 1) {
    v1::ScoreEpochResponse response;
    response.mutable_chunk()->set_first(first);
    const std::vector<float> values(count, value);
    response.mutable_chunk()->set_rewards(values.data(), count * sizeof(float));
    return response;
  }
  grpc::Status AnswerWell(ServerStream* stream) {
    stream->Write(Summary());
    stream->Write(Rewards(0, 200000, 2));
    stream->Write(Rewards(200000, kCount - 200000, 3));
    return grpc::Status::OK;
  }
  absl::StatusOr<ScoreResult> Score() {
    return client_->ScoreEpoch(
        request_, [this](absl::string_view reason, double seconds) {
          reasons_.push_back(std::string(reason));
          EXPECT_LE(seconds, 2.0);
          return reasons_.size() < 4;
        });
  }

  static constexpr size_t kCount = 300000;
  TempDir folder_;
  std::vector<float> particles_;
  std::vector<uint8_t> mask_;
  ScoreRequest request_;
  ScriptedService service_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<EntropyClient> client_;
  std::vector<std::string> reasons_;
};

TEST_F(GrpcEntropyClientTest, ParticlesArriveWholeInSmallChunks) {
  const auto result = Score();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(service_.features.size(), particles_.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(service_.features.data(), particles_.data(),
                        service_.features.size()),
            0);
  EXPECT_EQ(service_.mask.size(), kCount);
  EXPECT_EQ(service_.mask[5], 0);
  EXPECT_LE(service_.largest, (1u << 20) + 64);
  EXPECT_EQ(service_.header.particle_digest(),
            ToBytes(Sha256Of(service_.features + service_.mask)));
  EXPECT_EQ(service_.header.k(), 7u);
  EXPECT_EQ(result->entropy_nats, 3.5);
  EXPECT_EQ(result->rewards.front(), 2);
  EXPECT_EQ(result->rewards.back(), 3);
  EXPECT_EQ(result->cell_visits[1], 0x01010101u);
}

TEST_F(GrpcEntropyClientTest, RetriesWhileTheServiceIsAwayAndGivesUpOnDemand) {
  service_.answer = [this](ServerStream* stream) {
    if (service_.calls < 3) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "starting");
    }
    return AnswerWell(stream);
  };
  EXPECT_THAT(Score(), IsOk());
  EXPECT_EQ(reasons_.size(), 2u);
  EXPECT_THAT(reasons_[0], AllOf(HasSubstr("waiting for the entropy service"),
                                 HasSubstr("starting")));
  service_.answer = [](ServerStream*) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  };
  EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(GrpcEntropyClientTest, CancelBetweenTwoAttemptsIsNotLost) {
  service_.answer = [this](ServerStream* stream) {
    if (service_.calls < 2) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "starting");
    }
    return AnswerWell(stream);
  };
  const auto result = client_->ScoreEpoch(
      request_, [this](absl::string_view /*reason*/, double /*seconds*/) {
        client_->Cancel();
        return true;
      });
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(GrpcEntropyClientTest, OtherErrorsAreFinalAndKeepTheirMessage) {
  service_.answer = [](ServerStream*) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "k = 7: too many");
  };
  EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("k = 7: too many")));
  EXPECT_TRUE(reasons_.empty());
}

TEST_F(GrpcEntropyClientTest, AnswersThatDoNotFitAreRefused) {
  using Script = std::function<void(ServerStream*)>;
  const std::vector<Script> scripts = {
      [](ServerStream*) {},
      [](ServerStream* s) { s->Write(Rewards(0, 10)); },
      [](ServerStream* s) { s->Write(Summary()); },
      [](ServerStream* s) {
        s->Write(Summary());
        s->Write(Summary());
      },
      [](ServerStream* s) {
        s->Write(Summary());
        s->Write(Rewards(10, 10));
      },
      [](ServerStream* s) {
        s->Write(Summary());
        s->Write(Rewards(0, kCount));
        s->Write(Rewards(kCount, 1));
      },
      [](ServerStream* s) {
        s->Write(Summary());
        s->Write(Rewards(0, 5, std::numeric_limits<float>::quiet_NaN()));
      },
      [](ServerStream* s) {
        v1::ScoreEpochResponse summary = Summary();
        summary.mutable_summary()->set_cell_visits("123");
        s->Write(summary);
      },
  };
  for (size_t i = 0; i < scripts.size(); ++i) {
    service_.answer = [&](ServerStream* stream) {
      scripts[i](stream);
      return grpc::Status::OK;
    };
    EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kInternal)) << i;
  }
}

}  // namespace
}  // namespace kmyriad
