#ifndef KMYRIAD_ENTROPY_SERVICE_ENTROPY_SERVICE_IMPL_H_
#define KMYRIAD_ENTROPY_SERVICE_ENTROPY_SERVICE_IMPL_H_

#include <atomic>
#include <memory>

#include "common/base/thread_pool.h"
#include "entropy_service/entropy_engine.h"
#include "entropy_service/entropy_metrics.h"
#include "grpcpp/grpcpp.h"
#include "kmyriad/v1/entropy_service.grpc.pb.h"

namespace kmyriad {

// Name under which the service tells its readiness.
inline constexpr char kEntropyServiceName[] = "kmyriad.v1.EntropyService";

// EntropyService over the callback API: takes chunks as they come, scores on a
// thread of its own, never on a callback thread. At most kMaxStreams epochs
// are in memory; further streams get UNAVAILABLE, by which a client tells that
// it should come again, unlike one that asks for too much (RESOURCE_EXHAUSTED).
// A stream whose client is gone frees what it holds, also while it is being
// scored.
class EntropyServiceImpl final : public v1::EntropyService::CallbackService {
 public:
  static constexpr int kMaxStreams = 4;

  // Both must outlive the service, and the service its server.
  EntropyServiceImpl(EntropyEngine& engine, EntropyMetrics& metrics);

  grpc::ServerBidiReactor<v1::ScoreEpochRequest, v1::ScoreEpochResponse>*
  ScoreEpoch(grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<v1::EvaluateRequest, v1::EvaluateResponse>* Evaluate(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetCoverage(
      grpc::CallbackServerContext* context,
      const v1::GetCoverageRequest* request,
      v1::GetCoverageResponse* response) override;
  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context,
                                    const v1::GetInfoRequest* request,
                                    v1::GetInfoResponse* response) override;

  // Streams that hold or may hold an epoch.
  int open_streams() const { return open_streams_->load(); }

 private:
  EntropyEngine& engine_;
  EntropyMetrics& metrics_;
  // Shared with what the streams leave behind.
  const std::shared_ptr<std::atomic<int>> open_streams_;
  // Last: what it runs uses the others.
  ThreadPool worker_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ENTROPY_SERVICE_IMPL_H_
