#ifndef KMYRIAD_COMMON_RPC_STREAM_REACTOR_H_
#define KMYRIAD_COMMON_RPC_STREAM_REACTOR_H_

#include <memory>
#include <utility>

#include "common/rpc/stream_handle.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

// Server side of a bidirectional stream over the callback API: owns the read,
// write and finish state machine. A subclass handles messages; reading goes on
// only when it says so, which is the back-pressure. Deletes itself when the
// call is done. Other threads keep handle(), never the reactor.
//
// Callback threads are few: OnMessage, OnClosed and OnEnd must not block.
// OnMessage and OnClosed never run at the same time; OnEnd comes after both.
template <typename Request, typename Response>
class StreamReactor : public grpc::ServerBidiReactor<Request, Response> {
 public:
  using Handle = StreamHandle<Request, Response>;

  explicit StreamReactor(grpc::CallbackServerContext* context = nullptr)
      : handle_(std::make_shared<Handle>(this, context)) {}

  // For use after this object's end, and from other threads.
  std::shared_ptr<Handle> handle() const { return handle_; }

  // As of Handle, from the callbacks below and from the constructor. The copy
  // keeps the handle while the call may end under it.
  void Send(Response response) {
    const std::shared_ptr<Handle> handle = handle_;
    handle->Send(std::move(response));
  }
  void Close(grpc::Status status) {
    const std::shared_ptr<Handle> handle = handle_;
    handle->Close(std::move(status));
  }
  void ReadNext() {
    const std::shared_ptr<Handle> handle = handle_;
    handle->ReadNext();
  }

 protected:
  // A message arrived; it is the subclass's to move from. Call ReadNext() when
  // the next may come, now or later. Not called after Close.
  virtual void OnMessage(Request& request) = 0;
  // The peer has closed its side; no more messages. The subclass calls Close
  // if it has not. Not called if the call ended while no read was in flight.
  virtual void OnClosed() = 0;
  // Last call, before the object is deleted: the stream is over, in whatever
  // way.
  virtual void OnEnd() = 0;

 private:
  void OnReadDone(bool ok) final {
    const std::shared_ptr<Handle> handle = handle_;
    const bool wanted = handle->ReadDone();
    if (!ok) {
      OnClosed();
    } else if (wanted) {
      OnMessage(handle->request_);
    }
  }
  void OnWriteDone(bool ok) final {
    const std::shared_ptr<Handle> handle = handle_;
    handle->WriteDone(ok);
  }
  void OnCancel() final {
    const std::shared_ptr<Handle> handle = handle_;
    handle->Close(grpc::Status::CANCELLED);
  }
  void OnDone() final {
    OnEnd();
    delete this;
  }

  const std::shared_ptr<Handle> handle_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_STREAM_REACTOR_H_
