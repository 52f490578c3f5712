#include "learner/learner_service_impl.h"

#include <memory>
#include <string>

#include "common/rpc/stream_reactor.h"
#include "learner/collect_stream.h"

namespace kmyriad {
namespace {

class CollectReactor
    : public StreamReactor<v1::ActorMessage, v1::LearnerMessage> {
 public:
  explicit CollectReactor(ActorHub& hub)
      : hub_(hub),
        id_(hub.OnConnect(std::make_shared<CollectStream>(handle()))) {
    ReadNext();
  }

 private:
  void OnMessage(v1::ActorMessage& message) override {
    switch (message.message_case()) {
      case v1::ActorMessage::kHello:
        hub_.OnHello(id_, message.hello());
        break;
      case v1::ActorMessage::kStateBatch:
        hub_.OnBatch(id_, message.state_batch());
        break;
      case v1::ActorMessage::kSegmentDone:
        hub_.OnSegmentDone(id_, message.segment_done());
        break;
      case v1::ActorMessage::kHeartbeat:
        hub_.OnHeartbeat(id_);
        break;
      case v1::ActorMessage::kBye:
        reason_ = "bye: " + message.bye().reason().substr(0, 128);
        Close(grpc::Status::OK);
        return;
      default:
        hub_.OnUnknown(id_);
        break;
    }
    ReadNext();
  }

  void OnClosed() override { Close(grpc::Status::OK); }

  void OnEnd() override { hub_.OnGone(id_, reason_); }

  ActorHub& hub_;
  const StreamId id_;
  std::string reason_ = "its stream ended";
};

}  // namespace

grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage>*
LearnerServiceImpl::Collect(grpc::CallbackServerContext* /*context*/) {
  // Deletes itself at the end of the call.
  return new CollectReactor(hub_);
}

}  // namespace kmyriad
