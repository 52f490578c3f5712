#include "common/rpc/transport_security.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/repeat_filter.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_certificate_verifier.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace kmyriad {
namespace {

using grpc::experimental::CertificateProviderInterface;
using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::TlsCustomVerificationCheckRequest;

// A chain of certificates has a few KiB each.
constexpr uint64_t kMaxPemBytes = 1 << 20;

absl::Status InFile(const char* flag, const std::string& path,
                    absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat(flag, " = \"", path, "\": ", why,
                   "; make certificates with: kmyriad certs"));
}

absl::StatusOr<std::string> ReadPem(const char* flag, const std::string& path) {
  if (path.empty()) {
    return InFile(flag, path,
                  "TLS needs --tls-certificate, --tls-key and --tls-ca");
  }
  const auto text = PosixFileSystem().Read(path, kMaxPemBytes);
  if (!text.ok()) return InFile(flag, path, text.status().message());
  return text;
}

std::shared_ptr<CertificateProviderInterface> WatchFiles(
    const TlsFiles& files) {
  return std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key, files.certificate, files.ca, kRefreshSeconds);
}

// Takes a server for what its certificate's role says.
class RoleVerifier : public ExternalCertificateVerifier {
 public:
  explicit RoleVerifier(Role role) : role_(role) {}

  bool Verify(TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/,
              grpc::Status* sync_status) override {
    std::vector<std::string> uris;
    for (const grpc::string_ref& uri : request->uri_names()) {
      uris.emplace_back(uri.data(), uri.size());
    }
    const absl::StatusOr<Role> role = RoleOfUris(uris);
    if (!role.ok()) {
      *sync_status = ToGrpcStatus(role.status());
    } else if (*role != role_) {
      *sync_status = grpc::Status(
          grpc::StatusCode::PERMISSION_DENIED,
          absl::StrCat("the peer's certificate is of role ", RoleName(*role),
                       ", not ", RoleName(role_)));
    }
    return true;
  }
  void Cancel(TlsCustomVerificationCheckRequest*) override {}

 private:
  const Role role_;
};

// Lets a call through if its peer's role may make it.
class AccessProcessor : public grpc::AuthMetadataProcessor {
 public:
  explicit AccessProcessor(std::function<void()> on_denied)
      : on_denied_(std::move(on_denied)) {}

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata,
                       grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    const auto path = metadata.find(":path");
    const absl::string_view method =
        path == metadata.end()
            ? absl::string_view()
            : absl::string_view(path->second.data(), path->second.size());
    const absl::Status status = Judge(*context, method);
    if (status.ok()) return grpc::Status::OK;
    if (on_denied_ != nullptr) on_denied_();
    const std::string message(status.message());
    if (refusals_.Due(message, RealClock().MonotonicSeconds())) {
      LogWarning("refused a call: ", message);
    }
    return ToGrpcStatus(status);
  }

 private:
  static absl::Status Judge(const grpc::AuthContext& context,
                            absl::string_view method) {
    std::vector<std::string> uris;
    for (const grpc::string_ref& uri :
         context.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
      uris.emplace_back(uri.data(), uri.size());
    }
    KMYRIAD_ASSIGN_OR_RETURN(const Role role, RoleOfUris(uris));
    return CheckAccess(role, method);
  }

  const std::function<void()> on_denied_;
  // A stranger can make up methods.
  RepeatFilter refusals_;
};

}  // namespace

absl::StatusOr<CertificateInfo> CheckTlsFiles(const TlsFiles& files, Role own,
                                              absl::Time now) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::string chain,
                           ReadPem("--tls-certificate", files.certificate));
  KMYRIAD_ASSIGN_OR_RETURN(const std::string key,
                           ReadPem("--tls-key", files.key));
  KMYRIAD_ASSIGN_OR_RETURN(const std::string ca, ReadPem("--tls-ca", files.ca));
  const absl::Status status = CheckIdentity(chain, key, ca, now);
  if (!status.ok()) {
    return InFile("--tls-certificate", files.certificate, status.message());
  }
  KMYRIAD_ASSIGN_OR_RETURN(CertificateInfo info, ParseCertificate(chain));
  const absl::StatusOr<Role> role = RoleOfUris(info.uris);
  if (!role.ok()) {
    return InFile("--tls-certificate", files.certificate,
                  role.status().message());
  }
  if (*role != own) {
    return InFile("--tls-certificate", files.certificate,
                  absl::StrCat("its role is ", RoleName(*role),
                               ", this program needs ", RoleName(own)));
  }
  return info;
}

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(
    const TlsFiles& files, Role peer) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(WatchFiles(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<RoleVerifier>(peer));
  return grpc::experimental::TlsCredentials(options);
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(
    const TlsFiles& files, std::function<void()> on_denied) {
  grpc::experimental::TlsServerCredentialsOptions options(WatchFiles(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::experimental::TlsServerCredentials(options);
  credentials->SetAuthMetadataProcessor(
      std::make_shared<AccessProcessor>(std::move(on_denied)));
  return credentials;
}

}  // namespace kmyriad
