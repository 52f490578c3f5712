#include "common/process/certificate_watch.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/logging.h"

namespace kmyriad {
namespace {

constexpr absl::Duration kSoon = absl::Hours(24 * 7);

}  // namespace

CertificateWatch::CertificateWatch(MetricsRegistry& registry,
                                   const TlsFiles& files, Role role,
                                   double seconds)
    : files_(files),
      role_(role),
      not_after_(registry.AddGauge(
          "kmyriad_tls_certificate_not_after_timestamp_seconds",
          "Unix time at which this process's certificate ends.",
          {{"role", std::string(RoleName(role))}})),
      thread_(1) {
  Look();
  thread_.Schedule([this, seconds] { Watch(seconds); });
}

CertificateWatch::~CertificateWatch() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  stop_signal_.SignalAll();
}

void CertificateWatch::Watch(double seconds) {
  const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_;
  };
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (stop_signal_.AwaitWithTimeout(mutex_, absl::Seconds(seconds),
                                        stopping)) {
        return;
      }
    }
    Look();
  }
}

void CertificateWatch::Look() {
  const absl::Time now = RealClock().WallTime();
  const auto info = CheckTlsFiles(files_, role_, now);
  std::string news;
  if (info.ok()) {
    not_after_.Set(static_cast<double>(absl::ToUnixSeconds(info->not_after)));
    news = absl::StrCat("certificate ", info->subject, " ends at ",
                        absl::FormatTime(absl::RFC3339_sec, info->not_after,
                                         absl::UTCTimeZone()));
  } else {
    news = std::string(info.status().message());
  }
  const bool worry = !info.ok() || info->not_after - now < kSoon;
  if (worry) absl::StrAppend(&news, "; replace the files in good time");
  if (news == said_) return;
  said_ = news;
  Log(worry ? LogLevel::kWarning : LogLevel::kInfo, news);
}

}  // namespace kmyriad
