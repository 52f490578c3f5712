#include "common/rpc/address.h"

#include <string>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

TEST(AddressTest, FormsRoundTrip) {
  for (const char* text : {"127.0.0.1:50051", "example.org:1", "[::1]:0",
                           "[fe80::1]:65535", "unix:/a/b.sock", "unix:rel"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(AddressTest, SaysWhichAddressesStayOnThisMachine) {
  for (const char* text :
       {"127.0.0.1:1", "127.8.9.10:1", "localhost:1", "[::1]:1", "unix:x"}) {
    EXPECT_TRUE(ParseAddress(text)->IsLocal()) << text;
  }
  // "127.evil.org" is a name, whatever it resolves to.
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1",
                           "127.evil.org:1", "localhost.evil.org:1"}) {
    EXPECT_FALSE(ParseAddress(text)->IsLocal()) << text;
  }
}

TEST(AddressTest, RefusesWhatIsNotAnAddress) {
  for (const std::string& text :
       {std::string(""), std::string("50051"), std::string("host"),
        std::string(":1"), std::string("host:"), std::string("host:port"),
        std::string("host:-1"), std::string("host:+1"),
        std::string("host:65536"), std::string("host:99999999999"),
        std::string("::1:5"), std::string("[::1]"), std::string("[]:1"),
        std::string("a b:1"), std::string("a/b:1"), std::string("unix:"),
        "unix:" + std::string(108, 'x'), std::string("unix:a\0b", 8)}) {
    const auto address = ParseAddress(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_TRUE(ParseAddress("unix:" + std::string(107, 'x')).ok());
}

TEST(AddressTest, MessageNamesValueAndMend) {
  const std::string message(ParseAddress("host:70000").status().message());
  EXPECT_NE(message.find("host:70000"), std::string::npos);
  EXPECT_NE(message.find("0..65535"), std::string::npos);
  EXPECT_NE(message.find("HOST:PORT"), std::string::npos);
}

}  // namespace
}  // namespace kmyriad
