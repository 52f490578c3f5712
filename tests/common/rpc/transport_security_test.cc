#include "common/rpc/transport_security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file_system.h"
#include "common/base/logging.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "grpcpp/generic/generic_stub.h"
#include "kmyriad/v1/entropy_service.grpc.pb.h"
#include "kmyriad/v1/learner.grpc.pb.h"
#include "tests/common/rpc/testing/test_certificates.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kPause[] = "/kmyriad.v1.Control/Pause";

// One call of any method with an empty message.
grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel,
                  const std::string& method) {
  grpc::GenericStub stub(channel);
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(30));
  grpc::CompletionQueue queue;
  const grpc::Slice nothing("");
  request = grpc::ByteBuffer(&nothing, 1);
  const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

// Services that implement nothing: a call that is let through ends with
// UNIMPLEMENTED.
class TransportSecurityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_ = folder_.File("log");
    // A warning that was given just now is repeated at this level alone.
    InitLogging({"test", log_, LogLevel::kDebug, LogFormat::kText});
  }

  absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const TlsFiles& tls) {
    GrpcServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = tls;
    options.on_denied = [this] { ++denied_; };
    return GrpcServer::Start(options, {&learner_, &control_, &entropy_}, {});
  }

  std::shared_ptr<grpc::Channel> Connect(const GrpcServer& server,
                                         const TlsFiles& tls,
                                         Role peer = Role::kLearner) {
    const auto channel = MakeChannel(server.address(), {tls, peer});
    EXPECT_THAT(channel, IsOk());
    return *channel;
  }

  // The call must fail to connect, and the server's log must say why.
  void ExpectRefused(const TlsFiles& server_files, const TlsFiles& client_files,
                     const std::string& client_reason,
                     const std::string& server_reason) {
    const auto server = Start(server_files);
    ASSERT_THAT(server, IsOk());
    const grpc::Status status = Call(Connect(**server, client_files), kPause);
    EXPECT_THAT(FromGrpcStatus(status), StatusIs(absl::StatusCode::kUnavailable,
                                                 HasSubstr(client_reason)));
    if (!server_reason.empty()) ExpectLog(server_reason);
  }

  void ExpectLog(const std::string& text) {
    const absl::Time end = absl::Now() + absl::Seconds(30);
    std::string log;
    do {
      log = PosixFileSystem().Read(log_, 1 << 22).value_or("");
    } while (!absl::StrContains(log, text) && absl::Now() < end);
    EXPECT_THAT(log, HasSubstr(text));
  }

  TempDir folder_;
  std::string log_;
  std::atomic<int> denied_ = 0;
  v1::Learner::CallbackService learner_;
  v1::Control::CallbackService control_;
  v1::EntropyService::CallbackService entropy_;
  TestCertificates certificates_{folder_.path()};
};

TEST_F(TransportSecurityTest, EveryRoleMayCallItsMethodsAndNoOther) {
  // Rows: methods. Columns: actor, learner, entropy, operator.
  const std::map<std::string, std::string> matrix = {
      {"/kmyriad.v1.Learner/Collect", "y..."},
      {"/kmyriad.v1.Control/GetStatus", "...y"},
      {"/kmyriad.v1.Control/Pause", "...y"},
      {"/kmyriad.v1.Control/Resume", "...y"},
      {"/kmyriad.v1.Control/Checkpoint", "...y"},
      {"/kmyriad.v1.Control/ListCheckpoints", "...y"},
      {"/kmyriad.v1.Control/Restore", "...y"},
      {"/kmyriad.v1.Control/Stop", "...y"},
      {"/kmyriad.v1.Control/WatchEvents", "...y"},
      {"/kmyriad.v1.EntropyService/ScoreEpoch", ".y.."},
      {"/kmyriad.v1.EntropyService/Evaluate", ".y.."},
      {"/kmyriad.v1.EntropyService/GetCoverage", ".y.y"},
      {"/kmyriad.v1.EntropyService/GetInfo", ".y.y"},
      {"/kmyriad.v1.Nothing/AtAll", "...."},
  };
  const auto server = Start(certificates_.Issue(Role::kLearner));
  ASSERT_THAT(server, IsOk());
  EXPECT_FALSE((*server)->insecure_remote());
  int refused = 0;
  for (const Role role : kRoles) {
    const auto channel = Connect(**server, certificates_.Issue(role));
    for (const auto& [method, row] : matrix) {
      const grpc::Status status = Call(channel, method);
      const bool allowed = row[static_cast<size_t>(role)] == 'y';
      EXPECT_EQ(status.error_code(), allowed
                                         ? grpc::StatusCode::UNIMPLEMENTED
                                         : grpc::StatusCode::PERMISSION_DENIED)
          << RoleName(role) << " " << method << ": " << status.error_message();
      if (!allowed) {
        ++refused;
        EXPECT_THAT(
            status.error_message(),
            AllOf(HasSubstr(std::string(RoleName(role))), HasSubstr(method)));
      }
    }
  }
  EXPECT_EQ(denied_, refused);
  ExpectLog(
      "refused a call: a certificate of role actor may not call "
      "/kmyriad.v1.Control/Pause; use one of role operator");
}

TEST_F(TransportSecurityTest, ACertificateWithoutRoleMayCallNothing) {
  const auto server = Start(certificates_.Issue(Role::kLearner));
  ASSERT_THAT(server, IsOk());
  for (const std::string& uri : {std::string("https://example.org"),
                                 std::string("kmyriad://role/root")}) {
    CertificateRequest request = certificates_.Request();
    request.uris = {uri};
    const auto channel = Connect(**server, certificates_.Issue(request));
    const grpc::Status status = Call(channel, kPause);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << uri;
    EXPECT_THAT(status.error_message(), HasSubstr("the certificate names"));
  }
}

TEST_F(TransportSecurityTest, ExpiredCertificatesAreRefusedOnBothSides) {
  CertificateRequest request = certificates_.Request();
  request.not_after = absl::Now() - absl::Minutes(1);
  request.uris = {RoleUri(Role::kOperator)};
  ExpectRefused(certificates_.Issue(Role::kLearner),
                certificates_.Issue(request), "not take our certificate",
                "certificate verify failed");
  request.uris = {RoleUri(Role::kLearner)};
  ExpectRefused(
      certificates_.Issue(request), certificates_.Issue(Role::kOperator),
      "the peer's certificate has expired", "certificate verify failed");
}

TEST_F(TransportSecurityTest, StrangersCertificatesAreRefusedOnBothSides) {
  TempDir elsewhere;
  TestCertificates others(elsewhere.path());
  TlsFiles stranger = others.Issue(Role::kOperator);
  // It trusts the server, the server does not trust it.
  stranger.ca = certificates_.ca();
  ExpectRefused(certificates_.Issue(Role::kLearner), stranger,
                "not take our certificate", "certificate verify failed");
  TlsFiles strange_server = others.Issue(Role::kLearner);
  strange_server.ca = certificates_.ca();
  ExpectRefused(strange_server, certificates_.Issue(Role::kOperator),
                "of an authority that --tls-ca does not hold",
                "certificate verify failed");
}

TEST_F(TransportSecurityTest, SelfSignedCertificatesAreRefused) {
  CertificateRequest request = certificates_.Request();
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const KeyAndCertificate own,
                               MakeAuthority(request));
  const TlsFiles files = {folder_.File("self.crt"), folder_.File("self.key"),
                          certificates_.ca()};
  ASSERT_THAT(
      PosixFileSystem().WriteAndSync(files.certificate, own.certificate),
      IsOk());
  ASSERT_THAT(PosixFileSystem().WriteAndSync(files.key, own.key), IsOk());
  ExpectRefused(certificates_.Issue(Role::kLearner), files,
                "not take our certificate", "certificate verify failed");
}

TEST_F(TransportSecurityTest, AClientWantsAServerOfTheRightRole) {
  for (const Role role : {Role::kActor, Role::kEntropy, Role::kOperator}) {
    ExpectRefused(certificates_.Issue(role),
                  certificates_.Issue(Role::kOperator),
                  absl::StrCat("the peer's certificate is of role ",
                               RoleName(role), ", not learner"),
                  "");
  }
}

TEST_F(TransportSecurityTest, PlaintextAndTlsDoNotMeet) {
  ExpectRefused(certificates_.Issue(Role::kLearner), TlsFiles(),
                "it may want TLS", "wrong version number");
  ExpectRefused(TlsFiles(), certificates_.Issue(Role::kOperator),
                "the peer does not speak TLS", "");
}

// True if a handshake with no TLS newer than `version` comes about; the client
// shows an operator's certificate.
bool Handshakes(const std::string& address, const TlsFiles& files,
                int version) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  // Else the library itself would refuse what is old.
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_use_certificate_file(context, files.certificate.c_str(),
                               SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM);
  BIO* const connection = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(connection, address.c_str());
  SSL* ssl = nullptr;
  BIO_get_ssl(connection, &ssl);
  const unsigned char h2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, h2, sizeof(h2));
  const bool shaken = BIO_do_handshake(connection) == 1;
  BIO_free_all(connection);
  SSL_CTX_free(context);
  return shaken;
}

TEST_F(TransportSecurityTest, TlsIsOfVersion12AtLeast) {
  const auto server = Start(certificates_.Issue(Role::kLearner));
  ASSERT_THAT(server, IsOk());
  const TlsFiles files = certificates_.Issue(Role::kOperator);
  EXPECT_TRUE(Handshakes((*server)->address(), files, TLS1_3_VERSION));
  EXPECT_TRUE(Handshakes((*server)->address(), files, TLS1_2_VERSION));
  EXPECT_FALSE(Handshakes((*server)->address(), files, TLS1_1_VERSION));
  EXPECT_FALSE(Handshakes((*server)->address(), files, TLS1_VERSION));
}

// Calls until the call is let through, over new connections or an old channel.
template <typename Connect>
bool ComesThrough(const Connect& connect) {
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (absl::Now() < end) {
    if (Call(connect(), kPause).error_code() ==
        grpc::StatusCode::UNIMPLEMENTED) {
      return true;
    }
  }
  return false;
}

TEST_F(TransportSecurityTest, ReplacedFilesCountWithoutARestart) {
  TempDir elsewhere;
  TestCertificates fresh(elsewhere.path());
  const TlsFiles server_files = certificates_.Issue(Role::kLearner);
  const TlsFiles old_client = certificates_.Issue(Role::kOperator);
  const TlsFiles new_client = fresh.Issue(Role::kOperator);
  const auto server = Start(server_files);
  ASSERT_THAT(server, IsOk());
  const auto open = Connect(**server, old_client);
  EXPECT_EQ(Call(open, kPause).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  // Negative control: not before they are replaced.
  EXPECT_EQ(Call(Connect(**server, new_client), kPause).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  CertificateRequest request = fresh.Request();
  request.uris = {RoleUri(Role::kLearner)};
  fresh.Replace(request, server_files);
  EXPECT_TRUE(ComesThrough([&] { return Connect(**server, new_client); }));
  EXPECT_EQ(Call(Connect(**server, old_client), kPause).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  // A connection that stands goes on.
  EXPECT_EQ(Call(open, kPause).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  // The client's end follows its files in the same way.
  const auto stale = Connect(**server, old_client);
  EXPECT_EQ(Call(stale, kPause).error_code(), grpc::StatusCode::UNAVAILABLE);
  request.uris = {RoleUri(Role::kOperator)};
  fresh.Replace(request, old_client);
  EXPECT_TRUE(ComesThrough([&] { return stale; }));
}

TEST_F(TransportSecurityTest, WrongFilesAreRefusedBeforeAnythingStarts) {
  const absl::Time now = absl::Now();
  constexpr auto kFailed = absl::StatusCode::kFailedPrecondition;
  const TlsFiles good = certificates_.Issue(Role::kActor);
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const CertificateInfo info,
                               CheckTlsFiles(good, Role::kActor, now));
  EXPECT_EQ(info.subject, "CN=test");
  EXPECT_THAT(CheckTlsFiles(good, Role::kLearner, now).status(),
              StatusIs(kFailed, HasSubstr("its role is actor, this program "
                                          "needs learner")));
  EXPECT_THAT(
      CheckTlsFiles(good, Role::kActor, now + absl::Hours(2)).status(),
      StatusIs(kFailed, AllOf(HasSubstr("expired"), HasSubstr("kmyriad certs"),
                              HasSubstr(good.certificate))));
  TlsFiles files = good;
  files.key = "";
  EXPECT_THAT(CheckTlsFiles(files, Role::kActor, now).status(),
              StatusIs(kFailed, HasSubstr("--tls-key")));
  files = good;
  files.ca = folder_.File("nothing");
  EXPECT_THAT(CheckTlsFiles(files, Role::kActor, now).status(),
              StatusIs(kFailed, HasSubstr("--tls-ca")));
  files = good;
  files.key = certificates_.Issue(Role::kActor).key;
  EXPECT_THAT(CheckTlsFiles(files, Role::kActor, now).status(),
              StatusIs(kFailed, HasSubstr("the key is not that")));
  EXPECT_THAT(CheckTlsFiles(certificates_.Issue(certificates_.Request()),
                            Role::kActor, now)
                  .status(),
              StatusIs(kFailed, HasSubstr("names no role")));
}

TEST_F(TransportSecurityTest, OthersMayBeServedWithTlsWithoutFurtherWords) {
  GrpcServerOptions options;
  options.listen = "0.0.0.0:0";
  EXPECT_FALSE(GrpcServer::Start(options, {&control_}, {}).ok());
  options.tls = certificates_.Issue(Role::kLearner);
  const auto server = GrpcServer::Start(options, {&control_}, {});
  ASSERT_THAT(server, IsOk());
  EXPECT_FALSE((*server)->insecure_remote());
}

}  // namespace
}  // namespace kmyriad
