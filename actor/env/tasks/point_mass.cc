#include "actor/env/tasks/point_mass.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/env/tasks/entropy_features.h"
#include "actor/env/tasks/environment_description.h"
#include "actor/env/terrain_library.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"
#include "common/math/philox.h"

namespace kmyriad {
namespace {

constexpr float kMaxStep = 0.15f;      // cells
constexpr float kResetJitter = 0.25f;  // cells
// Distance kept from walls: large enough that a position in either
// coordinate system rounds to the same cell, small against a step.
constexpr float kSkin = 0x1p-12f;
constexpr uint32_t kObservations = 3;
constexpr uint32_t kActions = 2;

class PointMassModel;

class PointMassEnv : public VectorEnv {
 public:
  explicit PointMassEnv(std::shared_ptr<const PointMassModel> model);

  void Reset(uint64_t seed, uint32_t epoch, uint32_t first_env) override;
  void Observe(float* observations) const override;
  void Step(const float* squashed_actions, float* features,
            uint8_t* flags) override;

 private:
  // Coordinate of a lane after a step along one axis: `along` moves, `across`
  // stays.
  float Move(float along, float step, float across, bool is_x) const;

  const std::shared_ptr<const PointMassModel> model_;
  uint32_t step_ = 0;
  // Map coordinates: cells from the map's lower left corner, so that borders
  // of cells are integers.
  float u_[kBlockLanes] = {};
  float v_[kBlockLanes] = {};
  float start_u_[kBlockLanes] = {};
  float start_v_[kBlockLanes] = {};
};

class PointMassModel : public EnvironmentModel,
                       public std::enable_shared_from_this<PointMassModel> {
 public:
  PointMassModel(const VectorEnvOptions& options, Terrain terrain)
      : options_(options),
        terrain_(std::move(terrain)),
        spec_(SpecFromTerrain(options.task, terrain_)),
        position_scale_(1.0f / ArenaHalfSize(terrain_)) {
    spec_.act_dim = kActions;
    spec_.observation = {
        {"x", 0, 1, false}, {"y", 0, 1, false}, {"t", 0, 1, false}};
  }

  const VectorEnvOptions& options() const override { return options_; }
  const EnvironmentSpec& spec() const override { return spec_; }
  std::vector<std::string> action_names() const override { return {"x", "y"}; }
  Digest fingerprint() const override {
    return EnvironmentFingerprint(
        options_, terrain_,
        absl::StrCat("point mass, step ", kMaxStep, ", jitter ", kResetJitter,
                     ", skin ", kSkin));
  }

  const Terrain& terrain() const { return terrain_; }
  float position_scale() const { return position_scale_; }
  // From map coordinates to the terrain's, whose origin is the map's centre.
  float offset_x() const { return static_cast<float>(terrain_.columns) / 2; }
  float offset_y() const { return static_cast<float>(terrain_.rows) / 2; }
  bool IsWall(float u, float v) const {
    if (!(u >= 0 && v >= 0)) return true;
    const auto column = static_cast<uint32_t>(u);
    const auto row = static_cast<uint32_t>(v);
    return column >= terrain_.columns || row >= terrain_.rows ||
           terrain_.walls[size_t{row} * terrain_.columns + column] != 0;
  }

 private:
  absl::StatusOr<std::unique_ptr<VectorEnv>> CreateBlock() const override {
    return std::make_unique<PointMassEnv>(shared_from_this());
  }

  const VectorEnvOptions options_;
  const Terrain terrain_;
  EnvironmentSpec spec_;
  const float position_scale_;
};

PointMassEnv::PointMassEnv(std::shared_ptr<const PointMassModel> model)
    : model_(std::move(model)) {}

void PointMassEnv::Reset(uint64_t seed, uint32_t epoch, uint32_t first_env) {
  step_ = 0;
  const float u =
      static_cast<float>(model_->terrain().start_x) + model_->offset_x();
  const float v =
      static_cast<float>(model_->terrain().start_y) + model_->offset_y();
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    const PhiloxBlock random =
        RunRandom(seed, RandomStream::kReset, first_env + lane, epoch, 0, 0);
    const float du = kResetJitter * (2 * UniformOpen(random.word[0]) - 1);
    const float dv = kResetJitter * (2 * UniformOpen(random.word[1]) - 1);
    start_u_[lane] = u_[lane] = Move(u, du, v, true);
    start_v_[lane] = v_[lane] = Move(v, dv, u_[lane], false);
  }
}

void PointMassEnv::Observe(float* observations) const {
  const float scale = model_->position_scale();
  const float time =
      static_cast<float>(step_) / static_cast<float>(model_->options().horizon);
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    observations[lane] = (u_[lane] - model_->offset_x()) * scale;
    observations[kBlockLanes + lane] = (v_[lane] - model_->offset_y()) * scale;
    observations[2 * kBlockLanes + lane] = time;
  }
}

// A step is shorter than a cell, so that only one border can be in the way.
float PointMassEnv::Move(float along, float step, float across,
                         bool is_x) const {
  float next = along + step;
  const auto blocked = [&](float a) {
    return is_x ? model_->IsWall(a, across) : model_->IsWall(across, a);
  };
  // The skin reaches into the cell ahead, so that the point stops before the
  // wall, not at it.
  if (step > 0 && blocked(next + kSkin)) {
    next = std::min(next, std::floor(next + kSkin) - kSkin);
  } else if (step < 0 && blocked(next - kSkin)) {
    next = std::max(next, std::floor(next - kSkin) + 1 + kSkin);
  }
  return next;
}

void PointMassEnv::Step(const float* squashed_actions, float* features,
                        uint8_t* flags) {
  ++step_;
  const float reach = kMaxStep * model_->options().action_scale;
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    const float a = squashed_actions[lane];
    const float b = squashed_actions[kBlockLanes + lane];
    flags[lane] = 0;
    if (std::isfinite(a) && std::isfinite(b)) {
      const float du = reach * std::clamp(a, -1.0f, 1.0f);
      const float dv = reach * std::clamp(b, -1.0f, 1.0f);
      u_[lane] = Move(u_[lane], du, v_[lane], true);
      v_[lane] = Move(v_[lane], dv, u_[lane], false);
    } else {
      u_[lane] = start_u_[lane];
      v_[lane] = start_v_[lane];
      flags[lane] = kSampleNonfinite;
    }
    features[lane] = u_[lane] - model_->offset_x();
    features[kBlockLanes + lane] = v_[lane] - model_->offset_y();
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const EnvironmentModel>> CreatePointMassModel(
    const VectorEnvOptions& options) {
  if (options.backend != "none") {
    return absl::InvalidArgumentError(
        absl::StrCat("physics.backend = ", options.backend,
                     ": point_mass has no engine; use none"));
  }
  if (options.integrator != "none") {
    return absl::InvalidArgumentError(
        absl::StrCat("env.integrator = ", options.integrator,
                     ": point_mass has no engine; use none"));
  }
  KMYRIAD_RETURN_IF_ERROR(
      ParseEntropyFeatures(options.features, {{"xy", "x,y"}}, {"x", "y"})
          .status());
  KMYRIAD_ASSIGN_OR_RETURN(
      Terrain terrain, LoadTerrain(options.terrain, TaskScale(options.task)));
  return std::make_shared<const PointMassModel>(options, std::move(terrain));
}

}  // namespace kmyriad
