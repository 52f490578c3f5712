#include "common/math/normal.h"

#include "common/math/elementary.h"

namespace kmyriad {

NormalPair RunNormals(uint64_t seed, RandomStream stream, uint32_t env,
                      uint32_t epoch, uint32_t step, uint32_t draw) {
  const PhiloxBlock block = RunRandom(seed, stream, env, epoch, step, draw);
  NormalPair pair;
  BoxMuller(UniformOpen(block.word[0]), UniformOpen(block.word[1]), &pair.first,
            &pair.second);
  return pair;
}

}  // namespace kmyriad
