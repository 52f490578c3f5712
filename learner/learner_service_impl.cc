#include "learner/learner_service_impl.h"

#include <memory>
#include <string>

#include "common/rpc/stream_reactor.h"
#include "learner/collect_stream.h"

namespace kmyriad {
namespace {

// Takes messages as bytes: gRPC would end the stream without a word for bytes
// that are no message.
class CollectReactor
    : public StreamReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  CollectReactor(ActorHub& hub, grpc::CallbackServerContext* context)
      : StreamReactor(context),
        hub_(hub),
        id_(hub.OnConnect(std::make_shared<CollectStream>(handle()))) {
    ReadNext();
  }

 private:
  void OnMessage(grpc::ByteBuffer& bytes) override {
    if (!grpc::SerializationTraits<v1::ActorMessage>::Deserialize(&bytes,
                                                                  &message_)
             .ok()) {
      message_.Clear();
    }
    Handle(message_);
  }

  void Handle(const v1::ActorMessage& message) {
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
        hub_.OnHeartbeat(id_, message.heartbeat());
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
  // Its buffers are used again.
  v1::ActorMessage message_;
  std::string reason_ = "its stream ended";
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
LearnerServiceImpl::Collect(grpc::CallbackServerContext* context) {
  // Deletes itself at the end of the call.
  return new CollectReactor(hub_, context);
}

}  // namespace kmyriad
