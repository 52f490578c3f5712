#ifndef KMYRIAD_TESTS_FUZZ_FUZZ_TARGET_H_
#define KMYRIAD_TESTS_FUZZ_FUZZ_TARGET_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kmyriad {

// What a target (targets/NAME.cc) defines. Two drivers run it: libFuzzer, and
// plain_driver.cc where there is no libFuzzer.

// One input, any bytes. A crash, a sanitizer's report, a broken KMYRIAD_CHECK
// or a time-out is a fault.
void RunInput(absl::string_view input);

// Valid inputs from which mutations start.
std::vector<std::string> Seeds();

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_FUZZ_FUZZ_TARGET_H_
