// Values of --set, one per line, on top of a preset.
#include "absl/strings/str_split.h"
#include "common/base/check.h"
#include "common/config/run_config.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {

void RunInput(absl::string_view input) {
  static const v1::RunConfig* const preset =
      new v1::RunConfig(*LoadRunConfig({"point-maze", "", {}}));
  v1::RunConfig config = *preset;
  bool changed = false;
  for (const absl::string_view line : absl::StrSplit(input, '\n')) {
    const absl::Status status = ApplyOverride(line, &config);
    KMYRIAD_CHECK(status.ok() || !status.message().empty());
    changed |= status.ok();
  }
  // The preset itself is what run_config begins with.
  if (!changed || !ValidateRunConfig(config).ok()) return;
  const std::string text = FormatRunConfig(config);
  const absl::StatusOr<v1::RunConfig> again = ParseRunConfig(text, "again");
  KMYRIAD_CHECK(again.ok() && FormatRunConfig(*again) == text);
}

std::vector<std::string> Seeds() {
  return {"ppo.clip=0.1\nenv.count=64\nrun.epochs=3",
          "network.trunk=512,256\nphysics.backend=mujoco",
          "env.terrain=my maze.txt\nnope.key=1\nentropy.k"};
}

}  // namespace kmyriad
