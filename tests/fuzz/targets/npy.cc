// Arrays that a user hands to `kmyriad entropy`.
#include <string>
#include <vector>

#include "common/base/check.h"
#include "deploy/launcher/npy_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {

void RunInput(absl::string_view input) {
  const auto tensor = DecodeNpy(input);
  if (!tensor.ok()) return;
  KMYRIAD_CHECK(tensor->data.size() <= input.size());
  // What was read is written and read again as the same.
  const auto again = DecodeNpy(EncodeNpy(*tensor));
  KMYRIAD_CHECK(again.ok() && again->shape == tensor->shape &&
                again->type == tensor->type && again->data == tensor->data);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const auto& shape :
       std::vector<std::vector<int64_t>>{{4, 2}, {8}, {}, {0, 3}}) {
    NamedTensor tensor{"", TensorType::kFloat32, shape, {}};
    size_t count = 1;
    for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
    tensor.data.resize(4 * count);
    seeds.push_back(EncodeNpy(tensor));
  }
  std::string second = seeds[0];
  second[6] = 2;
  second.insert(10, std::string(2, '\0'));
  seeds.push_back(second);
  return seeds;
}

}  // namespace kmyriad
