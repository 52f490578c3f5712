#ifndef KMYRIAD_TESTS_TESTING_STATUS_MATCHERS_H_
#define KMYRIAD_TESTS_TESTING_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace testing_internal {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

}  // namespace testing_internal

// Matches an OK Status or StatusOr.
MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  const absl::Status& status = testing_internal::StatusOf(arg);
  *result_listener << status.ToString();
  return status.ok();
}

// Matches an OK StatusOr whose value matches `matcher`.
MATCHER_P(IsOkAndHolds, matcher, "is OK and holds the value") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(matcher, *arg, result_listener);
}

// Matches a Status or StatusOr with this code whose message matches
// `message_matcher`.
MATCHER_P2(StatusIs, code, message_matcher,
           "has code " + absl::StatusCodeToString(code) +
               " and the right message") {
  const absl::Status& status = testing_internal::StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Matches(message_matcher)(std::string(status.message()));
}

// The same for any message.
template <typename Code>
auto StatusIs(Code code) {
  return StatusIs(code, ::testing::_);
}

// Fails the test if `expr`, a StatusOr, is not OK; otherwise assigns its value
// to `lhs`, which may declare a variable.
#define KMYRIAD_ASSERT_OK_AND_ASSIGN(lhs, expr) \
  KMYRIAD_ASSERT_OK_AND_ASSIGN_IMPL_(           \
      KMYRIAD_CONCAT_(kmyriad_asserted_, __LINE__), lhs, expr)

#define KMYRIAD_ASSERT_OK_AND_ASSIGN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                       \
  ASSERT_TRUE(tmp.ok()) << tmp.status();                   \
  lhs = std::move(tmp).value()

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_STATUS_MATCHERS_H_
