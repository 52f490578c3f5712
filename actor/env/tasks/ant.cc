#include "actor/env/tasks/ant.h"

#include <array>
#include <cmath>
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
#include "common/math/philox.h"

namespace kmyriad {
namespace {

constexpr uint32_t kPositions = 15;
constexpr uint32_t kVelocities = 14;
constexpr uint32_t kActions = 8;
constexpr uint32_t kJoints = 8;
constexpr uint32_t kQuaternion = 3;
constexpr uint32_t kFirstJoint = 7;  // in qpos, after the free joint
constexpr uint32_t kObservations = kPositions + kVelocities + 1;
constexpr double kTimestep = 0.01;
constexpr double kStartHeight = 0.75;  // metres, as in ant.xml
constexpr float kPlaceJitter = 0.25f;  // metres
constexpr float kJointJitter = 0.1f;   // radians, as Gymnasium
constexpr double kHighestTorso = 2.0;  // metres from the ground

using Qpos = std::array<double, kPositions>;
using Qvel = std::array<double, kVelocities>;

// Uniform in (-limit, limit).
double Jitter(uint32_t word, float limit) {
  return static_cast<double>(limit * (2 * UniformOpen(word) - 1));
}

bool IsUpsideDown(const Qpos& q) {
  // Sign of the torso's up vector, whatever the quaternion's length.
  return q[3] * q[3] + q[6] * q[6] < q[4] * q[4] + q[5] * q[5];
}

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
           EntropyFeatures features,
           std::shared_ptr<const PhysicsModel> physics)
      : options_(options),
        terrain_(std::move(terrain)),
        features_(std::move(features.values)),
        physics_(std::move(physics)),
        spec_(SpecFromTerrain(options.task, terrain_)),
        position_scale_(1.0f / ArenaHalfSize(terrain_)) {
    spec_.act_dim = kActions;
    spec_.observation = AntColumns();
    spec_.features = std::move(features.names);
    spec_.step_seconds = kTimestep * options.frame_skip;
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
        absl::StrCat("ant, height ", kStartHeight, ", jitter ", kPlaceJitter,
                     " ", kJointJitter, "\n", physics_->Description()));
  }

  const Terrain& terrain() const { return terrain_; }
  const std::vector<EntropyFeature>& features() const { return features_; }
  const PhysicsModel& physics() const { return *physics_; }
  float position_scale() const { return position_scale_; }

 private:
  absl::StatusOr<std::unique_ptr<VectorEnv>> CreateBlock() const override;

  const VectorEnvOptions options_;
  const Terrain terrain_;
  const std::vector<EntropyFeature> features_;
  const std::shared_ptr<const PhysicsModel> physics_;
  EnvironmentSpec spec_;
  const float position_scale_;
};

class AntEnv : public VectorEnv {
 public:
  AntEnv(std::shared_ptr<const AntModel> model,
         std::unique_ptr<PhysicsBlock> physics)
      : model_(std::move(model)), physics_(std::move(physics)) {}

  void Reset(uint64_t seed, uint32_t epoch, uint32_t first_env) override;
  void Observe(float* observations) const override;
  void Step(const float* squashed_actions, float* features,
            uint8_t* flags) override;

 private:
  void ResetLane(uint32_t lane) {
    physics_->Reset(lane, start_[lane].data(), Qvel{}.data());
  }
  uint8_t Flags(const Qpos& q) const;
  void WriteFeatures(uint32_t lane, const Qpos& q, const Qvel& v,
                     float* features) const;

  const std::shared_ptr<const AntModel> model_;
  const std::unique_ptr<PhysicsBlock> physics_;
  uint32_t step_ = 0;
  std::array<Qpos, kBlockLanes> start_{};
};

absl::StatusOr<std::unique_ptr<VectorEnv>> AntModel::CreateBlock() const {
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<PhysicsBlock> physics,
                           physics_->CreateBlock());
  return std::make_unique<AntEnv>(shared_from_this(), std::move(physics));
}

void AntEnv::Reset(uint64_t seed, uint32_t epoch, uint32_t first_env) {
  step_ = 0;
  const Terrain& terrain = model_->terrain();
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    // Words 0 and 1 place the torso, words 4 to 11 bend the joints.
    uint32_t words[12];
    for (uint32_t draw = 0; draw < 3; ++draw) {
      const PhiloxBlock random = RunRandom(seed, RandomStream::kReset,
                                           first_env + lane, epoch, 0, draw);
      for (uint32_t i = 0; i < 4; ++i) words[4 * draw + i] = random.word[i];
    }
    Qpos& q = start_[lane];
    q = {};
    q[0] = terrain.start_x + Jitter(words[0], kPlaceJitter);
    q[1] = terrain.start_y + Jitter(words[1], kPlaceJitter);
    q[2] = terrain.GroundHeight(q[0], q[1]) + kStartHeight;
    q[3] = 1;
    for (uint32_t i = 0; i < kJoints; ++i) {
      q[kFirstJoint + i] = Jitter(words[4 + i], kJointJitter);
    }
    ResetLane(lane);
  }
}

void AntEnv::Observe(float* observations) const {
  const float scale = model_->position_scale();
  const float time =
      static_cast<float>(step_) / static_cast<float>(model_->options().horizon);
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    Qpos q;
    Qvel v;
    physics_->Read(lane, q.data(), v.data());
    const auto put = [&](uint32_t row, float value) {
      observations[row * kBlockLanes + lane] = value;
    };
    put(0, static_cast<float>(q[0]) * scale);
    put(1, static_cast<float>(q[1]) * scale);
    for (uint32_t i = 2; i < kPositions; ++i) put(i, static_cast<float>(q[i]));
    for (uint32_t i = 0; i < kVelocities; ++i) {
      put(kPositions + i, static_cast<float>(v[i]));
    }
    put(kObservations - 1, time);
  }
}

uint8_t AntEnv::Flags(const Qpos& q) const {
  const Terrain& terrain = model_->terrain();
  const double height = q[2] - terrain.GroundHeight(q[0], q[1]);
  uint8_t flags = 0;
  if (!terrain.IsFree(q[0], q[1]) || std::abs(height) > kHighestTorso) {
    flags |= kSampleOutside;
  }
  if (IsUpsideDown(q)) flags |= kSampleUpsideDown;
  return flags;
}

void AntEnv::WriteFeatures(uint32_t lane, const Qpos& q, const Qvel& v,
                           float* features) const {
  for (const EntropyFeature& feature : model_->features()) {
    const uint32_t i = feature.coordinate;
    double value = i < kPositions ? q[i] : v[i - kPositions];
    const bool attitude = i >= kQuaternion && i < kFirstJoint;
    if (attitude && q[kQuaternion] < 0) value = -value;
    features[lane] = static_cast<float>(value) * feature.scale;
    features += kBlockLanes;
  }
}

void AntEnv::Step(const float* squashed_actions, float* features,
                  uint8_t* flags) {
  ++step_;
  float controls[kActions * kBlockLanes];
  for (uint32_t i = 0; i < kActions * kBlockLanes; ++i) {
    controls[i] = squashed_actions[i] * model_->options().action_scale;
  }
  const LaneMask failed =
      physics_->Step(controls, model_->options().frame_skip);
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    const bool lost = ((failed >> lane) & 1) != 0;
    if (lost) ResetLane(lane);
    Qpos q;
    Qvel v;
    physics_->Read(lane, q.data(), v.data());
    WriteFeatures(lane, q, v, features);
    flags[lane] = lost ? kSampleNonfinite : Flags(q);
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
  KMYRIAD_CHECK(sizes.position == kPositions && sizes.velocity == kVelocities &&
                sizes.control == kActions);
  return std::make_shared<const AntModel>(
      options, std::move(terrain), std::move(features), std::move(physics));
}

}  // namespace kmyriad
