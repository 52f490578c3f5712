#ifndef KMYRIAD_COMMON_CERTIFICATES_OPENSSL_HANDLES_H_
#define KMYRIAD_COMMON_CERTIFICATES_OPENSSL_HANDLES_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

// OpenSSL's objects with their owners, for the sources of this folder alone.
template <typename Object, void (*kFree)(Object*)>
struct OpensslDeleter {
  void operator()(Object* object) const { kFree(object); }
};
using X509Handle = std::unique_ptr<X509, OpensslDeleter<X509, X509_free>>;
using KeyHandle =
    std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY, EVP_PKEY_free>>;
using BioHandle = std::unique_ptr<BIO, OpensslDeleter<BIO, BIO_free_all>>;

// OpenSSL's latest error as text; takes all of them off its queue.
std::string OpensslError();

// All certificates of a PEM text, in order. INVALID_ARGUMENT if there is none.
absl::StatusOr<std::vector<X509Handle>> ReadCertificates(absl::string_view pem);
// An unencrypted private key. INVALID_ARGUMENT if it is none.
absl::StatusOr<KeyHandle> ReadKey(absl::string_view pem);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_CERTIFICATES_OPENSSL_HANDLES_H_
