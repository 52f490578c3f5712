#include "common/process/certificate_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file_system.h"
#include "common/base/logging.h"
#include "common/process/process_metrics.h"
#include "tests/common/rpc/testing/test_certificates.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

constexpr char kMetric[] =
    "kmyriad_tls_certificate_not_after_timestamp_seconds";

class CertificateWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    InitLogging(
        {"test", folder_.File("log"), LogLevel::kInfo, LogFormat::kText});
  }
  double NotAfter() const {
    const auto text = ParsePrometheusText(registry_.Text());
    return text.ok() ? text->Value(kMetric, {{"role", "entropy"}}) : -1;
  }
  std::string Log() const {
    return PosixFileSystem().Read(folder_.File("log"), 1 << 20).value_or("");
  }
  static bool Comes(const std::function<bool()>& condition) {
    const absl::Time end = absl::Now() + absl::Seconds(60);
    while (!condition() && absl::Now() < end) {
    }
    return condition();
  }
  CertificateRequest Request(absl::Time not_after) const {
    CertificateRequest request = certificates_.Request();
    request.uris = {RoleUri(Role::kEntropy)};
    request.not_after = not_after;
    return request;
  }

  TempDir folder_;
  MetricsRegistry registry_;
  TestCertificates certificates_{folder_.path()};
};

TEST_F(CertificateWatchTest, FollowsTheFiles) {
  const absl::Time soon =
      absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now() + absl::Hours(24)));
  const absl::Time later = soon + absl::Hours(24 * 60);
  const TlsFiles files = certificates_.Issue(Request(soon));
  const CertificateWatch watch(registry_, files, Role::kEntropy, 0.01);
  EXPECT_EQ(NotAfter(), static_cast<double>(absl::ToUnixSeconds(soon)));
  EXPECT_TRUE(absl::StrContains(Log(), "warning test: certificate CN=test"));
  certificates_.Replace(Request(later), files);
  EXPECT_TRUE(Comes([&] {
    return NotAfter() == static_cast<double>(absl::ToUnixSeconds(later));
  }));
  // What cannot be used is said, and the last good end stays.
  ASSERT_THAT(PosixFileSystem().AtomicReplace(files.certificate, "rubbish"),
              IsOk());
  EXPECT_TRUE(
      Comes([&] { return absl::StrContains(Log(), "no PEM certificate"); }));
  EXPECT_EQ(NotAfter(), static_cast<double>(absl::ToUnixSeconds(later)));
}

TEST_F(CertificateWatchTest, ProcessesExportItOnlyWhenTheyHaveOne) {
  ProcessMetrics metrics(registry_, "entropy");
  ASSERT_THAT(metrics.WatchCertificate({}, Role::kEntropy), IsOk());
  EXPECT_FALSE(absl::StrContains(registry_.Text(), kMetric));
  EXPECT_THAT(metrics.WatchCertificate(certificates_.Issue(Role::kActor),
                                       Role::kEntropy),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(metrics.WatchCertificate(certificates_.Issue(Role::kEntropy),
                                       Role::kEntropy),
              IsOk());
  EXPECT_GT(NotAfter(), 1.7e9);
}

}  // namespace
}  // namespace kmyriad
