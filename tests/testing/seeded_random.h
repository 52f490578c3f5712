#ifndef KMYRIAD_TESTS_TESTING_SEEDED_RANDOM_H_
#define KMYRIAD_TESTS_TESTING_SEEDED_RANDOM_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace kmyriad {

// Reproducible random inputs for tests. The engine's sequence is fixed by the
// C++ standard; the distributions are ours, since the library's are not.
class SeededRandom {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}

  // [0, 1) in steps of 2^-53.
  double Unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double Uniform(double low, double high) {
    return low + (high - low) * Unit();
  }
  // [0, bound); bound >= 1. The bias is below 2^-32 for bounds of tests.
  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  // Standard normal, by Box-Muller.
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(1 - Unit()));
    return radius * std::cos(6.283185307179586 * Unit());
  }
  std::vector<float> Uniforms(size_t count, double low, double high) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(Uniform(low, high));
    return values;
  }
  std::vector<float> Normals(size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(Normal());
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_SEEDED_RANDOM_H_
