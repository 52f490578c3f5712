#include "deploy/launcher/agent_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ChooseAgentsTest, TakesAllTheBestOrThoseThatAreNamed) {
  const std::vector<uint64_t> cells = {3, 9, 5, 9};
  EXPECT_THAT(*ChooseAgents("all", cells), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(*ChooseAgents("best:3", cells), ElementsAre(1, 3, 2));
  EXPECT_THAT(*ChooseAgents("3,0", cells), ElementsAre(3, 0));
  EXPECT_THAT(*ChooseAgents("2", cells), ElementsAre(2));
}

TEST(ChooseAgentsTest, RefusesWhatIsNoChoice) {
  for (const char* choice : {"", "best", "best:", "best:0", "best:5", "4",
                             "0,0", "0,", "-1", "some"}) {
    EXPECT_THAT(ChooseAgents(choice, {3, 9, 5, 9}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("from 1 to the population's 4")))
        << choice;
  }
}

}  // namespace
}  // namespace kmyriad
