#include "common/rpc/handshake_report.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/logging.h"
#include "common/rpc/repeat_filter.h"

namespace kmyriad {
namespace {

struct Meaning {
  absl::string_view symptom;
  const char* text;
};
// The first that fits counts. The words are OpenSSL's.
constexpr Meaning kMeanings[] = {
    {"certificate verify failed",
     "the peer's certificate has expired, is not valid yet, or is of an "
     "authority that --tls-ca does not hold"},
    {"alert certificate expired", "the peer says that our certificate expired"},
    {"alert unknown ca",
     "the peer does not know the authority of our certificate; give both ends "
     "the same --tls-ca"},
    {"alert bad certificate", "the peer does not take our certificate"},
    {"did not return a certificate",
     "the peer shows no certificate; start it with --tls-certificate, "
     "--tls-key and --tls-ca"},
    {"wrong version number",
     "the peer does not speak TLS; start it with --tls-certificate, --tls-key "
     "and --tls-ca"},
    {"http request", "the peer does not speak TLS"},
    {"unsupported protocol", "the peer speaks no TLS newer than 1.1"},
};

}  // namespace

std::string ExplainHandshake(absl::string_view message) {
  for (const Meaning& meaning : kMeanings) {
    if (absl::StrContains(message, meaning.symptom)) return meaning.text;
  }
  // With TLS 1.3 a client is done before the server has judged its certificate,
  // and of the verdict gRPC passes on no more than this.
  if (absl::StrContains(message, "failed to connect") &&
      absl::StrContains(message, "Socket closed")) {
    return "the peer took the connection and closed it: it may want TLS "
           "(--tls-certificate, --tls-key, --tls-ca) or not take our "
           "certificate; its log says which";
  }
  return "";
}

bool ReportHandshake(absl::string_view line) {
  if (!absl::StrContains(line, "Handshake failed")) return false;
  std::string meaning = ExplainHandshake(line);
  if (meaning.empty()) meaning = std::string(line);
  static auto* const filter = new RepeatFilter();
  Log(filter->Due(meaning, RealClock().MonotonicSeconds()) ? LogLevel::kWarning
                                                           : LogLevel::kDebug,
      absl::StrCat("a TLS handshake failed: ", meaning, " (", line, ")"));
  return true;
}

}  // namespace kmyriad
