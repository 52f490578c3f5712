#include "common/certificates/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/certificates/certificate_authority.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kFailed = absl::StatusCode::kFailedPrecondition;
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

CertificateRequest Request(const std::string& name) {
  CertificateRequest request;
  request.common_name = name;
  request.not_before = kNow - absl::Hours(1);
  request.not_after = kNow + absl::Hours(24);
  return request;
}

class CertificateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    KMYRIAD_ASSERT_OK_AND_ASSIGN(authority_, MakeAuthority(Request("test-ca")));
  }
  KeyAndCertificate Issue(const CertificateRequest& request) const {
    const auto issued = IssueCertificate(authority_, request);
    EXPECT_THAT(issued, IsOk());
    return issued.value_or(KeyAndCertificate());
  }
  absl::Status Check(const KeyAndCertificate& own, absl::Time now) const {
    return CheckIdentity(own.certificate, own.key, authority_.certificate, now);
  }

  KeyAndCertificate authority_;
};

TEST_F(CertificateTest, SaysWhatItWasIssuedFor) {
  CertificateRequest request = Request("learner");
  request.uris = {"kmyriad://role/learner", "urn:x"};
  request.dns_names = {"learner", "*.kmyriad.svc"};
  request.ip_addresses = {"127.0.0.1", "::1"};
  const KeyAndCertificate own = Issue(request);
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const CertificateInfo info,
                               ParseCertificate(own.certificate));
  EXPECT_EQ(info.subject, "CN=learner");
  EXPECT_EQ(info.not_before, request.not_before);
  EXPECT_EQ(info.not_after, request.not_after);
  EXPECT_THAT(info.uris, ElementsAre("kmyriad://role/learner", "urn:x"));
  EXPECT_THAT(info.dns_names, ElementsAre("learner", "*.kmyriad.svc"));
  EXPECT_THAT(Check(own, kNow), IsOk());
  // The chain may go on after it.
  EXPECT_THAT(CheckIdentity(own.certificate + authority_.certificate, own.key,
                            authority_.certificate, kNow),
              IsOk());
}

TEST_F(CertificateTest, IsGoodForItsTimeAlone) {
  const KeyAndCertificate own = Issue(Request("actor"));
  EXPECT_THAT(Check(own, kNow + absl::Hours(24) - absl::Seconds(1)), IsOk());
  EXPECT_THAT(Check(own, kNow + absl::Hours(24)),
              StatusIs(kFailed, HasSubstr("CN=actor expired at 2027-01-16")));
  EXPECT_THAT(Check(own, kNow - absl::Hours(2)),
              StatusIs(kFailed, HasSubstr("not valid before")));
}

TEST_F(CertificateTest, IsGoodForItsAuthorityAlone) {
  const KeyAndCertificate own = Issue(Request("actor"));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const KeyAndCertificate other,
                               MakeAuthority(Request("test-ca")));
  EXPECT_THAT(
      CheckIdentity(own.certificate, own.key, other.certificate, kNow),
      StatusIs(kFailed, HasSubstr("does not lead to the given authority")));
  // It may not be an authority itself.
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const KeyAndCertificate grandchild,
                               IssueCertificate(own, Request("actor")));
  EXPECT_THAT(CheckIdentity(grandchild.certificate + own.certificate,
                            grandchild.key, authority_.certificate, kNow),
              StatusIs(kFailed, HasSubstr("does not lead")));
  // Nor can one that vouches for itself.
  EXPECT_THAT(Check(other, kNow), StatusIs(kFailed, HasSubstr("CN=test-ca")));
}

TEST_F(CertificateTest, KeysBelongToTheirCertificates) {
  const KeyAndCertificate one = Issue(Request("actor"));
  const KeyAndCertificate two = Issue(Request("actor"));
  EXPECT_NE(one.key, two.key);
  EXPECT_THAT(Check({two.key, one.certificate}, kNow),
              StatusIs(kFailed, HasSubstr("not that of certificate CN=actor")));
}

TEST_F(CertificateTest, RubbishIsRefused) {
  const KeyAndCertificate own = Issue(Request("actor"));
  const std::string cut = own.certificate.substr(0, 200);
  for (const std::string& rubbish :
       {std::string(), std::string("rubbish"), cut, own.key}) {
    EXPECT_THAT(ParseCertificate(rubbish).status(),
                StatusIs(kInvalid, HasSubstr("no PEM certificate")));
    EXPECT_THAT(Check({own.key, rubbish}, kNow),
                StatusIs(kFailed, HasSubstr("certificate")));
    EXPECT_THAT(CheckIdentity(own.certificate, own.key, rubbish, kNow),
                StatusIs(kFailed, HasSubstr("authority")));
  }
  EXPECT_THAT(Check({own.certificate, own.certificate}, kNow),
              StatusIs(kFailed, HasSubstr("private key")));
  EXPECT_THAT(IssueCertificate({"", ""}, Request("x")).status(),
              StatusIs(kInvalid));
}

TEST_F(CertificateTest, NamesCannotSmuggleOtherNames) {
  for (const std::string& bad :
       {std::string("a,URI:kmyriad://role/operator"), std::string("a\nb"),
        std::string("a;b"), std::string("a b"), std::string("a\0b", 3),
        std::string()}) {
    CertificateRequest request = Request("actor");
    request.dns_names = {bad};
    // "DNS:" alone is OpenSSL's to refuse or not; every other is ours.
    if (!bad.empty()) {
      EXPECT_THAT(IssueCertificate(authority_, request).status(),
                  StatusIs(kInvalid))
          << bad;
    }
    EXPECT_THAT(MakeAuthority(Request(bad)).status(), StatusIs(kInvalid))
        << bad;
  }
  CertificateRequest request = Request("actor");
  request.ip_addresses = {"300.1.1.1"};
  EXPECT_THAT(IssueCertificate(authority_, request).status(),
              StatusIs(kInvalid));
  EXPECT_THAT(MakeAuthority(Request(std::string(65, 'a'))).status(),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace kmyriad
