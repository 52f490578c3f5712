#include "entropy_service/entropy_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;

TEST(EntropyOptionsTest, DefaultsAreValidAndLocal) {
  const EntropyOptions options;
  EXPECT_THAT(options.Validate(), IsOk());
  EXPECT_THAT(options.listen, HasSubstr("127.0.0.1:"));
  EXPECT_THAT(options.process.metrics, HasSubstr("127.0.0.1:"));
}

TEST(EntropyOptionsTest, NamesWhatIsWrong) {
  EntropyOptions options;
  options.threads = -2;
  EXPECT_THAT(options.Validate(), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("--threads = -2")));
  options.threads = 2;
  options.listen = "";
  EXPECT_THAT(options.Validate(), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("--listen")));
}

}  // namespace
}  // namespace kmyriad
