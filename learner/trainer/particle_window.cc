#include "learner/trainer/particle_window.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/copy_bytes.h"
#include "learner/checkpoint/checkpointer.h"

namespace kmyriad {

ParticleWindow::ParticleWindow(uint32_t epochs, uint32_t envs, uint32_t horizon,
                               uint32_t dims)
    : epochs_(epochs), envs_(envs), horizon_(horizon), dims_(dims) {}

ParticleWindow::Pool ParticleWindow::With(const float* features,
                                          const uint8_t* mask) const {
  Pool pool;
  pool.epochs = static_cast<uint32_t>(kept_.size()) + 1;
  const size_t lane = horizon_;
  pool.features.reserve(envs_ * pool.epochs * lane * dims_);
  pool.mask.reserve(envs_ * pool.epochs * lane);
  const auto add = [&](const float* from, const uint8_t* from_mask,
                       size_t env) {
    from += env * lane * dims_;
    from_mask += env * lane;
    pool.features.insert(pool.features.end(), from, from + lane * dims_);
    pool.mask.insert(pool.mask.end(), from_mask, from_mask + lane);
  };
  for (size_t env = 0; env < envs_; ++env) {
    for (const Epoch& epoch : kept_) {
      add(epoch.features.data(), epoch.mask.data(), env);
    }
    add(features, mask, env);
  }
  return pool;
}

void ParticleWindow::Push(const float* features, const uint8_t* mask) {
  if (epochs_ == 1) return;
  if (kept_.size() == epochs_ - 1) kept_.pop_front();
  const size_t count = size_t{envs_} * horizon_;
  kept_.push_back({{features, features + count * dims_}, {mask, mask + count}});
}

void ParticleWindow::Save(std::vector<NamedTensor>* tensors) const {
  if (epochs_ == 1) return;
  const auto kept = static_cast<int64_t>(kept_.size());
  const int64_t count = int64_t{envs_} * horizon_;
  NamedTensor features{
      kWindowFeatures, TensorType::kFloat32, {kept, count, dims_}, {}};
  NamedTensor mask{kWindowMask, TensorType::kUint8, {kept, count}, {}};
  for (const Epoch& epoch : kept_) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(epoch.features.data());
    features.data.insert(features.data.end(), bytes,
                         bytes + epoch.features.size() * sizeof(float));
    mask.data.insert(mask.data.end(), epoch.mask.begin(), epoch.mask.end());
  }
  tensors->push_back(std::move(features));
  tensors->push_back(std::move(mask));
}

absl::Status ParticleWindow::Load(const std::vector<NamedTensor>& tensors) {
  const NamedTensor* const features = FindTensor(tensors, kWindowFeatures);
  const NamedTensor* const mask = FindTensor(tensors, kWindowMask);
  if (features == nullptr && mask == nullptr) {
    kept_.clear();
    return absl::OkStatus();
  }
  const size_t count = size_t{envs_} * horizon_;
  const size_t saved = mask == nullptr ? 0 : mask->data.size() / count;
  if (features == nullptr || mask == nullptr ||
      features->type != TensorType::kFloat32 ||
      mask->type != TensorType::kUint8 || mask->data.size() != saved * count ||
      features->data.size() != saved * count * dims_ * sizeof(float)) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensors ", kWindowFeatures, " and ", kWindowMask,
                     " do not hold epochs of ", count, " particles with ",
                     dims_, " features"));
  }
  kept_.clear();
  const size_t first = saved - std::min<size_t>(saved, epochs_ - 1);
  for (size_t epoch = first; epoch < saved; ++epoch) {
    Epoch loaded;
    loaded.features.resize(count * dims_);
    CopyBytes(loaded.features.data(),
              features->data.data() + epoch * count * dims_ * sizeof(float),
              count * dims_ * sizeof(float));
    const auto from =
        mask->data.begin() + static_cast<ptrdiff_t>(epoch * count);
    loaded.mask.assign(from, from + static_cast<ptrdiff_t>(count));
    kept_.push_back(std::move(loaded));
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
