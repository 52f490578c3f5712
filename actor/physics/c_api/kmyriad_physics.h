#ifndef KMYRIAD_ACTOR_PHYSICS_C_API_KMYRIAD_PHYSICS_H_
#define KMYRIAD_ACTOR_PHYSICS_C_API_KMYRIAD_PHYSICS_H_

/* The batched stepper for programs in any language: N copies of one robot, K
 * steps at a time, with the contact dynamics of MuJoCo 3.17.0.
 *
 * The robot is MJCF text of the stepper's subset: one tree of hinges and slides
 * on a free, fixed or jointed root; spheres and capsules that touch static
 * planes and axis-aligned boxes; joint limits; motors; pyramidal cones, Newton,
 * implicitfast (or Euler) or RK4. Anything else is refused with a message that
 * names the element.
 *
 * Arrays are row-major, one row an environment: qpos [envs, nq], qvel
 * [envs, nv], controls [envs, nu]. Metres, radians, seconds, newtons. Results
 * depend neither on the number of threads or environments nor on the
 * instruction set. Functions return a status, 0 for success; the message of the
 * last failure on a handle is kmyriad_physics_message. A handle is for one
 * thread at a time; different handles are independent.
 */

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define KMYRIAD_PHYSICS_API __attribute__((visibility("default")))
#else
#define KMYRIAD_PHYSICS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Values as of the canonical codes of Abseil. */
typedef enum kmyriad_physics_status {
  KMYRIAD_PHYSICS_OK = 0,
  KMYRIAD_PHYSICS_INVALID_ARGUMENT = 3,
  KMYRIAD_PHYSICS_RESOURCE_EXHAUSTED = 8,
  KMYRIAD_PHYSICS_FAILED_PRECONDITION = 9,
  KMYRIAD_PHYSICS_INTERNAL = 13
} kmyriad_physics_status;

typedef struct kmyriad_physics kmyriad_physics;

typedef struct kmyriad_physics_options {
  uint32_t envs;             /* 1 to 1048576 */
  uint32_t threads;          /* 1 to 256, the caller's included */
  uint32_t double_precision; /* 0: single, the faster one; 1: double */
} kmyriad_physics_options;

typedef struct kmyriad_physics_sizes {
  uint32_t envs;
  uint32_t nq; /* entries of qpos */
  uint32_t nv; /* entries of qvel */
  uint32_t nu; /* controls */
  double timestep;
} kmyriad_physics_sizes;

typedef struct kmyriad_physics_contact {
  int32_t geom;        /* of the robot, id in the compiled model */
  int32_t static_geom; /* plane or box */
  double distance;     /* negative in penetration */
  double position[3];
  double frame[9]; /* rows: normal (from the plane, or to the box), tangents */
} kmyriad_physics_contact;

/* Compiles `mjcf` and puts all environments into the model's reference state at
 * rest. On failure *physics is NULL and up to message_size bytes of the message
 * are written, ended by 0 (message may be NULL). */
KMYRIAD_PHYSICS_API kmyriad_physics_status kmyriad_physics_create(
    const char* mjcf, const kmyriad_physics_options* options,
    kmyriad_physics** physics, char* message, size_t message_size);

/* NULL is allowed. */
KMYRIAD_PHYSICS_API void kmyriad_physics_destroy(kmyriad_physics* physics);

KMYRIAD_PHYSICS_API kmyriad_physics_status kmyriad_physics_get_sizes(
    const kmyriad_physics* physics, kmyriad_physics_sizes* sizes);

/* Advances all environments by `steps` (1 to 1000000) under constant controls
 * (NULL where nu is 0). lost [envs] (or NULL) is set to 1 for environments
 * whose numbers are not finite or huge any more, or that needed more contacts
 * than there is memory for: they hold no valid state until it is set again. */
KMYRIAD_PHYSICS_API kmyriad_physics_status
kmyriad_physics_step(kmyriad_physics* physics, const float* controls,
                     uint32_t steps, uint8_t* lost);

/* Positions and velocities of all environments, rounded to the stepper's
 * precision; the solver's warm start is cleared. Every number must be finite,
 * else INVALID_ARGUMENT, and nothing is changed. */
KMYRIAD_PHYSICS_API kmyriad_physics_status kmyriad_physics_set_states(
    kmyriad_physics* physics, const double* qpos, const double* qvel);

/* The same for one environment: qpos [nq], qvel [nv]. */
KMYRIAD_PHYSICS_API kmyriad_physics_status
kmyriad_physics_set_state(kmyriad_physics* physics, uint32_t env,
                          const double* qpos, const double* qvel);

KMYRIAD_PHYSICS_API kmyriad_physics_status kmyriad_physics_get_states(
    kmyriad_physics* physics, double* qpos, double* qvel);

/* The contacts of one environment in its last evaluation (with RK4 the fourth
 * stage of the last step). *count is how many there are; the first `capacity`
 * of them are written. FAILED_PRECONDITION before the first step. */
KMYRIAD_PHYSICS_API kmyriad_physics_status kmyriad_physics_get_contacts(
    kmyriad_physics* physics, uint32_t env, kmyriad_physics_contact* contacts,
    uint32_t capacity, uint32_t* count);

/* Of the last failure on this handle, "" before the first; valid until the next
 * call. */
KMYRIAD_PHYSICS_API const char* kmyriad_physics_message(
    const kmyriad_physics* physics);

#ifdef __cplusplus
}
#endif

#endif /* KMYRIAD_ACTOR_PHYSICS_C_API_KMYRIAD_PHYSICS_H_ */
