#ifndef KMYRIAD_LEARNER_LEARNER_SERVICE_IMPL_H_
#define KMYRIAD_LEARNER_LEARNER_SERVICE_IMPL_H_

#include "kmyriad/v1/learner.grpc.pb.h"
#include "learner/actor_hub.h"

namespace kmyriad {

// Service Learner: one reactor per actor stream, which hands each message to
// the hub and reads the next one when the hub has taken it.
class LearnerServiceImpl
    : public v1::Learner::WithRawCallbackMethod_Collect<v1::Learner::Service> {
 public:
  // The hub must outlive the server.
  explicit LearnerServiceImpl(ActorHub& hub) : hub_(hub) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Collect(
      grpc::CallbackServerContext* context) override;

 private:
  ActorHub& hub_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_LEARNER_SERVICE_IMPL_H_
