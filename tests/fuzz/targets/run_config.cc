// Configuration files.
#include "common/config/run_config.h"

#include "common/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {

void RunInput(absl::string_view input) {
  const absl::StatusOr<v1::RunConfig> config = ParseRunConfig(input, "input");
  if (!config.ok()) {
    KMYRIAD_CHECK(config.status().message().find('\n') ==
                  absl::string_view::npos);
    return;
  }
  const absl::Status valid = ValidateRunConfig(*config);
  if (!valid.ok()) {
    KMYRIAD_CHECK(valid.message().find('\n') == absl::string_view::npos);
    return;
  }
  const std::string text = FormatRunConfig(*config);
  const absl::StatusOr<v1::RunConfig> again = ParseRunConfig(text, "again");
  KMYRIAD_CHECK(again.ok());
  KMYRIAD_CHECK(FormatRunConfig(*again) == text);
  KMYRIAD_CHECK(CompareRunConfigs(*config, *again).empty());
  KMYRIAD_CHECK(RolloutConfigHash(*again) == RolloutConfigHash(*config));
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds = {"run { seed: 1 epochs: x }",
                                    "env { task: \"a\" # comment\n}"};
  for (const std::string& preset : PresetNames()) {
    seeds.push_back(FormatRunConfig(*LoadRunConfig({preset, "", {}})));
  }
  return seeds;
}

}  // namespace kmyriad
