#include "common/rpc/handshake_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/base/file_system.h"
#include "common/base/logging.h"
#include "common/rpc/channel.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

TEST(HandshakeReportTest, SaysWhatFailuresMean) {
  EXPECT_THAT(ExplainHandshake("SSL routines::certificate verify failed"),
              HasSubstr("--tls-ca"));
  EXPECT_THAT(ExplainHandshake("SSL routines::wrong version number"),
              HasSubstr("does not speak TLS"));
  EXPECT_THAT(ExplainHandshake("peer did not return a certificate"),
              HasSubstr("shows no certificate"));
  EXPECT_THAT(ExplainHandshake("failed to connect to all addresses; last "
                               "error: UNAVAILABLE: Socket closed"),
              HasSubstr("may want TLS"));
  // A stream that ends is none.
  EXPECT_EQ(ExplainHandshake("Socket closed"), "");
  EXPECT_EQ(ExplainHandshake("Connection refused"), "");
}

TEST(HandshakeReportTest, StatusesAreExplainedWhereAPeerWasNotReached) {
  const absl::Status status = FromGrpcStatus(
      {grpc::StatusCode::UNAVAILABLE, "x: wrong version number"});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("does not speak TLS")));
  EXPECT_THAT(status.message(), HasSubstr("x: wrong version number"));
  EXPECT_EQ(FromGrpcStatus({grpc::StatusCode::INTERNAL, "wrong version number"})
                .message(),
            "wrong version number");
}

TEST(HandshakeReportTest, TheSameIsSaidOnce) {
  TempDir folder;
  const std::string path = folder.File("log");
  InitLogging({"test", path, LogLevel::kInfo, LogFormat::kText});
  EXPECT_FALSE(ReportHandshake("something else"));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(ReportHandshake("Handshake failed: http request"));
    EXPECT_TRUE(ReportHandshake("Handshake failed: unsupported protocol"));
  }
  const auto text = PosixFileSystem().Read(path, 1 << 20);
  ASSERT_THAT(text, IsOk());
  const std::vector<std::string> lines =
      absl::StrSplit(*text, '\n', absl::SkipEmpty());
  EXPECT_EQ(lines.size(), 2u) << *text;
}

}  // namespace
}  // namespace kmyriad
