#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_RENDER_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_RENDER_H_

#include <cstdint>
#include <string>

namespace kmyriad {

struct RenderOptions {
  // A run's folder or name, or a checkpoint's folder.
  std::string target;
  std::string runs;
  // As agent_choice.h says; the best are those of the episode that is drawn.
  // Empty: the best eight, or all if there are fewer.
  std::string agents;
  // Pixels, 16..4096 each.
  uint32_t width = 640;
  uint32_t height = 480;
  // Seconds of the episode, from its start; 0: all of it.
  double seconds = 0;
  // Another episode: 0, 1, ...
  uint32_t set = 0;
  // Acts with tanh(mean) instead of a sample.
  bool mean_actions = false;
  // File to write; empty: RUN/videos/CHECKPOINT-AGENTS.png.
  std::string out;
};

// `kmyriad render`: a film of agents, each in a fresh episode of its own, all
// in one picture of their world, at the pace of their time: an animated PNG,
// drawn by MuJoCo. One agent is followed, several are seen from above. Returns
// the exit code.
int RunRender(const RenderOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_RENDER_H_
