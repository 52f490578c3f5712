#include "actor/env/terrain_library.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "actor/env/terrain_plan.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Levenshtein distance.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] != b[j] ? 1 : 0);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

absl::Status NoSuchTerrain(const std::string& wanted) {
  std::vector<absl::string_view> names;
  for (const ShippedTerrain& shipped : ShippedTerrains()) {
    names.push_back(shipped.name);
  }
  const auto nearest = *std::min_element(
      names.begin(), names.end(),
      [&](absl::string_view a, absl::string_view b) {
        return EditDistance(wanted, a) < EditDistance(wanted, b);
      });
  const bool near = EditDistance(wanted, nearest) <= 2;
  return absl::NotFoundError(absl::StrCat(
      "env.terrain = ", wanted,
      ": no shipped terrain and no file has this name; ",
      near ? absl::StrCat("did you mean '", nearest, "'? ") : "",
      "Shipped: ", absl::StrJoin(names, ", "), "; or give the path of a file"));
}

std::string NameOfPath(absl::string_view path) {
  const size_t slash = path.rfind('/');
  absl::string_view name =
      slash == absl::string_view::npos ? path : path.substr(slash + 1);
  if (absl::EndsWith(name, ".txt")) name.remove_suffix(4);
  return std::string(name);
}

}  // namespace

TerrainScale TaskScale(absl::string_view task) {
  if (task != "point_mass") return {};
  return {.cell_units = true, .clearance = 0, .coverage_cell = 0.25};
}

absl::StatusOr<Terrain> LoadTerrain(const std::string& name_or_path,
                                    const TerrainScale& scale,
                                    FileSystem& files) {
  for (const ShippedTerrain& shipped : ShippedTerrains()) {
    if (name_or_path == shipped.name) {
      return CompileTerrain(shipped.text, absl::StrCat(shipped.name, ".txt"),
                            shipped.name, scale);
    }
  }
  absl::StatusOr<std::string> text = files.Read(name_or_path, kMaxTerrainBytes);
  if (absl::IsNotFound(text.status())) return NoSuchTerrain(name_or_path);
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "env.terrain = ", name_or_path, ": ", text.status().message(),
        "; give the path of a terrain file that you may read"));
  }
  return CompileTerrain(*text, name_or_path, NameOfPath(name_or_path), scale);
}

}  // namespace kmyriad
