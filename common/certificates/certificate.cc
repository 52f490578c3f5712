#include "common/certificates/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/certificates/openssl_handles.h"

namespace kmyriad {
namespace {

using NamesHandle =
    std::unique_ptr<GENERAL_NAMES,
                    OpensslDeleter<GENERAL_NAMES, GENERAL_NAMES_free>>;
using StoreHandle =
    std::unique_ptr<X509_STORE, OpensslDeleter<X509_STORE, X509_STORE_free>>;
using ContextHandle =
    std::unique_ptr<X509_STORE_CTX,
                    OpensslDeleter<X509_STORE_CTX, X509_STORE_CTX_free>>;

BioHandle BioOf(absl::string_view text) {
  // BIO_new_mem_buf counts in int.
  if (text.size() > std::numeric_limits<int>::max()) text = {};
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Asked for the password of an encrypted key: there is nobody to ask.
int NoPassword(char*, int, int, void*) { return 0; }

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string SubjectOf(X509* certificate) {
  const BioHandle out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : "";
}

CertificateInfo InfoOf(X509* certificate) {
  CertificateInfo info;
  info.subject = SubjectOf(certificate);
  info.not_before = TimeOf(X509_get0_notBefore(certificate));
  info.not_after = TimeOf(X509_get0_notAfter(certificate));
  const NamesHandle names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI && name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->d.ia5;
    std::string value(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
        static_cast<size_t>(ASN1_STRING_length(text)));
    (name->type == GEN_URI ? info.uris : info.dns_names)
        .push_back(std::move(value));
  }
  return info;
}

absl::Status CheckTime(const CertificateInfo& info, absl::Time now) {
  const auto date = [](absl::Time time) {
    return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", time, absl::UTCTimeZone());
  };
  if (now >= info.not_after) {
    return absl::FailedPreconditionError(absl::StrCat(
        "certificate ", info.subject, " expired at ", date(info.not_after)));
  }
  if (now < info.not_before) {
    return absl::FailedPreconditionError(absl::StrCat(
        "certificate ", info.subject, " is not valid before ",
        date(info.not_before), "; is this machine's clock right?"));
  }
  return absl::OkStatus();
}

// Whether a chain from the first of `chain` to one of `roots` holds.
absl::Status CheckChain(const std::vector<X509Handle>& chain,
                        const std::vector<X509Handle>& roots, absl::Time now) {
  const StoreHandle store(X509_STORE_new());
  for (const X509Handle& root : roots) {
    X509_STORE_add_cert(store.get(), root.get());
  }
  STACK_OF(X509)* rest = sk_X509_new_null();
  for (size_t i = 1; i < chain.size(); ++i) {
    sk_X509_push(rest, chain[i].get());
  }
  const ContextHandle context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain[0].get(), rest);
  X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(now));
  const bool holds = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(rest);
  ERR_clear_error();
  if (holds) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("certificate ", SubjectOf(chain[0].get()),
                   " does not lead to the given authority: ",
                   X509_verify_cert_error_string(error)));
}

}  // namespace

std::string OpensslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown reason";
  char text[256];
  ERR_error_string_n(code, text, sizeof(text));
  return text;
}

absl::StatusOr<std::vector<X509Handle>> ReadCertificates(
    absl::string_view pem) {
  const BioHandle in = BioOf(pem);
  std::vector<X509Handle> certificates;
  while (X509* next =
             PEM_read_bio_X509(in.get(), nullptr, &NoPassword, nullptr)) {
    certificates.emplace_back(next);
  }
  ERR_clear_error();
  if (certificates.empty()) {
    return absl::InvalidArgumentError("it holds no PEM certificate");
  }
  return certificates;
}

absl::StatusOr<KeyHandle> ReadKey(absl::string_view pem) {
  const BioHandle in = BioOf(pem);
  KeyHandle key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, &NoPassword, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "it holds no PEM private key without a password");
  }
  return key;
}

absl::StatusOr<CertificateInfo> ParseCertificate(absl::string_view pem) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<X509Handle> chain,
                           ReadCertificates(pem));
  return InfoOf(chain[0].get());
}

absl::Status CheckIdentity(absl::string_view chain_pem,
                           absl::string_view key_pem, absl::string_view ca_pem,
                           absl::Time now) {
  const auto unreadable = [](absl::string_view what, const absl::Status& why) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, ": ", why.message()));
  };
  const auto chain = ReadCertificates(chain_pem);
  if (!chain.ok()) return unreadable("certificate", chain.status());
  const auto key = ReadKey(key_pem);
  if (!key.ok()) return unreadable("key", key.status());
  const auto roots = ReadCertificates(ca_pem);
  if (!roots.ok()) return unreadable("authority", roots.status());
  const CertificateInfo info = InfoOf(chain->front().get());
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    ERR_clear_error();
    return absl::FailedPreconditionError(
        absl::StrCat("the key is not that of certificate ", info.subject));
  }
  KMYRIAD_RETURN_IF_ERROR(CheckTime(info, now));
  return CheckChain(*chain, *roots, now);
}

}  // namespace kmyriad
