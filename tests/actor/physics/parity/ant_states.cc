#include "tests/actor/physics/parity/ant_states.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

// Physics steps between two recorded states.
constexpr uint32_t kStride = 7;
constexpr double kLegRadius = 0.08, kTorsoRadius = 0.25, kMargin = 0.02;
constexpr double kPi = std::numbers::pi;

// Random actions of one of three scales, or the gait, in each episode.
class RandomPolicy : public AntPolicy {
 public:
  RandomPolicy(const Terrain& terrain, SeededRandom& random)
      : terrain_(terrain), random_(random) {}

  const Episode& episode() const override { return episode_; }

  ParityState Start() override {
    ParityState state;
    state.qpos.resize(15);
    state.qvel.resize(14);
    state.control.resize(kAntActuators);
    const size_t place = random_.Below(terrain_.goals.size() + 1);
    const bool start = place == terrain_.goals.size();
    double* q = state.qpos.data();
    q[0] = (start ? terrain_.start_x : terrain_.goals[place].x) +
           random_.Uniform(-0.25, 0.25);
    q[1] = (start ? terrain_.start_y : terrain_.goals[place].y) +
           random_.Uniform(-0.25, 0.25);
    q[2] = terrain_.GroundHeight(q[0], q[1]) + 0.75;
    const double half_yaw = random_.Uniform(0, kPi);
    q[3] = std::cos(half_yaw);
    q[6] = std::sin(half_yaw);
    for (size_t i = 7; i < 15; ++i) q[i] = random_.Uniform(-0.1, 0.1);
    kind_ = random_.Below(4);
    return state;
  }

  void Act(uint32_t step, ParityState* state) override {
    constexpr double kScale[] = {1.0, 0.1, 0.3, 1.0};
    float actions[kAntActuators];
    GaitActions(step, actions);
    for (size_t i = 0; i < kAntActuators; ++i) {
      const double action = kind_ == 0 ? double{actions[i]}
                                       : kScale[kind_] * random_.Uniform(-1, 1);
      state->control[i] = double{static_cast<float>(action)};
    }
  }

 private:
  const Episode episode_ = {280, 5, Integrator::kImplicitFast};
  const Terrain& terrain_;
  SeededRandom& random_;
  size_t kind_ = 0;  // 0: the gait
};

class AntStates {
 public:
  // policy: null for the random one.
  AntStates(MujocoOracle& oracle, const Terrain& terrain, uint64_t seed,
            AntPolicy* policy)
      : oracle_(oracle),
        terrain_(terrain),
        random_(seed),
        random_policy_(terrain, random_),
        policy_(policy == nullptr ? random_policy_ : *policy) {}

  std::vector<ParityState> Collect(size_t count) {
    std::vector<ParityState> states;
    while (states.size() < count) RunEpisode(count, &states);
    return states;
  }

 private:
  double Uniform(double low, double high) { return random_.Uniform(low, high); }
  template <size_t n>
  double Choose(const double (&values)[n]) {
    return values[random_.Below(n)];
  }

  void RunEpisode(size_t count, std::vector<ParityState>* states) {
    const AntPolicy::Episode& episode = policy_.episode();
    const uint32_t steps = episode.env_steps * episode.frame_skip;
    ParityState state = policy_.Start();
    for (uint32_t step = 0; step < steps && states->size() < count; ++step) {
      if (step % episode.frame_skip == 0) {
        policy_.Act(step / episode.frame_skip, &state);
      }
      if (step % kStride == 0) Record(state, states);
      if (!oracle_.Advance(&state, episode.integrator)) return;
    }
  }

  // The visited state, or one made of it.
  void Record(ParityState state, std::vector<ParityState>* states) {
    const uint64_t kind = random_.Below(10);
    if (kind >= 8) {
      MakeTie(&state);
    } else if (kind >= 6) {
      Perturb(&state);
    }
    for (const Integrator integrator :
         {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
      ParityState next = state;
      if (!oracle_.Advance(&next, integrator)) return;
    }
    states->push_back(std::move(state));
  }

  void Perturb(ParityState* state) {
    state->kind = StateKind::kPerturbed;
    for (size_t i = 0; i < 3; ++i) state->qpos[i] += Uniform(-0.15, 0.15);
    for (size_t i = 3; i < 7; ++i) state->qpos[i] += Uniform(-0.3, 0.3);
    for (size_t i = 7; i < 15; ++i) state->qpos[i] += Uniform(-0.5, 0.5);
    const double speed = Choose({0.1, 1.0, 3.0});
    for (double& v : state->qvel) v += speed * Uniform(-1, 1);
  }

  // Legs along the axes of the world or in their diagonals, surfaces that
  // touch, lie flat on each other or are exactly the margin apart, over faces,
  // edges, corners and seams of a box or over the plane.
  void MakeTie(ParityState* state) {
    state->kind = StateKind::kTie;
    std::vector<double>& q = state->qpos;
    StaticBox place = {{q[0], q[1], -1}, {1, 1, 1}};
    if (!terrain_.boxes.empty() && random_.Below(4) != 0) {
      place = terrain_.boxes[random_.Below(terrain_.boxes.size())];
    }
    const double noise = Choose({0.0, 1e-16, 1e-8});
    for (size_t i = 0; i < 2; ++i) {
      do {
        q[i] = place.center[i] +
               Choose({-1.0, -0.5, 0.0, 1.0}) * place.half[i] +
               Choose({0.0, 0.2, -0.2, kLegRadius, -kTorsoRadius,
                       kTorsoRadius + kMargin}) +
               noise * Uniform(-1, 1);
        // Not on the far side of an outer wall, where no robot comes.
      } while (q[i] < (i == 0 ? terrain_.x_min : terrain_.y_min) - 0.5 ||
               q[i] > (i == 0 ? terrain_.x_max : terrain_.y_max) + 0.5);
    }
    q[2] = place.center[2] + place.half[2] +
           Choose({0.0, kLegRadius, kLegRadius + kMargin, kTorsoRadius,
                   kTorsoRadius + kMargin, kLegRadius / 2}) +
           noise * Uniform(-1, 1);
    SetAttitude(&q[3]);
    for (size_t i = 7; i < 15; ++i) {
      // Ankles of legs 1 and 4 bend one way, those of legs 2 and 3 the other.
      const double sign = i == 10 || i == 12 ? -1 : 1;
      q[i] = sign * Choose({0, kPi / 6, 70 * kPi / 180, 0.1}) +
             noise * Uniform(-1, 1);
    }
    if (random_.Below(2) == 0) {
      for (double& v : state->qvel) v = 0;
    }
  }

  // A multiple of 45 degrees about the vertical, after one of 90 degrees about
  // a horizontal axis in one of three cases.
  void SetAttitude(double* quaternion) {
    const double half_yaw = Choose({0, 1, 2, 3, 4, 5, 6, 7}) * kPi / 8;
    const double yaw[4] = {std::cos(half_yaw), 0, 0, std::sin(half_yaw)};
    double tilt[4] = {1, 0, 0, 0};
    if (random_.Below(3) == 0) {
      const double half = Choose({1, 2, 3}) * kPi / 4;
      tilt[0] = std::cos(half);
      tilt[1 + random_.Below(2)] = std::sin(half);
    }
    mju_mulQuat(quaternion, yaw, tilt);
  }

  MujocoOracle& oracle_;
  const Terrain& terrain_;
  SeededRandom random_;
  RandomPolicy random_policy_;
  AntPolicy& policy_;
};

}  // namespace

void GaitActions(uint32_t env_step, float actions[kAntActuators]) {
  constexpr double kCyclesPerStep = 1.48 * 0.05;
  constexpr double kAmplitude[] = {0.04, 0.42, 0.24, 0.15,
                                   0.35, 0.33, 0.19, 0.26};
  constexpr double kPhase[] = {-2.5, 0.27, 2.69, 2.36, 1.12, 2.61, 0.52, -2.86};
  constexpr double kOffset[] = {-0.01, 0.08,  -0.04, -0.01,
                                0.11,  -0.02, 0.07,  -0.02};
  for (size_t i = 0; i < kAntActuators; ++i) {
    const double angle = 2 * kPi * kCyclesPerStep * env_step + kPhase[i];
    actions[i] =
        static_cast<float>(kAmplitude[i] * std::sin(angle) + kOffset[i]);
  }
}

std::vector<ParityState> CollectAntStates(MujocoOracle& oracle,
                                          const Terrain& terrain, size_t count,
                                          uint64_t seed, AntPolicy* policy) {
  return AntStates(oracle, terrain, seed, policy).Collect(count);
}

ParityState RoundedToFloat(ParityState state) {
  for (std::vector<double>* values : {&state.qpos, &state.qvel}) {
    for (double& value : *values) value = double{static_cast<float>(value)};
  }
  return state;
}

}  // namespace kmyriad
