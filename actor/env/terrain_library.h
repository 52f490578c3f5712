#ifndef KMYRIAD_ACTOR_ENV_TERRAIN_LIBRARY_H_
#define KMYRIAD_ACTOR_ENV_TERRAIN_LIBRARY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "actor/env/terrain.h"
#include "common/base/file_system.h"

namespace kmyriad {

// A terrain file that is part of the program (actor/env/terrains/*.txt).
struct ShippedTerrain {
  absl::string_view name;
  absl::string_view text;
};

// All of them, sorted by name.
absl::Span<const ShippedTerrain> ShippedTerrains();

// How the task `env.task` measures terrains.
TerrainScale TaskScale(absl::string_view task);

// Compiles a shipped terrain by name, or the terrain file at a path. The name
// of the latter is its file name without ".txt". NOT_FOUND, naming the nearest
// shipped terrain, if there is neither; errors of CompileTerrain.
absl::StatusOr<Terrain> LoadTerrain(const std::string& name_or_path,
                                    const TerrainScale& scale,
                                    FileSystem& files = PosixFileSystem());

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TERRAIN_LIBRARY_H_
