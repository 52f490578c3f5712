// What an entropy service may answer to the learner.
#include <memory>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/rpc/transport_options.h"
#include "learner/trainer/grpc_entropy_client.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {
namespace {

// A stream on which the service says the input.
template <typename Request, typename Response>
class InputStream
    : public grpc::ClientReaderWriterInterface<Request, Response> {
 public:
  explicit InputStream(absl::string_view bytes) : input_(bytes) {}
  bool Write(const Request&, grpc::WriteOptions) override { return true; }
  bool WritesDone() override { return true; }
  void WaitForInitialMetadata() override {}
  bool NextMessageSize(uint32_t*) override { return false; }
  bool Read(Response* response) override {
    if (input_.empty()) return false;
    const absl::string_view frame = input_.Frame();
    return response->ParseFromArray(frame.data(),
                                    static_cast<int>(frame.size()));
  }
  grpc::Status Finish() override { return grpc::Status::OK; }

 private:
  FuzzInput input_;
};

// Only ScoreEpoch and Evaluate are called.
class InputStub : public v1::EntropyService::StubInterface {
 public:
  explicit InputStub(absl::string_view bytes) : bytes_(bytes) {}
  grpc::Status GetCoverage(grpc::ClientContext*, const v1::GetCoverageRequest&,
                           v1::GetCoverageResponse*) override {
    return grpc::Status::CANCELLED;
  }
  grpc::Status GetInfo(grpc::ClientContext*, const v1::GetInfoRequest&,
                       v1::GetInfoResponse*) override {
    return grpc::Status::CANCELLED;
  }

 private:
  template <typename Message>
  using Reader = grpc::ClientAsyncResponseReaderInterface<Message>;
  template <typename Request, typename Response>
  using Stream = grpc::ClientReaderWriterInterface<Request, Response>;
  template <typename Request, typename Response>
  using AsyncStream = grpc::ClientAsyncReaderWriterInterface<Request, Response>;
  using AsyncScore = AsyncStream<v1::ScoreEpochRequest, v1::ScoreEpochResponse>;
  using AsyncEvaluate = AsyncStream<v1::EvaluateRequest, v1::EvaluateResponse>;

  Stream<v1::ScoreEpochRequest, v1::ScoreEpochResponse>* ScoreEpochRaw(
      grpc::ClientContext*) override {
    return new InputStream<v1::ScoreEpochRequest, v1::ScoreEpochResponse>(
        bytes_);
  }
  AsyncScore* AsyncScoreEpochRaw(grpc::ClientContext*, grpc::CompletionQueue*,
                                 void*) override {
    return nullptr;
  }
  AsyncScore* PrepareAsyncScoreEpochRaw(grpc::ClientContext*,
                                        grpc::CompletionQueue*) override {
    return nullptr;
  }
  Stream<v1::EvaluateRequest, v1::EvaluateResponse>* EvaluateRaw(
      grpc::ClientContext*) override {
    return new InputStream<v1::EvaluateRequest, v1::EvaluateResponse>(bytes_);
  }
  AsyncEvaluate* AsyncEvaluateRaw(grpc::ClientContext*, grpc::CompletionQueue*,
                                  void*) override {
    return nullptr;
  }
  AsyncEvaluate* PrepareAsyncEvaluateRaw(grpc::ClientContext*,
                                         grpc::CompletionQueue*) override {
    return nullptr;
  }
  Reader<v1::GetCoverageResponse>* AsyncGetCoverageRaw(
      grpc::ClientContext*, const v1::GetCoverageRequest&,
      grpc::CompletionQueue*) override {
    return nullptr;
  }
  Reader<v1::GetCoverageResponse>* PrepareAsyncGetCoverageRaw(
      grpc::ClientContext*, const v1::GetCoverageRequest&,
      grpc::CompletionQueue*) override {
    return nullptr;
  }
  Reader<v1::GetInfoResponse>* AsyncGetInfoRaw(
      grpc::ClientContext*, const v1::GetInfoRequest&,
      grpc::CompletionQueue*) override {
    return nullptr;
  }
  Reader<v1::GetInfoResponse>* PrepareAsyncGetInfoRaw(
      grpc::ClientContext*, const v1::GetInfoRequest&,
      grpc::CompletionQueue*) override {
    return nullptr;
  }

  const absl::string_view bytes_;
};

}  // namespace

void RunInput(absl::string_view input) {
  // A line per text that is no UTF-8 costs more than the rest.
  RouteGrpcLogs();
  static const std::vector<float> particles(2 * 20);
  static const std::vector<uint8_t> mask(20, 1);
  ScoreRequest request;
  request.envs = 4;
  request.horizon = 5;
  request.agents = 2;
  request.dims = 2;
  request.coverage.nx = request.coverage.ny = 2;
  request.coverage.cell_size = 1;
  request.coverage.reachable = {1, 1, 0, 1};
  request.particles = particles.data();
  request.mask = mask.data();
  request.particle_digest = ParticleDigest(request);
  const auto client =
      MakeGrpcEntropyClient(std::make_unique<InputStub>(input), "input");
  const std::vector<float> log_weights(20);
  const auto evaluated =
      client->Evaluate(request, WeightedForm::kMepol, log_weights.data(),
                       [](absl::string_view, double) { return false; });
  if (evaluated.ok()) {
    KMYRIAD_CHECK(evaluated->entropy_gradient.size() == 20);
    KMYRIAD_CHECK(evaluated->agent_effective_samples.size() == 2);
  }
  const auto result = client->ScoreEpoch(
      request, [](absl::string_view, double) { return false; });
  if (!result.ok()) return;
  KMYRIAD_CHECK(result->rewards.size() == 20);
  KMYRIAD_CHECK(result->cell_visits.size() == 4);
}

std::vector<std::string> Seeds() {
  v1::ScoreEpochResponse summary;
  summary.mutable_summary()->set_entropy_nats(1);
  summary.mutable_summary()->set_cell_visits(std::string(16, '\0'));
  v1::ScoreEpochResponse chunk;
  chunk.mutable_chunk()->set_rewards(std::string(40, '\0'));
  v1::ScoreEpochResponse second = chunk;
  second.mutable_chunk()->set_first(10);
  v1::EvaluateResponse evaluated;
  evaluated.mutable_summary()->set_entropy_nats(1);
  evaluated.mutable_summary()->set_agent_effective_samples(
      std::string(16, '\0'));
  v1::EvaluateResponse gradients;
  gradients.mutable_chunk()->set_entropy(std::string(80, '\0'));
  return {FrameOf(summary.SerializeAsString()) +
              FrameOf(chunk.SerializeAsString()) +
              FrameOf(second.SerializeAsString()),
          FrameOf(evaluated.SerializeAsString()) +
              FrameOf(gradients.SerializeAsString())};
}

}  // namespace kmyriad
