#include "learner/trainer/grpc_entropy_client.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
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
  grpc::Status Evaluate(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::EvaluateResponse, v1::EvaluateRequest>*
          stream) override {
    // A client that refuses goes on while the rest is being written.
    const std::vector<v1::EvaluateResponse> script = evaluation;
    v1::EvaluateRequest request;
    stream->Read(&request);
    weights_header = request.header();
    log_weights.clear();
    while (stream->Read(&request)) {
      log_weights += request.chunk().log_weights();
    }
    for (const v1::EvaluateResponse& response : script) {
      stream->Write(response);
    }
    return evaluate(header);
  }

  v1::ScoreEpochHeader header;
  std::string features;
  std::string mask;
  size_t largest = 0;
  int calls = 0;
  std::function<grpc::Status(ServerStream*)> answer;
  v1::EvaluateHeader weights_header;
  std::string log_weights;
  std::vector<v1::EvaluateResponse> evaluation;
  // Of the header that was scored last.
  std::function<grpc::Status(const v1::ScoreEpochHeader&)> evaluate;
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
    request_.particle_digest = ParticleDigest(request_);
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

TEST_F(GrpcEntropyClientTest, SendsHowToSearchAndReadsDivergences) {
  request_.engine = "kd_tree";
  request_.periods = {0, 6.25f, 2};
  request_.measure_divergences = true;
  const std::vector<double> divergences(request_.agents, 0.5);
  const auto answer = [&](size_t agents) {
    return [&divergences, agents](ServerStream* stream) {
      v1::ScoreEpochResponse summary = Summary();
      summary.mutable_summary()->set_divergence_nats(0.5);
      summary.mutable_summary()->set_agent_divergences_nats(
          std::string(reinterpret_cast<const char*>(divergences.data()),
                      agents * sizeof(double)));
      stream->Write(summary);
      stream->Write(Rewards(0, kCount));
      return grpc::Status::OK;
    };
  };
  service_.answer = answer(request_.agents);
  const auto result = Score();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(service_.header.engine(), "kd_tree");
  EXPECT_THAT(service_.header.periods(), testing::ElementsAre(0, 6.25f, 2));
  EXPECT_TRUE(service_.header.measure_divergences());
  EXPECT_EQ(result->divergence_nats, 0.5);
  EXPECT_EQ(result->agent_divergences_nats, divergences);
  service_.answer = answer(request_.agents - 1);
  EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kInternal,
                                HasSubstr("bytes of divergences")));
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

TEST_F(GrpcEntropyClientTest, CancelBeforeACallHoldsUntilItIsCleared) {
  client_->Cancel();
  EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(service_.calls, 0);
  client_->ClearCancel();
  EXPECT_THAT(Score(), IsOk());
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

TEST_F(GrpcEntropyClientTest, RewardsGoByTheirNames) {
  const std::tuple<const char*, v1::RewardKind, v1::Credit> kNames[] = {
      {"forward", v1::REWARD_KIND_FORWARD, v1::CREDIT_UNSPECIFIED},
      {"apt", v1::REWARD_KIND_APT, v1::CREDIT_UNSPECIFIED},
      {"selfnorm_reverse", v1::REWARD_KIND_SELFNORM_REVERSE,
       v1::CREDIT_UNSPECIFIED},
      {"mepol_exact", v1::REWARD_KIND_MEPOL_EXACT, v1::CREDIT_UNSPECIFIED},
      {"cross_novelty", v1::REWARD_KIND_CROSS_NOVELTY, v1::CREDIT_UNSPECIFIED},
      {"marginal", v1::REWARD_KIND_MARGINAL, v1::CREDIT_LEAVE_ONE_OUT},
      {"marginal_uniform", v1::REWARD_KIND_MARGINAL, v1::CREDIT_UNIFORM},
      {"marginal_shuffled", v1::REWARD_KIND_MARGINAL, v1::CREDIT_SHUFFLED}};
  for (const auto& [name, kind, credit] : kNames) {
    request_.reward = name;
    ASSERT_THAT(Score(), IsOk());
    EXPECT_EQ(service_.header.reward(), kind);
    EXPECT_EQ(service_.header.credit(), credit);
    EXPECT_FALSE(service_.header.keep_neighbors());
  }
  request_.reward = "none";
  EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("reward = none")));
}

TEST_F(GrpcEntropyClientTest, AWindowSendsAllItsEpochs) {
  // Half of the steps are an older epoch's.
  request_.horizon = 150;
  request_.window = 2;
  request_.theiler_window = 7;
  service_.answer = [](ServerStream* stream) {
    stream->Write(Summary());
    stream->Write(Rewards(0, kCount / 2));
    return grpc::Status::OK;
  };
  const auto result = Score();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(service_.header.window(), 2u);
  EXPECT_EQ(service_.header.theiler_window(), 7u);
  EXPECT_EQ(service_.mask.size(), kCount);
  EXPECT_EQ(service_.header.particle_digest(),
            ToBytes(Sha256Of(service_.features + service_.mask)));
  EXPECT_EQ(result->rewards.size(), kCount / 2);
}

class EvaluateTest : public GrpcEntropyClientTest {
 protected:
  EvaluateTest() : log_weights_(kCount, 0.25f) {
    log_weights_[kCount - 1] = 7;
    v1::EvaluateResponse summary;
    summary.mutable_summary()->set_entropy_nats(1.5);
    const std::vector<double> samples(10, 3);
    summary.mutable_summary()->set_agent_effective_samples(
        samples.data(), samples.size() * sizeof(double));
    service_.evaluation = {summary, Gradients(0, 100000),
                           Gradients(100000, 200000)};
    service_.evaluate = [](const auto&) { return grpc::Status::OK; };
  }
  static v1::EvaluateResponse Gradients(uint64_t first, size_t count) {
    v1::EvaluateResponse response;
    const std::vector<float> ones(count, 1);
    response.mutable_chunk()->set_first(first);
    response.mutable_chunk()->set_entropy(ones.data(), count * 4);
    return response;
  }
  absl::StatusOr<EvaluateResult> Evaluate() {
    return client_->Evaluate(request_, WeightedForm::kMepol,
                             log_weights_.data(),
                             [this](absl::string_view reason, double seconds) {
                               reasons_.push_back(std::string(reason));
                               EXPECT_LE(seconds, 2.0);
                               return reasons_.size() <= patience_;
                             });
  }

  std::vector<float> log_weights_;
  // Waits before it is given up.
  size_t patience_ = 0;
};

TEST_F(EvaluateTest, WeightsArriveWholeAndGradientsComeBack) {
  const auto result = Evaluate();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(service_.log_weights.size(), kCount * sizeof(float));
  EXPECT_EQ(std::memcmp(service_.log_weights.data(), log_weights_.data(),
                        service_.log_weights.size()),
            0);
  EXPECT_EQ(service_.weights_header.epoch(), 4u);
  EXPECT_EQ(service_.weights_header.form(), v1::WEIGHTED_FORM_MEPOL);
  EXPECT_EQ(service_.calls, 0);
  EXPECT_EQ(result->entropy_nats, 1.5);
  EXPECT_EQ(result->agent_effective_samples, std::vector<double>(10, 3));
  EXPECT_EQ(result->entropy_gradient, std::vector<float>(kCount, 1));
}

// An older service sends bytes of a field that is gone.
TEST_F(EvaluateTest, FieldsThatAreUnknownAreIgnored) {
  for (size_t i : {1u, 2u}) {
    v1::GradientChunk& chunk = *service_.evaluation[i].mutable_chunk();
    chunk.GetReflection()->MutableUnknownFields(&chunk)->AddLengthDelimited(
        3, std::string(chunk.entropy().size(), '\0'));
  }
  const auto result = Evaluate();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->entropy_gradient, std::vector<float>(kCount, 1));
}

// Particles are hashed once, however often an epoch is asked about.
TEST_F(EvaluateTest, AllCallsSendTheDigestOfTheRequest) {
  request_.particle_digest.fill(7);
  ASSERT_THAT(Score(), IsOk());
  ASSERT_THAT(Evaluate(), IsOk());
  EXPECT_EQ(service_.header.particle_digest(), std::string(32, 7));
  EXPECT_EQ(service_.weights_header.particle_digest(), std::string(32, 7));
}

TEST_F(EvaluateTest, AnEpochThatIsNotHeldIsScoredFirst) {
  const auto answers = std::move(service_.evaluation);
  service_.evaluate = [&](const v1::ScoreEpochHeader& scored) {
    if (scored.keep_neighbors()) return grpc::Status::OK;
    service_.evaluation = answers;
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "restarted");
  };
  EXPECT_THAT(Evaluate(), IsOk());
  EXPECT_EQ(service_.calls, 1);
  EXPECT_TRUE(service_.header.keep_neighbors());
  EXPECT_EQ(service_.weights_header.particle_digest(),
            service_.header.particle_digest());
  EXPECT_TRUE(reasons_.empty());
}

TEST_F(EvaluateTest, AnEpochThatIsLostAgainAndAgainIsScoredAgain) {
  const auto answers = std::move(service_.evaluation);
  service_.evaluation.clear();
  int losses = 0;
  service_.evaluate = [&](const auto&) {
    // The next call writes them.
    if (service_.calls == losses) service_.evaluation = answers;
    if (service_.calls > losses) return grpc::Status::OK;
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "restarted");
  };
  losses = 3;
  patience_ = 3;
  EXPECT_THAT(Evaluate(), IsOk());
  EXPECT_EQ(service_.calls, 4);
  // The first time at once.
  ASSERT_EQ(reasons_.size(), 3u);
  EXPECT_THAT(reasons_[0], AllOf(HasSubstr("waiting for the entropy service"),
                                 HasSubstr("restarted")));
}

TEST_F(EvaluateTest, AnEpochThatIsNeverHeldIsGivenUp) {
  service_.evaluation.clear();
  service_.evaluate = [](const auto&) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no room");
  };
  patience_ = 2;
  EXPECT_THAT(Evaluate(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(service_.calls, 3);
  // By itself, too.
  patience_ = 100;
  EXPECT_THAT(Evaluate(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no room")));
  EXPECT_EQ(service_.calls, 3 + 10);
}

TEST_F(EvaluateTest, AnswersThatDoNotFitAreRefused) {
  const std::vector<v1::EvaluateResponse> good = service_.evaluation;
  using Script = std::function<void(std::vector<v1::EvaluateResponse>&)>;
  const std::vector<Script> scripts = {
      [](auto& m) { m.clear(); },
      [](auto& m) { m.pop_back(); },
      [](auto& m) { m.erase(m.begin()); },
      [](auto& m) { m[1] = m[0]; },
      [](auto& m) { std::swap(m[1], m[2]); },
      [](auto& m) { m.push_back(Gradients(kCount, 1)); },
      [](auto& m) {
        m[1].mutable_chunk()->set_entropy(std::string(400000, '\xff'));
      },
      [](auto& m) { m[0].mutable_summary()->set_agent_effective_samples("x"); },
  };
  for (size_t i = 0; i < scripts.size(); ++i) {
    service_.evaluation = good;
    scripts[i](service_.evaluation);
    EXPECT_THAT(Evaluate(), StatusIs(absl::StatusCode::kInternal)) << i;
  }
}

// Two replicas, each of which answers distances of its own for its shard.
class ReplicasTest : public GrpcEntropyClientTest {
 protected:
  class Replica : public v1::EntropyService::Service {
   public:
    grpc::Status ScoreEpoch(grpc::ServerContext*,
                            ServerStream* stream) override {
      v1::ScoreEpochRequest request;
      stream->Read(&request);
      const v1::ScoreEpochHeader header = request.header();
      std::string received;
      while (stream->Read(&request)) {
        received += request.chunk().squared_distances();
      }
      absl::MutexLock lock(&mutex);
      if (header.shard_count() == 0) {
        scored = received;
        stream->Write(Summary());
        stream->Write(Rewards(0, kCount));
        return grpc::Status::OK;
      }
      shards.push_back(header.shard_index());
      if (refusals > 0) {
        --refusals;
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "starting");
      }
      const uint64_t first = kCount * header.shard_index() / 2;
      const uint64_t last = kCount * (header.shard_index() + 1) / 2;
      stream->Write(Summary());
      const std::vector<float> distances(
          last - first - missing, static_cast<float>(header.shard_index() + 1));
      v1::ScoreEpochResponse response;
      response.mutable_distances()->set_first(first);
      response.mutable_distances()->set_squared_distances(
          distances.data(), distances.size() * sizeof(float));
      stream->Write(response);
      return grpc::Status::OK;
    }

    absl::Mutex mutex;
    std::vector<uint32_t> shards;
    std::string scored;
    int refusals = 0;
    size_t missing = 0;
  };

  void SetUp() override {
    GrpcEntropyClientTest::SetUp();
    std::string addresses;
    for (int i : {0, 1}) {
      GrpcServerOptions options;
      options.listen = "unix:" + folder_.File("replica" + std::to_string(i));
      auto server = GrpcServer::Start(options, {&replicas_[i]}, {});
      ASSERT_THAT(server, IsOk());
      addresses += (i > 0 ? "," : "") + (*server)->address();
      servers_.push_back(*std::move(server));
    }
    auto client = MakeGrpcEntropyClient(addresses);
    ASSERT_THAT(client, IsOk());
    client_ = *std::move(client);
  }
  void TearDown() override {
    for (const auto& server : servers_) server->Shutdown(0);
    GrpcEntropyClientTest::TearDown();
  }

  Replica replicas_[2];
  std::vector<std::unique_ptr<GrpcServer>> servers_;
};

TEST_F(ReplicasTest, EachSearchesItsShardAndTheFirstScoresByAllDistances) {
  ASSERT_THAT(Score(), IsOk());
  EXPECT_EQ(replicas_[0].shards, std::vector<uint32_t>{0});
  EXPECT_EQ(replicas_[1].shards, std::vector<uint32_t>{1});
  std::vector<float> expected(kCount, 1);
  std::fill(expected.begin() + kCount / 2, expected.end(), 2.0f);
  ASSERT_EQ(replicas_[0].scored.size(), kCount * sizeof(float));
  EXPECT_EQ(std::memcmp(replicas_[0].scored.data(), expected.data(),
                        replicas_[0].scored.size()),
            0);
  EXPECT_EQ(replicas_[1].scored, "");
}

TEST_F(ReplicasTest, AMissingReplicaIsNamedAndWaitedFor) {
  replicas_[1].refusals = 2;
  ASSERT_THAT(Score(), IsOk());
  ASSERT_EQ(reasons_.size(), 2u);
  EXPECT_THAT(reasons_[0], AllOf(HasSubstr("all 2 replicas"),
                                 HasSubstr("replica1"), HasSubstr("starting")));
  EXPECT_EQ(replicas_[1].shards.size(), 3u);
}

TEST_F(ReplicasTest, AnEpochIsNeverScoredByFewerDistances) {
  replicas_[1].missing = 1;
  EXPECT_THAT(Score(), StatusIs(absl::StatusCode::kInternal,
                                HasSubstr("149999 distances for 150000")));
  EXPECT_EQ(replicas_[0].scored, "");
}

TEST_F(ReplicasTest, WhatCannotBeSharedIsTheFirstReplicas) {
  request_.reward = "apt";
  ASSERT_THAT(Score(), IsOk());
  EXPECT_TRUE(replicas_[0].shards.empty());
  EXPECT_TRUE(replicas_[1].shards.empty());
}

}  // namespace
}  // namespace kmyriad
