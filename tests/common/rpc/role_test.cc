#include "common/rpc/role.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "kmyriad/v1/entropy_service.pb.h"
#include "kmyriad/v1/learner.pb.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

TEST(RoleTest, UrisNameExactlyOneRole) {
  for (const Role role : kRoles) {
    EXPECT_THAT(RoleOfUris({"https://example.org", RoleUri(role)}),
                IsOkAndHolds(role));
  }
  EXPECT_EQ(RoleUri(Role::kActor), "kmyriad://role/actor");
  EXPECT_THAT(RoleOfUris({}), StatusIs(kDenied, HasSubstr("names no role")));
  EXPECT_THAT(
      RoleOfUris({RoleUri(Role::kActor), RoleUri(Role::kOperator)}),
      StatusIs(kDenied, HasSubstr("actor and kmyriad://role/operator")));
  for (const char* other :
       {"kmyriad://role/root", "kmyriad://role/", "kmyriad://role/actor/7",
        "KMYRIAD://role/actor", "kmyriad://role/operator\n"}) {
    EXPECT_THAT(RoleOfUris({other}), StatusIs(kDenied)) << other;
  }
}

// Every method of every service, each with all roles: a new method must be put
// into this table and that of the product.
TEST(RoleTest, EachMethodIsOpenToTheRolesThatNeedIt) {
  const std::map<std::string, std::set<Role>> expected = {
      {"Learner/Collect", {Role::kActor}},
      {"Control/GetStatus", {Role::kOperator}},
      {"Control/Pause", {Role::kOperator}},
      {"Control/Resume", {Role::kOperator}},
      {"Control/Checkpoint", {Role::kOperator}},
      {"Control/ListCheckpoints", {Role::kOperator}},
      {"Control/Restore", {Role::kOperator}},
      {"Control/Stop", {Role::kOperator}},
      {"Control/WatchEvents", {Role::kOperator}},
      {"EntropyService/ScoreEpoch", {Role::kLearner}},
      {"EntropyService/Evaluate", {Role::kLearner}},
      {"EntropyService/GetCoverage", {Role::kLearner, Role::kOperator}},
      {"EntropyService/GetInfo", {Role::kLearner, Role::kOperator}},
  };
  std::set<std::string> seen;
  for (const auto* file : {v1::Hello::descriptor()->file(),
                           v1::ScoreEpochHeader::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto* method = file->service(s)->method(m);
        const std::string name =
            file->service(s)->name() + "/" + method->name();
        ASSERT_TRUE(expected.count(name)) << name;
        seen.insert(name);
        for (const Role role : kRoles) {
          EXPECT_EQ(CheckAccess(role, "/kmyriad.v1." + name).ok(),
                    expected.at(name).count(role) > 0)
              << RoleName(role) << " " << name;
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), expected.size());
}

TEST(RoleTest, WhatIsNotListedIsNobodys) {
  for (const Role role : kRoles) {
    for (const char* method :
         {"", "/", "/kmyriad.v1.Learner/CollectMore", "/kmyriad.v1.Control",
          "kmyriad.v1.Control/Stop", "/kmyriad.v2.Control/Stop",
          "/grpc.health.v1.Health/Check"}) {
      EXPECT_THAT(CheckAccess(role, method),
                  StatusIs(kDenied, HasSubstr("nobody may")))
          << RoleName(role) << " " << method;
    }
  }
  EXPECT_THAT(CheckAccess(Role::kActor, "/kmyriad.v1.Control/Stop"),
              StatusIs(kDenied, HasSubstr("use one of role operator")));
  // Messages do not grow with what strangers send.
  EXPECT_LT(
      CheckAccess(Role::kActor, std::string(100000, 'x')).message().size(),
      400u);
}

}  // namespace
}  // namespace kmyriad
