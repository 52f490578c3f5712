// Negative control: a parser with a fault, which a driver must find.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {

void RunInput(absl::string_view bytes) {
  FuzzInput input(bytes);
  if (input.Take(4) != "KMYR") return;
  const size_t size = input.Byte();
  // The announced size is checked against nothing.
  std::vector<char> copy(8);
  const absl::string_view body = input.Rest();
  if (body.size() < size) return;
  for (size_t i = 0; i < size; ++i) copy.at(i) = body[i];
}

std::vector<std::string> Seeds() { return {"KMYR\2abcdefghijklmnopqrst"}; }

}  // namespace kmyriad
