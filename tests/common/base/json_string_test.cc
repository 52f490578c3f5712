#include "common/base/json_string.h"

#include <gtest/gtest.h>

#include <string>

#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";

// What a reader gets out of it.
std::string Read(const std::string& text) {
  const auto parsed = nlohmann::json::parse(JsonString(text), nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : "unreadable";
}

TEST(JsonStringTest, EveryCharacterComesBack) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
  EXPECT_EQ(Read(all), all);
  EXPECT_EQ(JsonString(all).find('\n'), std::string::npos);
  // One of each length, the first and the last of each, around surrogates.
  const std::string valid =
      "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
      "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
  EXPECT_EQ(Read(valid), valid);
  EXPECT_EQ(JsonString(""), "\"\"");
}

TEST(JsonStringTest, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(Read("a\xff"
                 "b"),
            std::string("a") + kReplacement + "b");
  // Overlong, surrogate, beyond the last, cut, a lone continuation.
  for (const std::string& bad :
       {std::string("\xc0\xaf"), std::string("\xe0\x80\xaf"),
        std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80"),
        std::string("\xf5\x80\x80\x80"), std::string("\xe2\x82"),
        std::string("\x80")}) {
    std::string expected;
    for (size_t i = 0; i < bad.size(); ++i) expected += kReplacement;
    EXPECT_EQ(Read(bad), expected);
  }
}

// The parser of another hand judges every pair of bytes.
TEST(JsonStringTest, AnyTwoBytesGiveValidJson) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first),
                                static_cast<char>(second)};
      ASSERT_NE(Read(text), "unreadable") << first << " " << second;
      const bool valid = nlohmann::json::accept("\"" + text + "\"") &&
                         first >= 0x20 && second >= 0x20;
      if (valid && text.find('\\') == std::string::npos) {
        ASSERT_EQ(Read(text), text) << first << " " << second;
      }
    }
  }
}

}  // namespace
}  // namespace kmyriad
