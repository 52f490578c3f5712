#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/rpc/message_codec.h"

namespace kmyriad {
namespace {

constexpr int kMaxColumns = 256;
constexpr uint32_t kMaxActions = 16;
constexpr int kMaxFeatures = 32;
constexpr int kMaxBoxes = 1 << 20;
constexpr int kMaxGoals = 1 << 16;
constexpr uint64_t kMaxCells = 1 << 24;
constexpr size_t kMaxNameBytes = 256;
// The name of a terrain may be a path.
constexpr size_t kMaxPathBytes = 4096;
// Metres or seconds: beyond this a number is rubbish, and squares overflow.
constexpr double kMaxMagnitude = 1e6;

absl::Status Wrong(absl::string_view field, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("environment: ", field, " ", what));
}

absl::Status CheckNumber(absl::string_view field, double value) {
  if (std::isfinite(value) && std::abs(value) <= kMaxMagnitude) {
    return absl::OkStatus();
  }
  return Wrong(field, absl::StrCat("= ", value, " is not a number within ",
                                   kMaxMagnitude));
}

absl::Status CheckCount(absl::string_view field, int64_t count, int64_t min,
                        int64_t max) {
  if (count >= min && count <= max) return absl::OkStatus();
  return Wrong(field,
               absl::StrCat("has ", count, " entries, not ", min, "..", max));
}

absl::Status CheckName(absl::string_view field, const std::string& name,
                       size_t max_bytes) {
  if (!name.empty() && name.size() <= max_bytes) return absl::OkStatus();
  return Wrong(field,
               absl::StrCat("has ", name.size(), " bytes, not 1..", max_bytes));
}

absl::Status ReadColumns(const v1::EnvironmentSpec& proto,
                         EnvironmentSpec& spec) {
  KMYRIAD_RETURN_IF_ERROR(
      CheckCount("observation", proto.observation_size(), 1, kMaxColumns));
  for (const v1::ObservationColumn& column : proto.observation()) {
    KMYRIAD_RETURN_IF_ERROR(
        CheckName("observation.name", column.name(), kMaxNameBytes));
    KMYRIAD_RETURN_IF_ERROR(
        CheckNumber("observation.initial_mean", column.initial_mean()));
    KMYRIAD_RETURN_IF_ERROR(
        CheckNumber("observation.initial_std", column.initial_std()));
    if (!(column.initial_std() > 0)) {
      return Wrong("observation.initial_std",
                   absl::StrCat("= ", column.initial_std(), " of ",
                                column.name(), " is not positive"));
    }
    spec.observation.push_back({column.name(), column.initial_mean(),
                                column.initial_std(), column.running()});
  }
  KMYRIAD_RETURN_IF_ERROR(
      CheckCount("features", proto.features_size(), 1, kMaxFeatures));
  for (const std::string& name : proto.features()) {
    KMYRIAD_RETURN_IF_ERROR(CheckName("features", name, kMaxNameBytes));
    spec.features.push_back(name);
  }
  return absl::OkStatus();
}

absl::Status ReadBoxes(const v1::EnvironmentSpec& proto,
                       EnvironmentSpec& spec) {
  KMYRIAD_RETURN_IF_ERROR(
      CheckCount("boxes", proto.boxes_size(), 0, kMaxBoxes));
  spec.boxes.reserve(static_cast<size_t>(proto.boxes_size()));
  for (const v1::Box& box : proto.boxes()) {
    for (const float value : {box.center_x(), box.center_y(), box.center_z(),
                              box.half_x(), box.half_y(), box.half_z()}) {
      KMYRIAD_RETURN_IF_ERROR(CheckNumber("boxes", value));
    }
    if (box.half_x() < 0 || box.half_y() < 0 || box.half_z() < 0) {
      return Wrong("boxes", "holds a negative half size");
    }
    spec.boxes.push_back({{box.center_x(), box.center_y(), box.center_z()},
                          {box.half_x(), box.half_y(), box.half_z()}});
  }
  return absl::OkStatus();
}

absl::Status ReadGoals(const v1::EnvironmentSpec& proto,
                       EnvironmentSpec& spec) {
  KMYRIAD_RETURN_IF_ERROR(
      CheckCount("goals", proto.goals_size(), 0, kMaxGoals));
  spec.goals.reserve(static_cast<size_t>(proto.goals_size()));
  for (const v1::Goal& goal : proto.goals()) {
    KMYRIAD_RETURN_IF_ERROR(
        CheckName("goals.name", goal.name(), kMaxNameBytes));
    KMYRIAD_RETURN_IF_ERROR(CheckNumber("goals.x", goal.x()));
    KMYRIAD_RETURN_IF_ERROR(CheckNumber("goals.y", goal.y()));
    KMYRIAD_RETURN_IF_ERROR(
        CheckNumber("goals.geodesic_distance", goal.geodesic_distance()));
    spec.goals.push_back(
        {goal.name(), goal.x(), goal.y(), goal.geodesic_distance()});
  }
  return absl::OkStatus();
}

absl::Status ReadExtent(const v1::EnvironmentSpec& proto,
                        EnvironmentSpec& spec) {
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("x_min", proto.x_min()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("x_max", proto.x_max()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("y_min", proto.y_min()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("y_max", proto.y_max()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("start_x", proto.start_x()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("start_y", proto.start_y()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("step_seconds", proto.step_seconds()));
  if (!(proto.x_min() < proto.x_max()) || !(proto.y_min() < proto.y_max())) {
    return Wrong("x_min..x_max, y_min..y_max", "is empty");
  }
  if (proto.step_seconds() < 0) return Wrong("step_seconds", "is negative");
  spec.step_seconds = proto.step_seconds();
  spec.x_min = proto.x_min();
  spec.x_max = proto.x_max();
  spec.y_min = proto.y_min();
  spec.y_max = proto.y_max();
  spec.start_x = proto.start_x();
  spec.start_y = proto.start_y();
  return absl::OkStatus();
}

}  // namespace

v1::CoverageGrid ToProto(const CoverageGrid& grid) {
  v1::CoverageGrid proto;
  proto.set_x_min(grid.x_min);
  proto.set_y_min(grid.y_min);
  proto.set_cell_size(grid.cell_size);
  proto.set_nx(grid.nx);
  proto.set_ny(grid.ny);
  proto.mutable_reachable()->assign(grid.reachable.begin(),
                                    grid.reachable.end());
  return proto;
}

absl::StatusOr<CoverageGrid> FromProto(const v1::CoverageGrid& proto) {
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("coverage.x_min", proto.x_min()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("coverage.y_min", proto.y_min()));
  KMYRIAD_RETURN_IF_ERROR(CheckNumber("coverage.cell_size", proto.cell_size()));
  if (!(proto.cell_size() > 0)) {
    return Wrong("coverage.cell_size",
                 absl::StrCat("= ", proto.cell_size(), " is not positive"));
  }
  const uint64_t cells = static_cast<uint64_t>(proto.nx()) * proto.ny();
  if (cells == 0 || cells > kMaxCells) {
    return Wrong("coverage.nx * ny",
                 absl::StrCat("= ", cells, ", not 1..", kMaxCells));
  }
  if (proto.reachable().size() != cells) {
    return Wrong("coverage.reachable",
                 absl::StrCat("has ", proto.reachable().size(),
                              " bytes, nx * ny is ", cells));
  }
  for (const char cell : proto.reachable()) {
    if (cell != 0 && cell != 1) {
      return Wrong("coverage.reachable", "holds a byte other than 0 and 1");
    }
  }
  CoverageGrid grid;
  grid.x_min = proto.x_min();
  grid.y_min = proto.y_min();
  grid.cell_size = proto.cell_size();
  grid.nx = proto.nx();
  grid.ny = proto.ny();
  grid.reachable.assign(proto.reachable().begin(), proto.reachable().end());
  return grid;
}

v1::EnvironmentSpec ToProto(const EnvironmentSpec& spec) {
  v1::EnvironmentSpec proto;
  proto.set_task(spec.task);
  proto.set_terrain(spec.terrain);
  proto.set_terrain_hash(ToBytes(spec.terrain_hash));
  proto.set_act_dim(spec.act_dim);
  for (const ObservationColumn& column : spec.observation) {
    v1::ObservationColumn& out = *proto.add_observation();
    out.set_name(column.name);
    out.set_initial_mean(column.initial_mean);
    out.set_initial_std(column.initial_std);
    out.set_running(column.running);
  }
  for (const std::string& name : spec.features) proto.add_features(name);
  proto.set_step_seconds(spec.step_seconds);
  proto.set_x_min(spec.x_min);
  proto.set_x_max(spec.x_max);
  proto.set_y_min(spec.y_min);
  proto.set_y_max(spec.y_max);
  for (const Box& box : spec.boxes) {
    v1::Box& out = *proto.add_boxes();
    out.set_center_x(box.center[0]);
    out.set_center_y(box.center[1]);
    out.set_center_z(box.center[2]);
    out.set_half_x(box.half[0]);
    out.set_half_y(box.half[1]);
    out.set_half_z(box.half[2]);
  }
  for (const Goal& goal : spec.goals) {
    v1::Goal& out = *proto.add_goals();
    out.set_name(goal.name);
    out.set_x(goal.x);
    out.set_y(goal.y);
    out.set_geodesic_distance(goal.geodesic_distance);
  }
  proto.set_start_x(spec.start_x);
  proto.set_start_y(spec.start_y);
  *proto.mutable_coverage() = ToProto(spec.coverage);
  return proto;
}

absl::StatusOr<EnvironmentSpec> FromProto(const v1::EnvironmentSpec& proto) {
  EnvironmentSpec spec;
  KMYRIAD_RETURN_IF_ERROR(CheckName("task", proto.task(), kMaxNameBytes));
  KMYRIAD_RETURN_IF_ERROR(CheckName("terrain", proto.terrain(), kMaxPathBytes));
  spec.task = proto.task();
  spec.terrain = proto.terrain();
  KMYRIAD_ASSIGN_OR_RETURN(
      spec.terrain_hash,
      DigestFromBytes(proto.terrain_hash(), "environment: terrain_hash"));
  if (proto.act_dim() < 1 || proto.act_dim() > kMaxActions) {
    return Wrong("act_dim",
                 absl::StrCat("= ", proto.act_dim(), ", not 1..", kMaxActions));
  }
  spec.act_dim = proto.act_dim();
  KMYRIAD_RETURN_IF_ERROR(ReadColumns(proto, spec));
  KMYRIAD_RETURN_IF_ERROR(ReadExtent(proto, spec));
  KMYRIAD_RETURN_IF_ERROR(ReadBoxes(proto, spec));
  KMYRIAD_RETURN_IF_ERROR(ReadGoals(proto, spec));
  KMYRIAD_ASSIGN_OR_RETURN(spec.coverage, FromProto(proto.coverage()));
  return spec;
}

}  // namespace kmyriad
