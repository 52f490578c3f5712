#ifndef KMYRIAD_COMMON_CONFIG_PRESETS_H_
#define KMYRIAD_COMMON_CONFIG_PRESETS_H_

#include <vector>

namespace kmyriad {

// A file of deploy/presets: its name without the ending, and its text.
struct Preset {
  const char* name;
  const char* text;
};

// The presets that are built in, the default one first.
const std::vector<Preset>& Presets();

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_CONFIG_PRESETS_H_
