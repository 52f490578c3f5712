#include "common/certificates/certificate_authority.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/certificates/openssl_handles.h"

namespace kmyriad {
namespace {

constexpr size_t kMaxCommonName = 64;
constexpr int kSerialBytes = 16;

absl::Status Failed(absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("OpenSSL cannot ", what, ": ", OpensslError()));
}

// OpenSSL takes extensions as text of its own syntax: what could mean something
// there is refused.
absl::Status CheckName(const std::string& name) {
  for (const char c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) continue;
    if (absl::string_view(".:/-_*").find(c) != absl::string_view::npos) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("name \"", name,
                     "\" for a certificate: use letters, digits and .:/-_*"));
  }
  if (name.empty()) {
    return absl::InvalidArgumentError("an empty name for a certificate");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AlternativeNames(
    const CertificateRequest& request) {
  std::vector<std::string> names;
  const auto add = [&names](const char* kind,
                            const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      names.push_back(absl::StrCat(kind, ":", value));
    }
  };
  add("URI", request.uris);
  add("DNS", request.dns_names);
  add("IP", request.ip_addresses);
  for (const std::string& name : names) {
    KMYRIAD_RETURN_IF_ERROR(CheckName(name));
  }
  return absl::StrJoin(names, ",");
}

absl::Status AddExtension(X509* certificate, X509* issuer, int kind,
                          const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  const bool added =
      extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  if (added) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("certificate extension \"", value, "\": ", OpensslError()));
}

// What certificates of both kinds have: version 3, serial, validity, subject,
// public key.
absl::StatusOr<X509Handle> MakeBody(const CertificateRequest& request,
                                    EVP_PKEY* key) {
  KMYRIAD_RETURN_IF_ERROR(CheckName(request.common_name));
  if (request.common_name.size() > kMaxCommonName) {
    return absl::InvalidArgumentError(
        absl::StrCat("common name \"", request.common_name,
                     "\" is longer than ", kMaxCommonName, " characters"));
  }
  X509Handle certificate(X509_new());
  unsigned char serial[kSerialBytes];
  if (RAND_bytes(serial, sizeof(serial)) != 1) return Failed("draw a serial");
  // Positive, and never shorter than the others (RFC 5280, 4.1.2.2).
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3F) | 0x40);
  BIGNUM* const number = BN_bin2bn(serial, sizeof(serial), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()),
                absl::ToTimeT(request.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()),
                absl::ToTimeT(request.not_after));
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
      reinterpret_cast<const unsigned char*>(request.common_name.data()),
      static_cast<int>(request.common_name.size()), -1, 0);
  if (X509_set_pubkey(certificate.get(), key) != 1) {
    return Failed("set a public key");
  }
  return certificate;
}

std::string TextOf(BIO* out) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<KeyAndCertificate> Sign(X509* certificate, EVP_PKEY* key,
                                       EVP_PKEY* issuer_key) {
  if (X509_sign(certificate, issuer_key, EVP_sha256()) == 0) {
    return Failed("sign a certificate");
  }
  const BioHandle certificate_out(BIO_new(BIO_s_mem()));
  const BioHandle key_out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_out.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), key, nullptr, nullptr, 0,
                                    nullptr, nullptr) != 1) {
    return Failed("write PEM");
  }
  return KeyAndCertificate{TextOf(key_out.get()),
                           TextOf(certificate_out.get())};
}

absl::StatusOr<KeyHandle> MakeKey() {
  KeyHandle key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failed("make a key");
  return key;
}

}  // namespace

absl::StatusOr<KeyAndCertificate> MakeAuthority(
    const CertificateRequest& request) {
  KMYRIAD_ASSIGN_OR_RETURN(const KeyHandle key, MakeKey());
  KMYRIAD_ASSIGN_OR_RETURN(const X509Handle certificate,
                           MakeBody(request, key.get()));
  X509* const x509 = certificate.get();
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  KMYRIAD_RETURN_IF_ERROR(AddExtension(x509, x509, NID_basic_constraints,
                                       "critical,CA:TRUE,pathlen:0"));
  KMYRIAD_RETURN_IF_ERROR(
      AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign"));
  KMYRIAD_RETURN_IF_ERROR(
      AddExtension(x509, x509, NID_subject_key_identifier, "hash"));
  return Sign(x509, key.get(), key.get());
}

absl::StatusOr<KeyAndCertificate> IssueCertificate(
    const KeyAndCertificate& authority, const CertificateRequest& request) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<X509Handle> issuers,
                           ReadCertificates(authority.certificate));
  KMYRIAD_ASSIGN_OR_RETURN(const KeyHandle issuer_key, ReadKey(authority.key));
  X509* const issuer = issuers[0].get();
  KMYRIAD_ASSIGN_OR_RETURN(const std::string names, AlternativeNames(request));
  KMYRIAD_ASSIGN_OR_RETURN(const KeyHandle key, MakeKey());
  KMYRIAD_ASSIGN_OR_RETURN(const X509Handle certificate,
                           MakeBody(request, key.get()));
  X509* const x509 = certificate.get();
  X509_set_issuer_name(x509, X509_get_subject_name(issuer));
  KMYRIAD_RETURN_IF_ERROR(
      AddExtension(x509, issuer, NID_basic_constraints, "critical,CA:FALSE"));
  KMYRIAD_RETURN_IF_ERROR(
      AddExtension(x509, issuer, NID_key_usage, "critical,digitalSignature"));
  KMYRIAD_RETURN_IF_ERROR(
      AddExtension(x509, issuer, NID_ext_key_usage, "serverAuth,clientAuth"));
  KMYRIAD_RETURN_IF_ERROR(
      AddExtension(x509, issuer, NID_subject_key_identifier, "hash"));
  KMYRIAD_RETURN_IF_ERROR(
      AddExtension(x509, issuer, NID_authority_key_identifier, "keyid"));
  if (!names.empty()) {
    KMYRIAD_RETURN_IF_ERROR(
        AddExtension(x509, issuer, NID_subject_alt_name, names));
  }
  return Sign(x509, key.get(), issuer_key.get());
}

}  // namespace kmyriad
