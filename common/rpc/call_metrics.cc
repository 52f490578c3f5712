#include "common/rpc/call_metrics.h"

#include <array>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/support/status.h"

namespace kmyriad {
namespace {

struct Names {
  const char* started;
  const char* handled;
  const char* received;
  const char* sent;
  const char* seconds;
};
constexpr Names kServerNames = {
    "grpc_server_started_total", "grpc_server_handled_total",
    "grpc_server_msg_received_total", "grpc_server_msg_sent_total",
    "grpc_server_handling_seconds"};
constexpr Names kClientNames = {
    "grpc_client_started_total", "grpc_client_handled_total",
    "grpc_client_msg_received_total", "grpc_client_msg_sent_total",
    "grpc_client_handling_seconds"};

// By number, spelt as Go spells them.
constexpr std::array<const char*, 17> kCodes = {"OK",
                                                "Canceled",
                                                "Unknown",
                                                "InvalidArgument",
                                                "DeadlineExceeded",
                                                "NotFound",
                                                "AlreadyExists",
                                                "PermissionDenied",
                                                "ResourceExhausted",
                                                "FailedPrecondition",
                                                "Aborted",
                                                "OutOfRange",
                                                "Unimplemented",
                                                "Internal",
                                                "Unavailable",
                                                "DataLoss",
                                                "Unauthenticated"};

const char* CodeName(grpc::StatusCode code) {
  const auto number = static_cast<size_t>(code);
  return kCodes[number < kCodes.size() ? number : 2];
}

// Series of one method.
struct MethodSeries {
  MetricLabels labels;
  Counter& started;
  Counter& received;
  Counter& sent;
  // Null for streams.
  Histogram* seconds;
};

// `path` is "/package.Service/Method".
MetricLabels LabelsOf(absl::string_view path) {
  const std::string name = absl::StrReplaceAll(
      absl::StartsWith(path, "/") ? path.substr(1) : path, {{"/", "."}});
  const google::protobuf::MethodDescriptor* method =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
          name);
  if (method == nullptr) {
    return {{"grpc_service", "other"},
            {"grpc_method", "other"},
            {"grpc_type", "other"}};
  }
  const char* type =
      method->client_streaming()
          ? method->server_streaming() ? "bidi_stream" : "client_stream"
      : method->server_streaming() ? "server_stream"
                                   : "unary";
  return {{"grpc_service", method->service()->full_name()},
          {"grpc_method", method->name()},
          {"grpc_type", type}};
}

class CallSeries {
 public:
  CallSeries(MetricsRegistry& registry, const Names& names)
      : registry_(registry), names_(names) {}

  MethodSeries& Of(absl::string_view path) {
    MetricLabels labels = LabelsOf(path);
    absl::MutexLock lock(&mutex_);
    const auto key =
        std::make_pair(labels["grpc_service"], labels["grpc_method"]);
    const auto found = methods_.find(key);
    return found != methods_.end() ? *found->second
                                   : *(methods_[key] = Make(labels));
  }

  void Ended(MethodSeries& method, grpc::StatusCode code) {
    MetricLabels labels = method.labels;
    labels["grpc_code"] = CodeName(code);
    absl::MutexLock lock(&mutex_);
    Counter*& counter = handled_[labels];
    if (counter == nullptr) {
      counter = &registry_.AddCounter(
          names_.handled, "Calls that have ended, by their code.", labels);
    }
    counter->Add();
  }

 private:
  std::unique_ptr<MethodSeries> Make(const MetricLabels& labels)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool unary = labels.at("grpc_type") == "unary";
    return std::make_unique<MethodSeries>(MethodSeries{
        labels, registry_.AddCounter(names_.started, "Calls begun.", labels),
        registry_.AddCounter(names_.received, "Messages received.", labels),
        registry_.AddCounter(names_.sent, "Messages sent.", labels),
        unary ? &registry_.AddHistogram(names_.seconds,
                                        "Seconds from begin to end of unary "
                                        "calls.",
                                        LatencyBounds(), labels)
              : nullptr});
  }

  MetricsRegistry& registry_;
  const Names names_;
  absl::Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<MethodSeries>>
      methods_ ABSL_GUARDED_BY(mutex_);
  std::map<MetricLabels, Counter*> handled_ ABSL_GUARDED_BY(mutex_);
};

// One call, at either end.
class CallWatch : public grpc::experimental::Interceptor {
 public:
  CallWatch(std::shared_ptr<CallSeries> series, absl::string_view path)
      : series_(std::move(series)),
        method_(series_->Of(path)),
        start_(RealClock().MonotonicSeconds()) {
    method_.started.Add();
  }

  void Intercept(
      grpc::experimental::InterceptorBatchMethods* methods) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    // A read that found the end of the stream has no message.
    if (methods->QueryInterceptionHookPoint(Point::POST_RECV_MESSAGE) &&
        methods->GetRecvMessage() != nullptr) {
      method_.received.Add();
    }
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_MESSAGE)) {
      method_.sent.Add();
    }
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_STATUS)) {
      Ended(methods->GetSendStatus().error_code());
    }
    if (methods->QueryInterceptionHookPoint(Point::POST_RECV_STATUS)) {
      Ended(methods->GetRecvStatus()->error_code());
    }
    methods->Proceed();
  }

 private:
  void Ended(grpc::StatusCode code) {
    series_->Ended(method_, code);
    if (method_.seconds != nullptr) {
      method_.seconds->Observe(RealClock().MonotonicSeconds() - start_);
    }
  }

  const std::shared_ptr<CallSeries> series_;
  MethodSeries& method_;
  const double start_;
};

class ServerFactory
    : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit ServerFactory(MetricsRegistry& registry)
      : series_(std::make_shared<CallSeries>(registry, kServerNames)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new CallWatch(series_, info->method());
  }

 private:
  const std::shared_ptr<CallSeries> series_;
};

class ClientFactory
    : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit ClientFactory(MetricsRegistry& registry)
      : series_(std::make_shared<CallSeries>(registry, kClientNames)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo* info) override {
    return new CallWatch(series_, info->method());
  }

 private:
  const std::shared_ptr<CallSeries> series_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
MakeServerCallMetrics(MetricsRegistry& registry) {
  return std::make_unique<ServerFactory>(registry);
}

std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>
MakeClientCallMetrics(MetricsRegistry& registry) {
  return std::make_unique<ClientFactory>(registry);
}

}  // namespace kmyriad
