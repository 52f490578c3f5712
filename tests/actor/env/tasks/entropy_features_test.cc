#include "actor/env/tasks/entropy_features.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<EntropyFeatures> Parse(absl::string_view text) {
  static const auto* const kCoordinates =
      new std::vector<std::string>{"x", "y", "z", "turn"};
  constexpr FeatureSet kSets[] = {{"xy", "x,y"}, {"xyz", "x,y,z*4"}};
  return ParseEntropyFeatures(text, kSets, *kCoordinates);
}

TEST(EntropyFeaturesTest, SetsAreNamesForLists) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const EntropyFeatures named, Parse("xyz"));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const EntropyFeatures listed, Parse("x,y,z*4"));
  EXPECT_EQ(named.names, listed.names);
  EXPECT_EQ(named.values, listed.values);
  EXPECT_THAT(named.names, ElementsAre("x", "y", "z*4"));
  EXPECT_THAT(named.values,
              ElementsAre(EntropyFeature{0, 1}, EntropyFeature{1, 1},
                          EntropyFeature{2, 4}));
}

TEST(EntropyFeaturesTest, ListsTakeCoordinatesInAnyOrderAfterXAndY) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const EntropyFeatures features,
                               Parse("x,y,turn*0.25,z"));
  EXPECT_THAT(features.values,
              ElementsAre(EntropyFeature{0, 1}, EntropyFeature{1, 1},
                          EntropyFeature{3, 0.25f}, EntropyFeature{2, 1}));
}

TEST(EntropyFeaturesTest, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "'' is no coordinate; use x, y, z, turn"},
      {"xy,", "'xy' is no coordinate"},
      {"x,y,", "'' is no coordinate"},
      {"x,y,w", "'w' is no coordinate"},
      {"x,y,z*0", "'z*0': use NAME*SCALE"},
      {"x,y,z*-1", "'z*-1'"},
      {"x,y,z*1e9", "at most 1000"},
      {"x,y,z*nan", "'z*nan'"},
      {"x,y,z*", "'z*'"},
      {"x,y,z*2*2", "'z*2*2'"},
      {"x,y,z,z*2", "z occurs twice"},
      {"x", "must begin with x,y"},
      {"y,x", "must begin with x,y"},
      {"x*2,y", "must begin with x,y"},
      {"z", "must begin with x,y"},
      {"x,y,\n", "'\\n' is no coordinate"},
  };
  for (const auto& [text, says] : kCases) {
    EXPECT_THAT(Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(says)))
        << text;
  }
}

TEST(EntropyFeaturesTest, ThereAreAtMostThirtyTwo) {
  std::vector<std::string> coordinates = {"x", "y"};
  std::string list = "x,y";
  for (int i = 2; i < 33; ++i) {
    coordinates.push_back(absl::StrCat("c", i));
    if (i < 32) absl::StrAppend(&list, ",", coordinates.back());
  }
  EXPECT_THAT(ParseEntropyFeatures(list, {}, coordinates), IsOk());
  EXPECT_THAT(
      ParseEntropyFeatures(absl::StrCat(list, ",c32"), {}, coordinates),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("33 features")));
}

}  // namespace
}  // namespace kmyriad
