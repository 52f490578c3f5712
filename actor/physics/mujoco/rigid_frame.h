#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_RIGID_FRAME_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_RIGID_FRAME_H_

#include <mujoco/mujoco.h>

#include <cstdint>
#include <vector>

namespace kmyriad {

// Position and orientation (quaternion w, x, y, z) in some frame.
struct RigidFrame {
  RigidFrame() = default;
  RigidFrame(const mjtNum* p, const mjtNum* q) {
    mju_copy3(position, p);
    mju_copy4(rotation, q);
  }
  mjtNum position[3] = {0, 0, 0};
  mjtNum rotation[4] = {1, 0, 0, 0};
};

// `inner`, which is given in the frame `outer`, in the frame of `outer`.
inline RigidFrame Compose(const RigidFrame& outer, const RigidFrame& inner) {
  RigidFrame result;
  mju_rotVecQuat(result.position, inner.position, outer.rotation);
  mju_addTo3(result.position, outer.position);
  mju_mulQuat(result.rotation, outer.rotation, inner.rotation);
  return result;
}

// For every body: its link (-1: it does not move) and its frame in that of the
// link, or in the world.
struct BodyFrames {
  explicit BodyFrames(size_t bodies) : frame(bodies), link(bodies, -1) {}
  std::vector<RigidFrame> frame;
  std::vector<int32_t> link;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_RIGID_FRAME_H_
