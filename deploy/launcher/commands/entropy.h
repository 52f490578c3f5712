#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_ENTROPY_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_ENTROPY_H_

#include <cstdint>
#include <string>

namespace kmyriad {

struct EntropyCommandOptions {
  // Samples [rows, columns], .npy or .safetensors.
  std::string file;
  // Which tensor of a .safetensors file; empty: its only one.
  std::string tensor;
  uint32_t k = 4;
  // Columns that count, "0,1,5"; empty: all.
  std::string features;
  // Agents, each with as many consecutive rows.
  uint32_t agents = 1;
  // As entropy.reward names it.
  std::string reward = "forward";
  // Floor of neighbour distances, in the array's unit, > 0.
  float floor = 1e-6f;
  // Rows of the same agent at most this far apart are no neighbours.
  uint32_t theiler = 0;
  // Period of each column that counts, 0 where it has none: "0,6.2832"; empty:
  // none has.
  std::string periods;
  // As CreateKnnIndex takes it.
  std::string engine = "auto";
  // Where rewards [rows] go, .npy or .safetensors; empty: nowhere.
  std::string out;
  // Threads of the search; 0: one per core.
  int threads = 0;
  bool json = false;
};

// `kmyriad entropy`: entropy, rewards and diversity of a user's array, by the
// engine of the entropy service in this process. Returns the exit code.
int RunEntropy(const EntropyCommandOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_ENTROPY_H_
