#include "learner/trainer/entropy_client.h"

namespace kmyriad {

Digest ParticleDigest(const ScoreRequest& request) {
  const uint64_t particles = request.particles_in_pool();
  Sha256 hash;
  hash.Update(request.particles, particles * request.dims * sizeof(float));
  hash.Update(request.mask, particles);
  return hash.Finish();
}

}  // namespace kmyriad
