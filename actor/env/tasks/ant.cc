#include "actor/env/tasks/ant.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/env/tasks/entropy_features.h"
#include "actor/env/tasks/environment_description.h"
#include "actor/env/terrain_library.h"
#include "actor/physics/backend_factory.h"
#include "common/base/check.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

constexpr double kTimestep = 0.01;
// Lane-minor numbers of a block.
constexpr uint32_t kControls = kAntActions * kBlockLanes;

// Normaliser table to start from: about twice the spread that random actions
// at action_scale 0.3 show on the plane, since a learnt gait moves faster.
std::vector<ObservationColumn> AntColumns() {
  std::vector<ObservationColumn> columns = {{"x", 0, 1, false},
                                            {"y", 0, 1, false},
                                            {"z", 0.55f, 0.15f, true},
                                            {"quaternion_w", 0.9f, 0.25f, true},
                                            {"quaternion_x", 0, 0.2f, true},
                                            {"quaternion_y", 0, 0.2f, true},
                                            {"quaternion_z", 0, 0.4f, true}};
  for (int leg = 1; leg <= 4; ++leg) {
    // Ankles of legs 2 and 3 bend the other way.
    const float ankle = leg == 1 || leg == 4 ? 0.85f : -0.85f;
    columns.push_back({absl::StrCat("hip_", leg), 0, 0.4f, true});
    columns.push_back({absl::StrCat("ankle_", leg), ankle, 0.4f, true});
  }
  for (const char* axis : {"x", "y", "z"}) {
    columns.push_back({absl::StrCat("velocity_", axis), 0, 0.7f, true});
  }
  for (const char* axis : {"x", "y", "z"}) {
    columns.push_back({absl::StrCat("rotation_", axis), 0, 1.3f, true});
  }
  for (int leg = 1; leg <= 4; ++leg) {
    columns.push_back({absl::StrCat("hip_velocity_", leg), 0, 3, true});
    columns.push_back({absl::StrCat("ankle_velocity_", leg), 0, 3, true});
  }
  columns.push_back({"t", 0, 1, false});
  return columns;
}

// Scales are explained in ant.h.
constexpr FeatureSet kFeatureSets[] = {
    {"xy", "x,y"},
    {"xyz", "x,y,z*4"},
    {"pose",
     "x,y,z*4,quaternion_w*2,quaternion_x*2,quaternion_y*2,quaternion_z*2"},
    {"joint",
     "x,y,z*4,quaternion_w*2,quaternion_x*2,quaternion_y*2,quaternion_z*2,"
     "hip_1,ankle_1,hip_2,ankle_2,hip_3,ankle_3,hip_4,ankle_4"},
    {"state",
     "x,y,z*4,quaternion_w*2,quaternion_x*2,quaternion_y*2,quaternion_z*2,"
     "hip_1,ankle_1,hip_2,ankle_2,hip_3,ankle_3,hip_4,ankle_4,"
     "velocity_x*0.5,velocity_y*0.5,velocity_z*0.5,"
     "rotation_x*0.25,rotation_y*0.25,rotation_z*0.25,"
     "hip_velocity_1*0.1,ankle_velocity_1*0.1,"
     "hip_velocity_2*0.1,ankle_velocity_2*0.1,"
     "hip_velocity_3*0.1,ankle_velocity_3*0.1,"
     "hip_velocity_4*0.1,ankle_velocity_4*0.1"}};

// All columns but the time.
absl::StatusOr<EntropyFeatures> ParseAntFeatures(const std::string& text) {
  std::vector<std::string> coordinates;
  for (const ObservationColumn& column : AntColumns()) {
    coordinates.push_back(column.name);
  }
  coordinates.pop_back();
  return ParseEntropyFeatures(text, kFeatureSets, coordinates);
}

class AntModel : public EnvironmentModel,
                 public std::enable_shared_from_this<AntModel> {
 public:
  AntModel(const VectorEnvOptions& options, Terrain terrain,
           EntropyFeatures features, const PhysicsOptions& physics_options,
           std::shared_ptr<const PhysicsModel> physics)
      : options_(options),
        terrain_(std::move(terrain)),
        physics_options_(physics_options),
        physics_(std::move(physics)),
        spec_(SpecFromTerrain(options.task, terrain_)) {
    spec_.act_dim = kAntActions;
    spec_.observation = AntColumns();
    spec_.features = std::move(features.names);
    spec_.step_seconds = kTimestep * options.frame_skip;
    task_.horizon = options.horizon;
    task_.position_scale = 1.0f / ArenaHalfSize(terrain_);
    task_.action_scale = options.action_scale;
    task_.start_x = terrain_.start_x;
    task_.start_y = terrain_.start_y;
    task_.ground = terrain_.ground_map();
    task_.feature_count = static_cast<uint32_t>(features.values.size());
    std::copy(features.values.begin(), features.values.end(), task_.feature);
  }

  const VectorEnvOptions& options() const override { return options_; }
  const EnvironmentSpec& spec() const override { return spec_; }
  std::vector<std::string> action_names() const override {
    // The order of the actuators (actor/physics/mujoco/ant_mjcf.h).
    return {"hip_4", "ankle_4", "hip_1", "ankle_1",
            "hip_2", "ankle_2", "hip_3", "ankle_3"};
  }
  Digest fingerprint() const override {
    return EnvironmentFingerprint(
        options_, terrain_,
        absl::StrCat("ant, height ", kAntStartHeight, ", jitter ",
                     kAntPlaceJitter, " ", kAntJointJitter, "\n",
                     physics_->Description()));
  }

  const AntTask& task() const { return task_; }
  const PhysicsOptions& physics_options() const { return physics_options_; }

 private:
  absl::StatusOr<std::unique_ptr<VectorEnv>> CreateBlock() const override;

  const VectorEnvOptions options_;
  const Terrain terrain_;
  const PhysicsOptions physics_options_;
  const std::shared_ptr<const PhysicsModel> physics_;
  EnvironmentSpec spec_;
  AntTask task_ = {};
};

class AntEnv : public VectorEnv {
 public:
  AntEnv(std::shared_ptr<const AntModel> model,
         std::unique_ptr<PhysicsBlock> physics)
      : model_(std::move(model)),
        task_(model_->task()),
        physics_(std::move(physics)) {}

  void Reset(uint64_t seed, uint32_t epoch, uint32_t first_env) override;
  void Observe(float* observations) const override;
  void Step(const float* squashed_actions, float* features,
            uint8_t* flags) override;

 private:
  void ResetLane(uint32_t lane) {
    physics_->Reset(lane, start_[lane].q, start_[lane].v);
  }

  const std::shared_ptr<const AntModel> model_;
  const AntTask& task_;
  const std::unique_ptr<PhysicsBlock> physics_;
  uint32_t step_ = 0;
  std::array<AntState, kBlockLanes> start_{};
};

absl::StatusOr<std::unique_ptr<VectorEnv>> AntModel::CreateBlock() const {
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<PhysicsBlock> physics,
                           physics_->CreateBlock());
  return std::make_unique<AntEnv>(shared_from_this(), std::move(physics));
}

void AntEnv::Reset(uint64_t seed, uint32_t epoch, uint32_t first_env) {
  step_ = 0;
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    start_[lane] = AntStart(task_, seed, epoch, first_env + lane);
    ResetLane(lane);
  }
}

void AntEnv::Observe(float* observations) const {
  const float time = AntTime(task_, step_);
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    AntState state;
    physics_->Read(lane, state.q, state.v);
    const auto put = [&](uint32_t row, float value) {
      observations[row * kBlockLanes + lane] = value;
    };
    for (uint32_t i = 0; i < kAntPositions; ++i) {
      put(i, AntObservation(task_, i, state.q[i]));
    }
    for (uint32_t i = 0; i < kAntVelocities; ++i) {
      const uint32_t row = kAntPositions + i;
      put(row, AntObservation(task_, row, state.v[i]));
    }
    put(kAntObservations - 1, time);
  }
}

void AntEnv::Step(const float* squashed_actions, float* features,
                  uint8_t* flags) {
  ++step_;
  float controls[kControls];
  for (uint32_t i = 0; i < kControls; ++i) {
    controls[i] = squashed_actions[i] * task_.action_scale;
  }
  const LaneMask failed =
      physics_->Step(controls, model_->options().frame_skip);
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    const bool lost = ((failed >> lane) & 1) != 0;
    if (lost) ResetLane(lane);
    AntState state;
    physics_->Read(lane, state.q, state.v);
    for (uint32_t i = 0; i < task_.feature_count; ++i) {
      features[i * kBlockLanes + lane] = AntFeature(task_.feature[i], state);
    }
    flags[lane] = lost ? kSampleNonfinite : AntFlags(task_, state.q);
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const EnvironmentModel>> CreateAntModel(
    const VectorEnvOptions& options) {
  PhysicsOptions physics_options;
  KMYRIAD_ASSIGN_OR_RETURN(physics_options.integrator,
                           ParseIntegrator(options.integrator));
  physics_options.timestep = kTimestep;
  KMYRIAD_ASSIGN_OR_RETURN(EntropyFeatures features,
                           ParseAntFeatures(options.features));
  KMYRIAD_ASSIGN_OR_RETURN(
      Terrain terrain, LoadTerrain(options.terrain, TaskScale(options.task)));
  physics_options.boxes = terrain.boxes;
  KMYRIAD_ASSIGN_OR_RETURN(std::shared_ptr<const PhysicsModel> physics,
                           CreateAntPhysics(options.backend, physics_options));
  const PhysicsDimensions& sizes = physics->dimensions();
  KMYRIAD_CHECK(sizes.position == kAntPositions &&
                sizes.velocity == kAntVelocities &&
                sizes.control == kAntActions);
  return std::make_shared<const AntModel>(options, std::move(terrain),
                                          std::move(features), physics_options,
                                          std::move(physics));
}

AntOnDevice DescribeAnt(const EnvironmentModel& model) {
  const auto* ant = dynamic_cast<const AntModel*>(&model);
  KMYRIAD_CHECK(ant != nullptr);
  return {ant->task(), ant->physics_options()};
}

}  // namespace kmyriad
