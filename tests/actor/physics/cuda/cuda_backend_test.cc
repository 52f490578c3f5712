#include "actor/physics/cuda/cuda_backend.h"

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/simd/simd_backend.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/cuda/twin_step_device.h"

namespace kmyriad {
namespace {

PhysicsOptions OneBox() {
  PhysicsOptions options;
  options.boxes.push_back({{0.5, 0, 0.1}, {0.3, 0.3, 0.1}});
  return options;
}

absl::StatusOr<std::shared_ptr<StepDevice>> MakeTwin() {
  return std::make_shared<TwinStepDevice>();
}

using State = std::vector<double>;

std::vector<State> StatesOf(const PhysicsBlock& block) {
  std::vector<State> states;
  for (uint32_t lane = 0; lane < 16; ++lane) {
    State state(29);
    block.Read(lane, state.data(), state.data() + 15);
    states.push_back(std::move(state));
  }
  return states;
}

TEST(CudaBackendTest, ABlockHasTheBitsOfTheBatchedStepper) {
  const std::string mjcf = AntMjcf(OneBox());
  const auto cuda = *CreateCudaModel(mjcf, &MakeTwin);
  const auto simd = *CreateSimdModel(mjcf);
  EXPECT_EQ(cuda->dimensions().reference_position,
            simd->dimensions().reference_position);
  EXPECT_NE(cuda->Description(), simd->Description());
  const auto ours = *cuda->CreateBlock();
  const auto theirs = *simd->CreateBlock();
  EXPECT_EQ(StatesOf(*ours), StatesOf(*theirs));
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> controls(8 * 16);
  for (int step = 0; step < 20; ++step) {
    for (float& control : controls) control = uniform(random);
    EXPECT_EQ(ours->Step(controls.data(), 5), theirs->Step(controls.data(), 5));
    EXPECT_EQ(StatesOf(*ours), StatesOf(*theirs)) << step;
    if (step != 10) continue;
    // A lane alone goes back.
    State start = cuda->dimensions().reference_position;
    start.resize(29, 0.25);
    for (PhysicsBlock* block : {ours.get(), theirs.get()}) {
      block->Reset(5, start.data(), start.data() + 15);
    }
  }
}

TEST(CudaBackendTest, ALaneIsLostUntilItIsReset) {
  const auto model = *CreateCudaModel(AntMjcf(OneBox()), &MakeTwin);
  const auto block = *model->CreateBlock();
  const std::vector<float> controls(8 * 16);
  State wild = model->dimensions().reference_position;
  wild.resize(29, 1e11);
  block->Reset(3, wild.data(), wild.data() + 15);
  EXPECT_EQ(block->Step(controls.data(), 1), 1u << 3);
  EXPECT_EQ(block->Step(controls.data(), 1), 1u << 3);
  std::fill(wild.begin() + 15, wild.end(), 0);
  block->Reset(3, wild.data(), wild.data() + 15);
  EXPECT_EQ(block->Step(controls.data(), 1), 0u);
  EXPECT_EQ(block->overflows(), 0u);
}

TEST(CudaBackendDeathTest, AGpuThatFailsEndsTheProcess) {
  const auto device = std::make_shared<TwinStepDevice>();
  const auto model = *CreateCudaModel(AntMjcf({}), [&] { return device; });
  const auto block = *model->CreateBlock();
  const std::vector<float> controls(8 * 16);
  device->broken = true;
  EXPECT_DEATH(static_cast<void>(block->Step(controls.data(), 1)), "on fire");
}

TEST(CudaBackendTest, RefusesWhatTheStepperDoes) {
  EXPECT_EQ(CreateCudaModel("<mujoco/>", &MakeTwin).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kmyriad
