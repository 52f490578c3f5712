// The service over a real connection: a unix socket in a folder of its own.
#include "entropy_service/entropy_service_impl.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "common/rpc/message_codec.h"
#include "entropy_service/epoch_evaluation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/test_epoch.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;
using Messages = std::vector<v1::ScoreEpochRequest>;

v1::ScoreEpochRequest HeaderOf(const TestEpoch& epoch) {
  v1::ScoreEpochRequest message;
  v1::ScoreEpochHeader& header = *message.mutable_header();
  const ScoreRequest& request = epoch.request;
  header.set_run_uuid(ToBytes(request.run_uuid));
  header.set_epoch(request.epoch);
  header.set_particle_digest(ToBytes(request.particle_digest));
  header.set_envs(request.envs);
  header.set_horizon(request.horizon);
  header.set_agents(request.agents);
  header.set_dims(request.dims);
  header.set_k(request.k);
  header.set_floor(request.floor);
  header.set_reward(v1::REWARD_KIND_FORWARD);
  header.set_pooling(v1::POOLING_COLLECTIVE);
  header.set_window(request.window);
  header.set_seed(request.seed);
  if (request.coverage.has_value()) {
    *header.mutable_coverage() = ToProto(*request.coverage);
  }
  return message;
}

v1::ScoreEpochRequest ChunkOf(const TestEpoch& epoch, size_t first,
                              size_t count) {
  v1::ScoreEpochRequest message;
  message.mutable_chunk()->set_first(first);
  message.mutable_chunk()->set_features(epoch.FeatureBytes(first, count));
  message.mutable_chunk()->set_mask(epoch.MaskBytes(first, count));
  return message;
}

// A sealed epoch as messages, in three chunks.
Messages MessagesOf(TestEpoch epoch) {
  epoch.Seal();
  return {HeaderOf(epoch), ChunkOf(epoch, 0, 200), ChunkOf(epoch, 200, 399),
          ChunkOf(epoch, 599, 1)};
}

struct Answer {
  absl::Status status;
  std::vector<v1::ScoreEpochSummary> summaries;
  std::vector<float> rewards;
};

struct Evaluated {
  absl::Status status;
  v1::EvaluateSummary summary;
  // Bytes of the gradient.
  std::string entropy;
};

class EntropyServiceImplTest : public testing::Test {
 protected:
  using Stub = v1::EntropyService::Stub;

  void SetUp() override {
    EntropyEngineOptions options;
    options.threads = 2;
    options.revision = "test";
    KMYRIAD_ASSERT_OK_AND_ASSIGN(
        engine_, EntropyEngine::Create(options, metrics_, RealClock()));
    service_ = std::make_unique<EntropyServiceImpl>(*engine_, metrics_);
    GrpcServerOptions server;
    server.listen = "unix:" + folder_.File("s");
    KMYRIAD_ASSERT_OK_AND_ASSIGN(
        server_,
        GrpcServer::Start(server, {service_.get()}, {kEntropyServiceName}));
    server_->SetReady(true);
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const auto channel,
                                 MakeChannel(server_->address()));
    stub_ = v1::EntropyService::NewStub(channel);
  }
  void TearDown() override {
    server_->Shutdown(1);
    EXPECT_TRUE(StreamsEnd());
  }

  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(DeadlineAfter(30));
    context->set_wait_for_ready(true);
    return context;
  }

  // Sends all, then reads all.
  Answer Score(const Messages& messages) {
    const auto context = Context();
    const auto stream = stub_->ScoreEpoch(context.get());
    for (const v1::ScoreEpochRequest& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
    Answer answer;
    v1::ScoreEpochResponse response;
    while (stream->Read(&response)) {
      if (response.has_summary()) {
        answer.summaries.push_back(response.summary());
        continue;
      }
      const std::string& bytes = response.chunk().rewards();
      EXPECT_EQ(response.chunk().first(), answer.rewards.size());
      const size_t old = answer.rewards.size();
      answer.rewards.resize(old + bytes.size() / sizeof(float));
      std::memcpy(answer.rewards.data() + old, bytes.data(), bytes.size());
    }
    answer.status = FromGrpcStatus(stream->Finish());
    return answer;
  }

  Evaluated Evaluate(const std::vector<v1::EvaluateRequest>& messages) {
    const auto context = Context();
    const auto stream = stub_->Evaluate(context.get());
    for (const v1::EvaluateRequest& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
    Evaluated answer;
    v1::EvaluateResponse response;
    while (stream->Read(&response)) {
      if (response.has_summary()) answer.summary = response.summary();
      answer.entropy += response.chunk().entropy();
    }
    answer.status = FromGrpcStatus(stream->Finish());
    return answer;
  }

  // Streams that have reached the service.
  double StreamsSeen() {
    const auto text = ParsePrometheusText(registry_.Text());
    return text.ok() ? text->Value("kmyriad_entropy_streams_total") : 0;
  }

  // Whether all streams give back what they hold, within ten seconds.
  bool StreamsEnd() {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (service_->open_streams() > 0 && absl::Now() < deadline) {
      std::this_thread::yield();
    }
    return service_->open_streams() == 0;
  }

  TempDir folder_;
  MetricsRegistry registry_;
  EntropyMetrics metrics_{registry_};
  std::unique_ptr<EntropyEngine> engine_;
  std::unique_ptr<EntropyServiceImpl> service_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(EntropyServiceImplTest, AnswersWithTheEnginesScores) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.mask[11] = 0;
  const Answer answer = Score(MessagesOf(epoch));
  ASSERT_THAT(answer.status, IsOk());
  ASSERT_EQ(answer.summaries.size(), 1u);
  epoch.Seal();
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const auto scored,
                               engine_->LastEpoch(epoch.request.run_uuid));
  EXPECT_EQ(scored->request, epoch.request);
  EXPECT_EQ(answer.rewards, scored->rewards);
  const v1::ScoreEpochSummary& summary = answer.summaries[0];
  EXPECT_EQ(summary.entropy_nats(), scored->entropy_nats);
  EXPECT_EQ(summary.grid_entropy_nats(), scored->grid_entropy_nats);
  EXPECT_EQ(summary.coverage(), scored->coverage);
  EXPECT_EQ(summary.cell_visits().size(), 400u);
  EXPECT_EQ(summary.diversity_nats(), scored->diversity_nats);
  EXPECT_EQ(summary.diversity_null_nats(), scored->diversity_null_nats);
  EXPECT_EQ(summary.masked(), 1u);
  EXPECT_EQ(summary.floored(), scored->floored);
  EXPECT_EQ(summary.log_volume_mean(), scored->log_volume_mean);
  EXPECT_EQ(summary.log_volume_std(), scored->log_volume_std);
  EXPECT_EQ(summary.engine(), "grid");
  EXPECT_EQ(summary.unreachable_hits(), 0u);
}

TEST_F(EntropyServiceImplTest, ARepeatGetsTheSameBytes) {
  const Messages messages = MessagesOf(TestEpoch::Uniform());
  const Answer first = Score(messages);
  const Answer second = Score(messages);
  ASSERT_THAT(second.status, IsOk());
  EXPECT_EQ(first.summaries[0].SerializeAsString(),
            second.summaries[0].SerializeAsString());
  EXPECT_EQ(first.rewards, second.rewards);
  EXPECT_EQ(engine_->Info().epochs_scored, 1u);
}

TEST_F(EntropyServiceImplTest, IndividualPoolingIsPassedOn) {
  Messages messages = MessagesOf(TestEpoch::Uniform());
  const Answer collective = Score(messages);
  messages[0].mutable_header()->set_pooling(v1::POOLING_INDIVIDUAL);
  const Answer individual = Score(messages);
  ASSERT_THAT(individual.status, IsOk());
  EXPECT_NE(individual.rewards, collective.rewards);
}

TEST_F(EntropyServiceImplTest, CreditAndDivergencesOfAgentsArePassedOn) {
  const TestEpoch epoch = TestEpoch::Uniform();
  Messages messages = MessagesOf(epoch);
  v1::ScoreEpochHeader& header = *messages[0].mutable_header();
  header.set_reward(v1::REWARD_KIND_MARGINAL);
  header.set_credit(v1::CREDIT_UNIFORM);
  header.set_measure_divergences(true);
  header.set_theiler_window(2);
  header.add_periods(10);
  header.add_periods(0);
  header.set_engine("kd_tree");
  const Answer answer = Score(messages);
  ASSERT_THAT(answer.status, IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const auto scored,
                               engine_->LastEpoch(epoch.request.run_uuid));
  EXPECT_EQ(scored->request.credit, Credit::kUniform);
  EXPECT_EQ(scored->request.theiler_window, 2u);
  EXPECT_EQ(scored->request.periods, (std::vector<float>{10, 0}));
  EXPECT_EQ(scored->request.engine, "kd_tree");
  const v1::ScoreEpochSummary& summary = answer.summaries[0];
  ASSERT_EQ(summary.agent_marginals_nats().size(), 24u);
  EXPECT_EQ(std::memcmp(summary.agent_marginals_nats().data(),
                        scored->agent_marginals_nats.data(), 24),
            0);
  ASSERT_EQ(summary.agent_divergences_nats().size(), 24u);
  EXPECT_EQ(std::memcmp(summary.agent_divergences_nats().data(),
                        scored->agent_divergences_nats.data(), 24),
            0);
  EXPECT_EQ(summary.divergence_nats(), scored->divergence_nats);
  EXPECT_EQ(summary.owner_share(), scored->sharing.owner_share);
  EXPECT_EQ(summary.redundancy(), scored->sharing.redundancy);
  EXPECT_EQ(summary.vendi_score(), scored->sharing.vendi_score);
}

TEST_F(EntropyServiceImplTest, LargeEpochsComeInSeveralChunks) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.envs = 300;
  epoch.request.horizon = 500;
  SeededRandom random(2);
  epoch.features = random.Uniforms(2 * 150000, 0, 10);
  epoch.mask.assign(150000, 1);
  epoch.Seal();
  const Answer answer = Score({HeaderOf(epoch), ChunkOf(epoch, 0, 150000)});
  ASSERT_THAT(answer.status, IsOk());
  EXPECT_EQ(answer.rewards.size(), 150000u);
}

TEST_F(EntropyServiceImplTest, CoverageAndInfoTellOfTheLastEpoch) {
  v1::GetCoverageRequest request;
  v1::GetCoverageResponse coverage;
  const TestEpoch epoch = TestEpoch::Uniform();
  const auto get_coverage = [&] {
    return FromGrpcStatus(
        stub_->GetCoverage(Context().get(), request, &coverage));
  };
  EXPECT_THAT(get_coverage(), StatusIs(absl::StatusCode::kInvalidArgument));
  request.set_run_uuid(ToBytes(epoch.request.run_uuid));
  EXPECT_THAT(get_coverage(), StatusIs(absl::StatusCode::kNotFound));
  const Answer answer = Score(MessagesOf(epoch));
  ASSERT_THAT(answer.status, IsOk());
  ASSERT_THAT(get_coverage(), IsOk());
  EXPECT_EQ(coverage.epoch(), 5u);
  EXPECT_EQ(coverage.cell_visits(), answer.summaries[0].cell_visits());
  EXPECT_EQ(coverage.grid().nx(), 10u);
  v1::GetInfoResponse info;
  ASSERT_TRUE(stub_->GetInfo(Context().get(), {}, &info).ok());
  EXPECT_EQ(info.revision(), "test");
  EXPECT_EQ(info.threads(), 2u);
  EXPECT_EQ(info.epochs_scored(), 1u);
  EXPECT_EQ(info.engine(), "grid");
}

// What a stream may get wrong, and how it is refused.
struct Hostile {
  const char* what;
  absl::StatusCode code;
  const char* names;
  std::function<void(Messages&)> spoil;
};

std::vector<Hostile> HostileHeaders() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto header = [](auto change) {
    return [change](Messages& m) { change(*m[0].mutable_header()); };
  };
  return {
      {"short run id", kInvalid, "run_uuid",
       header([](auto& h) { h.set_run_uuid("short"); })},
      {"short digest", kInvalid, "particle_digest",
       header([](auto& h) { h.set_particle_digest("short"); })},
      {"no reward", kInvalid, "reward = 0",
       header([](auto& h) { h.clear_reward(); })},
      {"unknown reward", kInvalid, "reward = 99",
       header([](auto& h) { h.set_reward(static_cast<v1::RewardKind>(99)); })},
      {"unknown credit", kInvalid, "credit = 9",
       header([](auto& h) { h.set_credit(static_cast<v1::Credit>(9)); })},
      {"endless engine", kInvalid, "engine: a name of 1000 characters",
       header([](auto& h) { h.set_engine(std::string(1000, 'g')); })},
      {"too many periods", kInvalid, "periods = 33", header([](auto& h) {
         for (int i = 0; i < 33; ++i) h.add_periods(1);
       })},
      {"unknown pooling", kInvalid, "pooling = 77",
       header([](auto& h) { h.set_pooling(static_cast<v1::Pooling>(77)); })},
      {"too many particles", absl::StatusCode::kResourceExhausted, "at most",
       header([](auto& h) { h.set_horizon(0xFFFFFFFF); })},
      {"k of the pool's size", kInvalid, "k = 600",
       header([](auto& h) { h.set_k(600); })},
      {"floor not a number", kInvalid, "floor = nan",
       header([](auto& h) { h.set_floor(NAN); })},
      {"grid without cells", kInvalid, "",
       header([](auto& h) { h.mutable_coverage()->set_nx(0); })},
      {"grid of other size", kInvalid, "",
       header([](auto& h) { h.mutable_coverage()->set_reachable("x"); })},
      {"another digest", absl::StatusCode::kDataLoss, "particle_digest",
       header([](auto& h) { h.set_particle_digest(std::string(32, 'x')); })},
  };
}

std::vector<Hostile> HostileStreams() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  return {
      {"nothing", kInvalid, "before the header",
       [](Messages& m) { m.clear(); }},
      {"an empty message", kInvalid, "neither",
       [](Messages& m) { m[0].Clear(); }},
      {"no header", kInvalid, "before the header",
       [](Messages& m) { m.erase(m.begin()); }},
      {"two headers", kInvalid, "second header",
       [](Messages& m) { m[1] = m[0]; }},
      {"a gap", kInvalid, "expected particle 200",
       [](Messages& m) { m.erase(m.begin() + 2); }},
      {"chunks out of order", kInvalid, "expected particle 0",
       [](Messages& m) { std::swap(m[1], m[2]); }},
      {"an end too early", kInvalid, "599 of 600",
       [](Messages& m) { m.pop_back(); }},
      {"a chunk cut short", kInvalid, "chunk.features",
       [](Messages& m) {
         m[1].mutable_chunk()->mutable_features()->resize(9);
       }},
      {"a chunk without a mask", kInvalid, "chunk.mask",
       [](Messages& m) { m[1].mutable_chunk()->clear_mask(); }},
      {"a chunk beyond the end", kInvalid, "the epoch has 600",
       [](Messages& m) {
         m[3].mutable_chunk()->set_mask(std::string(2, 1));
         m[3].mutable_chunk()->set_features(std::string(16, 0));
       }},
      {"a strange mask", kInvalid, "mask of particle 200 = 7",
       [](Messages& m) { (*m[2].mutable_chunk()->mutable_mask())[0] = 7; }},
  };
}

TEST_F(EntropyServiceImplTest, HostileStreamsAreRefusedAndTheServiceLivesOn) {
  std::vector<Hostile> table = HostileHeaders();
  for (Hostile& hostile : HostileStreams()) table.push_back(std::move(hostile));
  for (const Hostile& hostile : table) {
    SCOPED_TRACE(hostile.what);
    Messages messages = MessagesOf(TestEpoch::Uniform());
    hostile.spoil(messages);
    const Answer answer = Score(messages);
    EXPECT_THAT(answer.status,
                StatusIs(hostile.code, HasSubstr(hostile.names)));
    EXPECT_TRUE(answer.summaries.empty());
    EXPECT_TRUE(answer.rewards.empty());
    ASSERT_TRUE(StreamsEnd());
  }
  EXPECT_THAT(Score(MessagesOf(TestEpoch::Uniform())).status, IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const auto text,
                               ParsePrometheusText(registry_.Text()));
  EXPECT_EQ(text.Value("kmyriad_entropy_requests_rejected_total",
                       {{"reason", "invalid_argument"}}),
            static_cast<double>(table.size() - 2));
  EXPECT_EQ(text.Value("kmyriad_entropy_requests_rejected_total",
                       {{"reason", "data_loss"}}),
            1);
}

using Weights = std::vector<v1::EvaluateRequest>;

// Header and two chunks of log-weights for an epoch of 600 particles.
Weights WeightsOf(TestEpoch epoch) {
  epoch.Seal();
  Weights weights(3);
  v1::EvaluateHeader& header = *weights[0].mutable_header();
  header.set_run_uuid(ToBytes(epoch.request.run_uuid));
  header.set_epoch(epoch.request.epoch);
  header.set_particle_digest(ToBytes(epoch.request.particle_digest));
  header.set_form(v1::WEIGHTED_FORM_SELF_NORMALIZED);
  std::vector<float> numbers(600);
  for (size_t i = 0; i < 600; ++i) {
    numbers[i] = 0.01f * static_cast<float>(i % 31);
  }
  weights[1].mutable_chunk()->set_log_weights(numbers.data(), 400 * 4);
  weights[2].mutable_chunk()->set_first(400);
  weights[2].mutable_chunk()->set_log_weights(numbers.data() + 400, 200 * 4);
  return weights;
}

TEST_F(EntropyServiceImplTest, EvaluatesAKeptEpochUnderOtherWeights) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.keep_neighbors = true;
  EXPECT_THAT(Evaluate(WeightsOf(epoch)).status,
              StatusIs(absl::StatusCode::kNotFound));
  Messages messages = MessagesOf(epoch);
  ASSERT_THAT(Score(messages).status, IsOk());
  EXPECT_THAT(Evaluate(WeightsOf(epoch)).status,
              StatusIs(absl::StatusCode::kFailedPrecondition));
  messages[0].mutable_header()->set_keep_neighbors(true);
  ASSERT_THAT(Score(messages).status, IsOk());
  const Evaluated first = Evaluate(WeightsOf(epoch));
  ASSERT_THAT(first.status, IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(auto scored,
                               engine_->LastEpoch(epoch.request.run_uuid));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      EpochEvaluation expected,
      EpochEvaluation::Create(scored, WeightedForm::kSelfNormalized));
  const Weights weights = WeightsOf(epoch);
  ASSERT_THAT(expected.Append(0, weights[1].chunk().log_weights() +
                                     weights[2].chunk().log_weights()),
              IsOk());
  const EvaluatedEpoch engine = expected.Compute();
  EXPECT_EQ(first.summary.entropy_nats(), engine.entropy_nats);
  EXPECT_EQ(first.summary.kl_nats(), engine.kl_nats);
  EXPECT_EQ(first.summary.effective_samples(), engine.effective_samples);
  EXPECT_EQ(first.summary.agent_effective_samples().size(), 24u);
  EXPECT_EQ(first.entropy.size(), 2400u);
  EXPECT_EQ(
      std::memcmp(first.entropy.data(), engine.entropy_gradient.data(), 2400),
      0);
  // Nothing has changed.
  EXPECT_EQ(Evaluate(WeightsOf(epoch)).entropy, first.entropy);
}

TEST_F(EntropyServiceImplTest, HostileWeightsAreRefusedAndTheEpochStays) {
  TestEpoch epoch = TestEpoch::Uniform();
  Messages messages = MessagesOf(epoch);
  messages[0].mutable_header()->set_keep_neighbors(true);
  ASSERT_THAT(Score(messages).status, IsOk());
  const std::string expected = Evaluate(WeightsOf(epoch)).entropy;
  struct Case {
    absl::StatusCode code;
    const char* names;
    std::function<void(Weights&)> spoil;
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const std::vector<Case> cases = {
      {kInvalid, "before the header", [](Weights& w) { w.clear(); }},
      {kInvalid, "before the header", [](Weights& w) { w.erase(w.begin()); }},
      {kInvalid, "second header", [](Weights& w) { w[1] = w[0]; }},
      {kInvalid, "neither", [](Weights& w) { w[1].Clear(); }},
      {kInvalid, "expected particle 0", [](Weights& w) { w[1] = w[2]; }},
      {kInvalid, "after 400 of 600", [](Weights& w) { w.pop_back(); }},
      {kInvalid, "has 600 particles",
       [](Weights& w) {
         w[2].mutable_chunk()->set_log_weights(std::string(804, '\0'));
       }},
      {kInvalid, "log_weight of particle 400",
       [](Weights& w) {
         w[2].mutable_chunk()->set_log_weights(std::string(800, '\x7f'));
       }},
      {kInvalid, "form = 0",
       [](Weights& w) { w[0].mutable_header()->clear_form(); }},
      {kInvalid, "run_uuid",
       [](Weights& w) { w[0].mutable_header()->set_run_uuid("r"); }},
      {kInvalid, "particle_digest",
       [](Weights& w) { w[0].mutable_header()->set_particle_digest("d"); }},
      {absl::StatusCode::kNotFound, "epoch 6",
       [](Weights& w) { w[0].mutable_header()->set_epoch(6); }},
  };
  for (const Case& wrong : cases) {
    SCOPED_TRACE(wrong.names);
    Weights weights = WeightsOf(epoch);
    wrong.spoil(weights);
    EXPECT_THAT(Evaluate(weights).status,
                StatusIs(wrong.code, HasSubstr(wrong.names)));
    ASSERT_TRUE(StreamsEnd());
  }
  EXPECT_EQ(Evaluate(WeightsOf(epoch)).entropy, expected);
}

TEST_F(EntropyServiceImplTest, BadNumbersAndPoolsAreRefusedOnceTheyAreKnown) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.features[100] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(Score(MessagesOf(epoch)).status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("feature 0 of point 50")));
  epoch.mask.assign(600, 0);
  EXPECT_THAT(Score(MessagesOf(epoch)).status,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("0 of 600 particles")));
}

TEST_F(EntropyServiceImplTest, ClientsThatVanishFreeWhatTheyHeld) {
  const Messages messages = MessagesOf(TestEpoch::Uniform());
  for (const size_t sent : {size_t{1}, size_t{3}, messages.size()}) {
    const auto context = Context();
    const double before = StreamsSeen();
    const auto stream = stub_->ScoreEpoch(context.get());
    for (size_t i = 0; i < sent; ++i) ASSERT_TRUE(stream->Write(messages[i]));
    // A call that is cancelled on its way may never reach the service.
    while (StreamsSeen() == before) std::this_thread::yield();
    context->TryCancel();
    stream->Finish();
    EXPECT_TRUE(StreamsEnd()) << sent << " messages";
  }
  EXPECT_THAT(Score(messages).status, IsOk());
}

TEST_F(EntropyServiceImplTest, StreamsBeyondTheLimitAreTurnedAway) {
  const Messages messages = MessagesOf(TestEpoch::Uniform());
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<
      grpc::ClientReaderWriter<v1::ScoreEpochRequest, v1::ScoreEpochResponse>>>
      streams;
  for (int i = 0; i < EntropyServiceImpl::kMaxStreams; ++i) {
    contexts.push_back(Context());
    streams.push_back(stub_->ScoreEpoch(contexts.back().get()));
    ASSERT_TRUE(streams.back()->Write(messages[0]));
  }
  while (service_->open_streams() < EntropyServiceImpl::kMaxStreams) {
    std::this_thread::yield();
  }
  EXPECT_THAT(Score(messages).status,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("retry")));
  for (size_t i = 0; i < streams.size(); ++i) {
    contexts[i]->TryCancel();
    streams[i]->Finish();
  }
  ASSERT_TRUE(StreamsEnd());
  EXPECT_THAT(Score(messages).status, IsOk());
}

TEST_F(EntropyServiceImplTest, AnAnswerComesBeforeTheClientEndsItsSide) {
  const Messages messages = MessagesOf(TestEpoch::Uniform());
  const auto context = Context();
  const auto stream = stub_->ScoreEpoch(context.get());
  for (const auto& message : messages) ASSERT_TRUE(stream->Write(message));
  v1::ScoreEpochResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_summary());
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(EntropyServiceImplTest, ShutdownEndsOpenStreams) {
  const auto context = Context();
  const auto stream = stub_->ScoreEpoch(context.get());
  ASSERT_TRUE(stream->Write(MessagesOf(TestEpoch::Uniform())[0]));
  server_->Shutdown(0);
  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_TRUE(StreamsEnd());
}

}  // namespace
}  // namespace kmyriad
