#include "learner/trainer/head_migration.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/copy_bytes.h"
#include "common/base/goal_task.h"
#include "common/base/status_macros.h"
#include "common/base/tensor.h"

namespace kmyriad {
namespace {

constexpr char kFailures[] = "migration.failures";
constexpr char kFounders[] = "migration.founders";

// Numbers 0..greatest, as many as `*values` has.
absl::Status ReadCounts(const std::vector<NamedTensor>& tensors,
                        const char* name, int64_t greatest,
                        std::vector<int64_t>* values) {
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", name, " is missing"));
  }
  std::vector<int64_t> read(values->size());
  if (tensor->type != TensorType::kInt64 ||
      tensor->data.size() != read.size() * sizeof(int64_t)) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", name, " is not int64 [", read.size(), "]"));
  }
  CopyBytes(read.data(), tensor->data.data(), tensor->data.size());
  for (const int64_t value : read) {
    if (value < 0 || value > greatest) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", name, " holds ", value, ": must be 0 to ", greatest));
    }
  }
  *values = std::move(read);
  return absl::OkStatus();
}

}  // namespace

HeadMigration::HeadMigration(uint32_t agents, uint32_t after)
    : after_(after), failures_(agents), founders_(agents) {
  std::iota(founders_.begin(), founders_.end(), int64_t{0});
}

std::vector<HeadCopy> HeadMigration::Advance(const TaskOutcome& outcome) {
  const auto agents = static_cast<uint32_t>(failures_.size());
  for (uint32_t agent = 0; agent < agents; ++agent) {
    if (outcome.successes[agent] > 0) {
      failures_[agent] = 0;
    } else {
      ++failures_[agent];
    }
  }
  const std::vector<uint32_t> parents =
      RankBySuccess(outcome.successes, outcome.steps);
  const int64_t limit = std::max<int64_t>(2, agents / 4);
  std::vector<HeadCopy> copies;
  for (uint32_t agent = 0; agent < agents; ++agent) {
    if (failures_[agent] < after_) continue;
    const auto parent = std::find_if(
        parents.begin(), parents.end(), [this, limit](uint32_t candidate) {
          return std::count(founders_.begin(), founders_.end(),
                            founders_[candidate]) < limit;
        });
    if (parent == parents.end()) break;
    copies.push_back({*parent, agent});
    founders_[agent] = founders_[*parent];
    failures_[agent] = 0;
  }
  return copies;
}

void HeadMigration::Save(std::vector<NamedTensor>* tensors) const {
  const std::vector<int64_t> shape = {static_cast<int64_t>(failures_.size())};
  tensors->push_back(MakeTensor(kFailures, shape, failures_));
  tensors->push_back(MakeTensor(kFounders, shape, founders_));
}

absl::Status HeadMigration::Load(std::vector<NamedTensor>* tensors) {
  // Epochs are below 2^32.
  std::vector<int64_t> failures = failures_;
  KMYRIAD_RETURN_IF_ERROR(
      ReadCounts(*tensors, kFailures, int64_t{1} << 32, &failures));
  std::vector<int64_t> founders = founders_;
  KMYRIAD_RETURN_IF_ERROR(ReadCounts(*tensors, kFounders,
                                     static_cast<int64_t>(founders_.size()) - 1,
                                     &founders));
  failures_ = std::move(failures);
  founders_ = std::move(founders);
  tensors->erase(std::remove_if(tensors->begin(), tensors->end(),
                                [](const NamedTensor& tensor) {
                                  return tensor.name == kFailures ||
                                         tensor.name == kFounders;
                                }),
                 tensors->end());
  return absl::OkStatus();
}

}  // namespace kmyriad
