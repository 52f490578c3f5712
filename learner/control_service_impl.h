#ifndef KMYRIAD_LEARNER_CONTROL_SERVICE_IMPL_H_
#define KMYRIAD_LEARNER_CONTROL_SERVICE_IMPL_H_

#include "common/base/thread_pool.h"
#include "kmyriad/v1/learner.grpc.pb.h"
#include "learner/learner_engine.h"

namespace kmyriad {

// Service Control: each call goes to one method of the engine, on threads of
// its own, since the engine waits for storage. GetStatus and WatchEvents do
// not, and are answered however many calls hang.
class ControlServiceImpl : public v1::Control::CallbackService {
 public:
  // The engine must outlive the service, and the service the server.
  explicit ControlServiceImpl(LearnerEngine& engine);

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::Status* response) override;
  grpc::ServerUnaryReactor* Pause(grpc::CallbackServerContext* context,
                                  const v1::PauseRequest* request,
                                  v1::PauseResponse* response) override;
  grpc::ServerUnaryReactor* Resume(grpc::CallbackServerContext* context,
                                   const v1::ResumeRequest* request,
                                   v1::ResumeResponse* response) override;
  grpc::ServerUnaryReactor* Checkpoint(
      grpc::CallbackServerContext* context,
      const v1::CheckpointRequest* request,
      v1::CheckpointResponse* response) override;
  grpc::ServerUnaryReactor* ListCheckpoints(
      grpc::CallbackServerContext* context,
      const v1::ListCheckpointsRequest* request,
      v1::ListCheckpointsResponse* response) override;
  grpc::ServerUnaryReactor* Restore(grpc::CallbackServerContext* context,
                                    const v1::RestoreRequest* request,
                                    v1::RestoreResponse* response) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* context,
                                 const v1::StopRequest* request,
                                 v1::StopResponse* response) override;
  grpc::ServerWriteReactor<v1::Event>* WatchEvents(
      grpc::CallbackServerContext* context,
      const v1::WatchEventsRequest* request) override;

 private:
  LearnerEngine& engine_;
  ThreadPool pool_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CONTROL_SERVICE_IMPL_H_
