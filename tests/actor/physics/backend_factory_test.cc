#include "actor/physics/backend_factory.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

TEST(BackendFactoryTest, BuildsTheAntOnMujoco) {
  const auto model = CreateAntPhysics("mujoco", {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->dimensions().position, 15u);
  EXPECT_EQ((*model)->dimensions().velocity, 14u);
  EXPECT_EQ((*model)->dimensions().control, 8u);
  EXPECT_EQ((*model)->dimensions().reference_position[2], 0.75);
  EXPECT_NE((*model)->Description().find("mujoco 3.17.0"), std::string::npos);
}

TEST(BackendFactoryTest, DescriptionsTellModelsApart) {
  PhysicsOptions options;
  const std::string plain =
      (*CreateAntPhysics("mujoco", options))->Description();
  options.integrator = Integrator::kRungeKutta4;
  EXPECT_NE((*CreateAntPhysics("mujoco", options))->Description(), plain);
  options = {};
  options.timestep = 0.005;
  EXPECT_NE((*CreateAntPhysics("mujoco", options))->Description(), plain);
  options = {};
  options.boxes.push_back({{1, 2, 3}, {1, 1, 1}});
  EXPECT_NE((*CreateAntPhysics("mujoco", options))->Description(), plain);
}

TEST(BackendFactoryTest, BuildsTheAntOnTheBatchedStepper) {
  const auto simd = CreateAntPhysics("simd", {});
  const auto mujoco = CreateAntPhysics("mujoco", {});
  ASSERT_TRUE(simd.ok()) << simd.status();
  EXPECT_EQ((*simd)->dimensions().position, 15u);
  EXPECT_EQ((*simd)->dimensions().velocity, 14u);
  EXPECT_EQ((*simd)->dimensions().control, 8u);
  EXPECT_EQ((*simd)->dimensions().reference_position,
            (*mujoco)->dimensions().reference_position);
  EXPECT_NE((*simd)->Description(), (*mujoco)->Description());
  PhysicsOptions options;
  options.boxes.push_back({{1, 2, 3}, {1, 1, 1}});
  EXPECT_NE((*CreateAntPhysics("simd", options))->Description(),
            (*simd)->Description());
}

// With a GPU it is built; what it computes then, tests with the label gpu say.
TEST(BackendFactoryTest, SaysWhyThereIsNoGpu) {
  const auto model = CreateAntPhysics("cuda", {});
  if (model.ok()) return;
  EXPECT_EQ(model.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(model.status().message()),
              ::testing::MatchesRegex(
                  "physics.backend = cuda: (no CUDA device \\(.*\\)|this build "
                  "has no CUDA .*); use simd"));
}

TEST(BackendFactoryTest, NamesBackendsThatDoNotExist) {
  EXPECT_EQ(CreateAntPhysics("bullet", {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(BackendFactoryTest, ParsesIntegrators) {
  EXPECT_EQ(*ParseIntegrator("implicitfast"), Integrator::kImplicitFast);
  EXPECT_EQ(*ParseIntegrator("rk4"), Integrator::kRungeKutta4);
  EXPECT_FALSE(ParseIntegrator("RK4").ok());
}

}  // namespace
}  // namespace kmyriad
