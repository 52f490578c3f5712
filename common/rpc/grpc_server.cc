#include "common/rpc/grpc_server.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/base/steady_cond_var.h"
#include "common/base/thread_pool.h"
#include "common/rpc/address.h"
#include "common/rpc/call_metrics.h"
#include "common/rpc/channel.h"
#include "common/rpc/transport_options.h"
#include "grpcpp/ext/health_check_service_server_builder_option.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"

namespace kmyriad {
namespace {

// A ping every 60 s finds half-open peers; clients may ping every 10 s.
constexpr int kKeepaliveMs = 60000;
constexpr int kKeepaliveTimeoutMs = 10000;
constexpr int kMinPingIntervalMs = 10000;

// Adds reflection to one builder, unlike the library's process-wide switch.
class ReflectionOption : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>*
                         plugins) override {
    plugins->push_back(
        std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>());
  }
};

absl::Status InUse(const std::string& address, const std::string& how) {
  return absl::UnavailableError(
      absl::StrCat("address ", address, " is in use", how,
                   "; stop the process that listens there or choose another "
                   "address"));
}

// Makes way for a new socket at `path`: refuses if somebody listens there,
// removes what a dead process left.
absl::Status ClearUnixPath(const Address& address) {
  const std::string name = address.ToString();
  struct stat info;
  if (lstat(address.path.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("address ", name, ": ", std::strerror(errno),
                     "; choose a path in a folder that you may write to"));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return InUse(name, " by a file that is not a socket");
  }
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("address ", name, ": ", std::strerror(errno)));
  }
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  sockaddr_un target{};
  target.sun_family = AF_UNIX;
  std::memcpy(target.sun_path, address.path.data(), address.path.size());
  if (connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof(target)) ==
      0) {
    return InUse(name, "");
  }
  if (errno != ECONNREFUSED) {
    return InUse(name, absl::StrCat(" (", std::strerror(errno), ")"));
  }
  if (unlink(address.path.c_str()) != 0 && errno != ENOENT) {
    return absl::PermissionDeniedError(
        absl::StrCat("address ", name, ": cannot remove a stale socket: ",
                     std::strerror(errno), "; choose another path"));
  }
  return absl::OkStatus();
}

// Binds and closes a plain socket, to say why an address cannot be had: gRPC
// itself tells no reason.
absl::Status ProbeTcp(const Address& address) {
  const std::string name = address.ToString();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int error =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(),
                  &hints, &list);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("address ", name, ": ", gai_strerror(error),
                     "; name a host address of this machine"));
  }
  const auto free_list = absl::MakeCleanup([list] { freeaddrinfo(list); });
  const int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("address ", name, ": ", std::strerror(errno)));
  }
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // SO_REUSEADDR lets two sockets bind; only listening tells.
  if (bind(fd, list->ai_addr, list->ai_addrlen) == 0 && listen(fd, 1) == 0) {
    return absl::OkStatus();
  }
  if (errno == EADDRINUSE) return InUse(name, "");
  if (errno == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat("address ", name, ": ", std::strerror(errno),
                     "; choose a port above 1023"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("address ", name, ": ", std::strerror(errno),
                   "; name a host address of this machine"));
}

absl::Status ClaimAddress(const Address& address) {
  return address.is_unix ? ClearUnixPath(address) : ProbeTcp(address);
}

void SetServerOptions(grpc::ServerBuilder& builder) {
  SetTransportOptions([&builder](const char* name, int value) {
    builder.AddChannelArgument(name, value);
  });
  // Two processes on one port would share its connections at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kMinPingIntervalMs);
}

// Builds a server that listens on `address`, and puts the port that was taken
// into it.
absl::StatusOr<std::unique_ptr<grpc::Server>> Build(
    grpc::ServerBuilder& builder, Address& address,
    const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  KMYRIAD_RETURN_IF_ERROR(ClaimAddress(address));
  int port = 0;
  builder.AddListeningPort(address.ToString(), credentials, &port);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    // Somebody took it between probe and bind.
    KMYRIAD_RETURN_IF_ERROR(ClaimAddress(address));
    return absl::UnavailableError(
        absl::StrCat("address ", address.ToString(),
                     ": cannot listen there; choose another address"));
  }
  if (address.is_unix) {
    // The socket is the door to the run: for its owner only.
    chmod(address.path.c_str(), S_IRUSR | S_IWUSR);
  } else {
    address.port = static_cast<uint16_t>(port);
  }
  return server;
}

// "localhost" may name two addresses, of which one could be had although the
// other is in use.
absl::StatusOr<Address> ParseListenAddress(const std::string& text) {
  KMYRIAD_ASSIGN_OR_RETURN(Address address, ParseAddress(text));
  if (address.host == "localhost") address.host = "127.0.0.1";
  return address;
}

class GrpcServerImpl : public GrpcServer {
 public:
  explicit GrpcServerImpl(std::vector<std::string> ready_names)
      : ready_names_(std::move(ready_names)) {}
  ~GrpcServerImpl() override { Shutdown(0); }

  absl::Status Listen(const GrpcServerOptions& options,
                      const std::vector<grpc::Service*>& services);

  const std::string& address() const override { return address_; }
  const std::string& health_address() const override { return health_address_; }
  bool insecure_remote() const override { return insecure_remote_; }
  void SetReady(bool ready) override;
  void Shutdown(double grace_seconds) override;

 private:
  absl::Status ListenForHealth(const std::string& text);
  absl::Status ListenForCalls(const GrpcServerOptions& options,
                              const std::vector<grpc::Service*>& services);
  // Until Shutdown.
  void Remind(double seconds);

  const std::vector<std::string> ready_names_;
  std::string address_;
  std::string health_address_;
  bool insecure_remote_ = false;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::Server> health_server_;
  absl::Mutex mutex_;
  SteadyCondVar shut_down_signal_;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  // Last: it uses the others. Null unless there is something to remind of.
  std::unique_ptr<ThreadPool> reminder_;
};

absl::Status GrpcServerImpl::Listen(
    const GrpcServerOptions& options,
    const std::vector<grpc::Service*>& services) {
  RouteGrpcLogs();
  KeepGrpcLibrary();
  // Health runs on a server of its own: the switch is process-wide, so every
  // other server turns it off by an option.
  grpc::EnableDefaultHealthCheckService(true);
  if (!options.health_listen.empty()) {
    KMYRIAD_RETURN_IF_ERROR(ListenForHealth(options.health_listen));
  }
  if (options.listen.empty()) return absl::OkStatus();
  return ListenForCalls(options, services);
}

absl::Status GrpcServerImpl::ListenForHealth(const std::string& text) {
  KMYRIAD_ASSIGN_OR_RETURN(Address health, ParseListenAddress(text));
  grpc::ServerBuilder builder;
  SetServerOptions(builder);
  KMYRIAD_ASSIGN_OR_RETURN(
      health_server_,
      Build(builder, health, grpc::InsecureServerCredentials()));
  health_address_ = health.ToString();
  SetReady(false);
  return absl::OkStatus();
}

absl::Status GrpcServerImpl::ListenForCalls(
    const GrpcServerOptions& options,
    const std::vector<grpc::Service*>& services) {
  KMYRIAD_ASSIGN_OR_RETURN(Address address, ParseListenAddress(options.listen));
  const bool plaintext = !options.tls.enabled();
  if (plaintext && !address.IsLocal() && !options.insecure_allow_remote) {
    return absl::InvalidArgumentError(absl::StrCat(
        "address ", options.listen,
        " is reachable from other machines, without encryption or "
        "authentication; give it --tls-certificate, --tls-key and --tls-ca, "
        "listen on 127.0.0.1 or unix:PATH, or say "
        "--insecure-allow-remote"));
  }
  grpc::ServerBuilder builder;
  SetServerOptions(builder);
  builder.SetOption(
      std::make_unique<grpc::HealthCheckServiceServerBuilderOption>(nullptr));
  if (address.IsLocal()) {
    builder.SetOption(std::make_unique<ReflectionOption>());
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  if (options.metrics != nullptr) {
    std::vector<
        std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
        interceptors;
    interceptors.push_back(MakeServerCallMetrics(*options.metrics));
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      server_,
      Build(builder, address,
            plaintext ? grpc::InsecureServerCredentials()
                      : MakeServerCredentials(options.tls, options.on_denied)));
  address_ = address.ToString();
  insecure_remote_ = plaintext && !address.IsLocal();
  if (insecure_remote_) {
    reminder_ = std::make_unique<ThreadPool>(1);
    reminder_->Schedule(
        [this, seconds = options.reminder_seconds] { Remind(seconds); });
  }
  return absl::OkStatus();
}

void GrpcServerImpl::Remind(double seconds) {
  const auto shut_down = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return shut_down_;
  };
  absl::MutexLock lock(&mutex_);
  do {
    LogWarning("serving ", address_,
               " without encryption or authentication: whoever reaches it can "
               "read and steer the run (--insecure-allow-remote)");
  } while (!shut_down_signal_.AwaitWithTimeout(mutex_, absl::Seconds(seconds),
                                               shut_down));
}

void GrpcServerImpl::SetReady(bool ready) {
  if (health_server_ == nullptr) return;
  grpc::HealthCheckServiceInterface* health =
      health_server_->GetHealthCheckService();
  for (const std::string& name : ready_names_) {
    health->SetServingStatus(name, ready);
  }
}

void GrpcServerImpl::Shutdown(double grace_seconds) {
  {
    absl::MutexLock lock(&mutex_);
    if (shut_down_) return;
    shut_down_ = true;
    shut_down_signal_.SignalAll();
  }
  SetReady(false);
  if (server_ != nullptr) server_->Shutdown(DeadlineAfter(grace_seconds));
  if (health_server_ != nullptr) health_server_->Shutdown(DeadlineAfter(0));
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const GrpcServerOptions& options,
    const std::vector<grpc::Service*>& services,
    const std::vector<std::string>& ready_names) {
  auto server = std::make_unique<GrpcServerImpl>(ready_names);
  KMYRIAD_RETURN_IF_ERROR(server->Listen(options, services));
  return server;
}

}  // namespace kmyriad
