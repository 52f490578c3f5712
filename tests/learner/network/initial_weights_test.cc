#include "learner/network/initial_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "common/base/tensor.h"

namespace kmyriad {
namespace {

NetworkShape Shape(uint32_t agents) {
  NetworkShape shape;
  shape.obs_dim = 30;
  shape.trunk = {64, 32};
  shape.act_dim = 8;
  shape.agents = agents;
  return shape;
}

std::vector<float> Find(const std::vector<NamedTensor>& tensors,
                        const std::string& name) {
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor != nullptr) return ElementsOf<float>(*tensor);
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

double MeanSquare(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * value;
  return sum / static_cast<double>(values.size());
}

TEST(OrthogonalMatrixTest, ShortSideIsOrthogonalWithTheGain) {
  constexpr double kGain = 1.4142135623730951;
  for (const auto& [rows, cols] :
       {std::pair{12u, 40u}, {40u, 12u}, {16u, 16u}, {1u, 7u}}) {
    const std::vector<float> w = OrthogonalMatrix(rows, cols, kGain, 3, 1);
    const bool by_rows = rows < cols;
    const uint32_t count = by_rows ? rows : cols;
    const uint32_t length = by_rows ? cols : rows;
    const auto at = [&](uint32_t vector, uint32_t k) {
      return double{by_rows ? w[vector * cols + k] : w[k * cols + vector]};
    };
    for (uint32_t i = 0; i < count; ++i) {
      for (uint32_t j = 0; j < count; ++j) {
        double dot = 0;
        for (uint32_t k = 0; k < length; ++k) dot += at(i, k) * at(j, k);
        EXPECT_NEAR(dot, i == j ? 2.0 : 0.0, 1e-6) << rows << "x" << cols;
      }
    }
  }
}

TEST(OrthogonalMatrixTest, SeedAndTensorNumberMatter) {
  const std::vector<float> w = OrthogonalMatrix(8, 8, 1, 3, 1);
  EXPECT_EQ(OrthogonalMatrix(8, 8, 1, 3, 1), w);
  EXPECT_NE(OrthogonalMatrix(8, 8, 1, 4, 1), w);
  EXPECT_NE(OrthogonalMatrix(8, 8, 1, 3, 2), w);
}

TEST(InitialParametersTest, HeadsAreACommonMatrixPlusNoise) {
  const std::vector<float> same =
      Find(InitialParameters(Shape(3), -0.5f, 0.0f, 1), "heads.weight");
  const size_t head = same.size() / 3;
  for (size_t i = 0; i < head; ++i) {
    ASSERT_EQ(same[i], same[head + i]);
    ASSERT_EQ(same[i], same[2 * head + i]);
  }
  EXPECT_NEAR(MeanSquare(same) * 32, 1.0, 0.2);

  const std::vector<float> noisy =
      Find(InitialParameters(Shape(3), -0.5f, 0.1f, 1), "heads.weight");
  std::vector<float> noise(noisy.size());
  for (size_t i = 0; i < noisy.size(); ++i) noise[i] = noisy[i] - same[i];
  EXPECT_NEAR(MeanSquare(noise) * 32, 0.01, 0.002);
  EXPECT_NE(std::vector<float>(noise.begin(), noise.begin() + 8),
            std::vector<float>(
                noise.begin() + static_cast<std::ptrdiff_t>(head),
                noise.begin() + static_cast<std::ptrdiff_t>(head + 8)));
}

TEST(InitialParametersTest, AgentsDoNotDependOnHowManyThereAre) {
  const std::vector<float> few =
      Find(InitialParameters(Shape(2), -0.5f, 0.1f, 1), "heads.weight");
  std::vector<float> many =
      Find(InitialParameters(Shape(5), -0.5f, 0.1f, 1), "heads.weight");
  many.resize(few.size());
  EXPECT_EQ(few, many);
}

TEST(InitialParametersTest, BiasesLogStdAndEmbeddingStartAsStated) {
  const std::vector<NamedTensor> tensors =
      InitialParameters(Shape(500), -0.25f, 0.1f, 9);
  for (const char* name :
       {"trunk.0.bias", "trunk.1.bias", "heads.bias", "critic.0.bias",
        "critic.1.bias", "critic.value.bias"}) {
    EXPECT_EQ(MeanSquare(Find(tensors, name)), 0.0) << name;
  }
  for (const float value : Find(tensors, "heads.log_std")) {
    ASSERT_EQ(value, -0.25f);
  }
  EXPECT_NEAR(MeanSquare(Find(tensors, "embedding")), 1.0, 0.1);
  EXPECT_NEAR(MeanSquare(Find(tensors, "critic.value.weight")) * 32, 1.0, 1e-5);
  EXPECT_EQ(tensors[0].shape, (std::vector<int64_t>{64, 30}));
  EXPECT_NE(Find(tensors, "trunk.1.weight"), Find(tensors, "critic.1.weight"));
}

}  // namespace
}  // namespace kmyriad
