#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/message_codec.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

EnvironmentSpec MakeSpec() {
  EnvironmentSpec spec;
  spec.task = "ant";
  spec.terrain = "maze";
  spec.terrain_hash.fill(9);
  spec.act_dim = 8;
  spec.observation = {{"x", 1, 2, false}, {"x_velocity", 0, 0.5f, true}};
  spec.features = {"x", "y"};
  spec.step_seconds = 0.05;
  spec.x_min = -12;
  spec.x_max = 12;
  spec.y_min = -10;
  spec.y_max = 10;
  spec.boxes = {{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {0, 1, 2}}};
  spec.goals = {{"north", 1, 9, 12.5f}};
  spec.start_x = -1;
  spec.start_y = 1;
  spec.coverage = {-12, -10, 0.5f, 3, 2, {1, 0, 1, 1, 0, 0}};
  return spec;
}

TEST(EnvironmentCodecTest, RoundTrips) {
  const auto spec = FromProto(ToProto(MakeSpec()));
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(*spec, MakeSpec());
}

TEST(EnvironmentCodecTest, SurvivesTheWire) {
  v1::EnvironmentSpec proto;
  ASSERT_TRUE(proto.ParseFromString(ToProto(MakeSpec()).SerializeAsString()));
  EXPECT_EQ(*FromProto(proto), MakeSpec());
}

TEST(EnvironmentCodecTest, RefusesEachWrongFieldByName) {
  ASSERT_TRUE(FromProto(ToProto(MakeSpec())).ok());
  using Spec = v1::EnvironmentSpec;
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::pair<std::string, std::function<void(Spec&)>>> cases =
      {
          {"task", [](Spec& s) { s.clear_task(); }},
          {"task", [](Spec& s) { s.set_task(std::string(257, 't')); }},
          {"terrain", [](Spec& s) { s.clear_terrain(); }},
          {"terrain", [](Spec& s) { s.set_terrain(std::string(4097, 't')); }},
          {"terrain_hash",
           [](Spec& s) { s.set_terrain_hash(std::string(31, 'h')); }},
          {"act_dim", [](Spec& s) { s.set_act_dim(0); }},
          {"act_dim", [](Spec& s) { s.set_act_dim(17); }},
          {"observation", [](Spec& s) { s.clear_observation(); }},
          {"observation",
           [](Spec& s) {
             while (s.observation_size() <= 256) {
               *s.add_observation() = s.observation(0);
             }
           }},
          {"observation.name",
           [](Spec& s) { s.mutable_observation(1)->clear_name(); }},
          {"initial_mean",
           [nan](Spec& s) { s.mutable_observation(1)->set_initial_mean(nan); }},
          {"initial_std",
           [](Spec& s) { s.mutable_observation(1)->set_initial_std(0); }},
          {"initial_std",
           [](Spec& s) { s.mutable_observation(1)->set_initial_std(-1); }},
          {"features", [](Spec& s) { s.clear_features(); }},
          {"features",
           [](Spec& s) {
             while (s.features_size() <= 32) s.add_features(s.features(0));
           }},
          {"step_seconds", [](Spec& s) { s.set_step_seconds(-1); }},
          {"x_min", [](Spec& s) { s.set_x_min(12); }},
          {"x_max", [inf](Spec& s) { s.set_x_max(inf); }},
          {"y_min", [](Spec& s) { s.set_y_max(-11); }},
          {"start_x", [nan](Spec& s) { s.set_start_x(nan); }},
          {"boxes", [nan](Spec& s) { s.mutable_boxes(1)->set_half_z(nan); }},
          {"boxes", [](Spec& s) { s.mutable_boxes(1)->set_half_z(-1); }},
          {"boxes", [](Spec& s) { s.mutable_boxes(0)->set_center_x(1e7f); }},
          {"goals.name", [](Spec& s) { s.mutable_goals(0)->clear_name(); }},
          {"goals.y", [inf](Spec& s) { s.mutable_goals(0)->set_y(-inf); }},
          {"goals",
           [](Spec& s) {
             while (s.goals_size() <= (1 << 16)) *s.add_goals() = s.goals(0);
           }},
          {"cell_size",
           [](Spec& s) { s.mutable_coverage()->set_cell_size(0); }},
          {"coverage.nx", [](Spec& s) { s.mutable_coverage()->set_nx(0); }},
          {"coverage.nx",
           [](Spec& s) {
             // The product wraps around in 32 bits.
             s.mutable_coverage()->set_nx(1u << 31);
             s.mutable_coverage()->set_ny(1u << 31);
           }},
          {"reachable", [](Spec& s) { s.mutable_coverage()->set_nx(4); }},
          {"reachable",
           [](Spec& s) {
             (*s.mutable_coverage()->mutable_reachable())[2] = 2;
           }},
      };
  for (const auto& [field, damage] : cases) {
    v1::EnvironmentSpec proto = ToProto(MakeSpec());
    damage(proto);
    const absl::Status status = FromProto(proto).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_NE(std::string(status.message()).find(field), std::string::npos)
        << field << ": " << status;
  }
}

}  // namespace
}  // namespace kmyriad
