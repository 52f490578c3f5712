// Runs a fuzz target without libFuzzer: all files of a corpus, all seeds, and
// mutations of both that are the same every time.
//
//   TARGET [--mutations N] [--write-seeds FOLDER] [FILE or FOLDER]...
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/base/logging.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {
namespace {

constexpr size_t kMaxInput = 1 << 16;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void AddFiles(const std::string& path, std::vector<std::string>* inputs) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      files.push_back(entry.path());
    }
  } else {
    files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) inputs->push_back(ReadFile(file));
}

// A change of the kinds that find the most faults: bits, bytes, numbers at the
// edge of a type, parts cut out, doubled, or taken from another input.
void Mutate(const std::vector<std::string>& inputs, std::mt19937_64& random,
            std::string* input) {
  static constexpr uint64_t kEdges[] = {0,
                                        1,
                                        0x7f,
                                        0x80,
                                        0xff,
                                        0x7fff,
                                        0xffff,
                                        0x7fffffff,
                                        0x80000000,
                                        0xffffffff,
                                        0x7f800000,
                                        0x7fc00000,
                                        ~uint64_t{0},
                                        uint64_t{1} << 63};
  const auto below = [&random](size_t bound) { return random() % bound; };
  if (input->empty()) input->push_back('\0');
  const size_t at = below(input->size());
  const size_t length = std::min(input->size() - at, size_t{1} << below(8));
  switch (below(6)) {
    case 0:
      (*input)[at] = static_cast<char>((*input)[at] ^ (1 << below(8)));
      break;
    case 1:
      (*input)[at] = static_cast<char>(random());
      break;
    case 2: {
      const uint64_t edge = kEdges[below(std::size(kEdges))];
      std::memcpy(input->data() + at, &edge,
                  std::min<size_t>(input->size() - at, 1 << below(4)));
      break;
    }
    case 3:
      input->erase(at, length);
      break;
    case 4:
      input->insert(at, input->substr(at, length));
      break;
    case 5: {
      const std::string& other = inputs[below(inputs.size())];
      if (other.empty()) break;
      const size_t from = below(other.size());
      input->insert(at, other, from, size_t{1} << below(8));
      break;
    }
  }
  if (input->size() > kMaxInput) input->resize(kMaxInput);
}

void WriteSeeds(const std::string& folder) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const std::string& seed : Seeds()) {
    char name[32];
    std::snprintf(name, sizeof(name), "seed_%02d", number++);
    std::ofstream(std::filesystem::path(folder) / name, std::ios::binary)
        << seed;
  }
}

int Main(int argc, char** argv) {
  InitLogging({"fuzz", "/dev/null", LogLevel::kError});
  std::vector<std::string> inputs = Seeds();
  uint64_t mutations = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool last = i + 1 == argc;
    if (argument == "--mutations" && !last) {
      if (!absl::SimpleAtoi(argv[++i], &mutations)) return 64;
    } else if (argument == "--write-seeds" && !last) {
      WriteSeeds(argv[++i]);
      return 0;
    } else {
      AddFiles(argument, &inputs);
    }
  }
  inputs.push_back("");
  for (const std::string& input : inputs) RunInput(input);
  std::mt19937_64 random(1);
  for (uint64_t i = 0; i < mutations; ++i) {
    std::string input = inputs[random() % inputs.size()];
    for (size_t n = 1 + random() % 4; n > 0; --n) {
      Mutate(inputs, random, &input);
    }
    RunInput(input);
  }
  std::printf("%zu inputs and %llu mutations\n", inputs.size(),
              static_cast<unsigned long long>(mutations));
  return 0;
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
