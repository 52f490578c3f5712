#include "common/device/device_array.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include "common/device/cuda/cuda_device.h"
#include "common/device/twin_device.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

// The twin, which counts what is alive and can run out.
class CountingDevice final : public Device {
 public:
  absl::StatusOr<void*> Allocate(size_t bytes) override {
    if (full) return absl::ResourceExhaustedError("full");
    ++live;
    ++allocations;
    return twin_.Allocate(bytes);
  }
  void Free(void* memory) override {
    --live;
    twin_.Free(memory);
  }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return twin_.Upload(from, bytes, to);
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    return twin_.Download(from, bytes, to);
  }

  int live = 0;
  int allocations = 0;
  bool full = false;

 private:
  TwinDevice twin_;
};

TEST(DeviceArrayTest, KeepsWhatWasCopiedAndFreesItOnce) {
  CountingDevice device;
  {
    DeviceArray<uint32_t> array(device);
    EXPECT_EQ(array.data(), nullptr);
    std::vector<uint32_t> values(1000), back(1000);
    std::iota(values.begin(), values.end(), 7);
    ASSERT_TRUE(array.AllocateCopy(values).ok());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data()) % 256, 0u);
    ASSERT_TRUE(array.Download(absl::MakeSpan(back)).ok());
    EXPECT_EQ(back, values);
    // New memory takes the place of the old.
    ASSERT_TRUE(array.Allocate(0).ok());
    EXPECT_NE(array.data(), nullptr);
    EXPECT_EQ(device.live, 1);
    device.full = true;
    EXPECT_EQ(array.Allocate(1).code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(array.data(), nullptr);
  }
  EXPECT_EQ(device.live, 0);
}

TEST(DeviceArrayTest, ACopyOfTheSameSizeTakesTheSameMemory) {
  CountingDevice device;
  DeviceArray<uint32_t> array(device);
  for (const uint32_t first : {1u, 5u}) {
    std::vector<uint32_t> values = {first, first + 1, first + 2}, back(3);
    ASSERT_TRUE(array.AllocateCopy(values).ok());
    EXPECT_EQ(device.allocations, 1);
    ASSERT_TRUE(array.Download(absl::MakeSpan(back)).ok());
    EXPECT_EQ(back, values);
  }
  // Fewer values leave the rest as it is.
  ASSERT_TRUE(array.Upload({9}).ok());
  std::vector<uint32_t> back(3);
  ASSERT_TRUE(array.Download(absl::MakeSpan(back)).ok());
  EXPECT_EQ(back, (std::vector<uint32_t>{9, 6, 7}));
  for (const size_t size : {size_t{2}, size_t{4}}) {
    ASSERT_TRUE(array.AllocateCopy(std::vector<uint32_t>(size)).ok());
  }
  EXPECT_EQ(device.allocations, 3);
  EXPECT_EQ(device.live, 1);
  EXPECT_DEATH(array.Upload(std::vector<uint32_t>(5)).IgnoreError(),
               "broken invariant");
}

TEST(CudaDeviceTest, NamesWhatWasBeingDone) {
  EXPECT_TRUE(CudaStatus(0, "waiting").ok());
  EXPECT_EQ(CudaStatus(2, "waiting").code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(CudaStatus(2, "waiting").message()),
              HasSubstr("CUDA, waiting: "));
}

}  // namespace
}  // namespace kmyriad
