"""Drops 100 robots, a ball with two hinged legs, and prints where they lie.

python3 example.py PATH_OF_libkmyriad_physics.so
"""
import ctypes
import sys

MJCF = """
<mujoco>
  <option timestep="0.005" integrator="implicitfast"/>
  <default>
    <!-- The robot touches the ground, and not itself. -->
    <geom conaffinity="0"/>
  </default>
  <worldbody>
    <geom type="plane" size="10 10 1" conaffinity="1"/>
    <geom type="box" pos="1 0 0.1" size="0.5 0.5 0.1" conaffinity="1"/>
    <body pos="0 0 1">
      <freejoint/>
      <geom type="sphere" size="0.2" density="50"/>
      <body pos="0.2 0 0">
        <joint name="left" type="hinge" axis="0 1 0" range="-60 60"
               damping="0.1" armature="0.01"/>
        <geom type="capsule" fromto="0 0 0 0.4 0 0" size="0.05" density="50"/>
      </body>
      <body pos="-0.2 0 0">
        <joint name="right" type="hinge" axis="0 1 0" range="-60 60"
               damping="0.1" armature="0.01"/>
        <geom type="capsule" fromto="0 0 0 -0.4 0 0" size="0.05" density="50"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor joint="left" gear="2" ctrllimited="true" ctrlrange="-1 1"/>
    <motor joint="right" gear="2" ctrllimited="true" ctrlrange="-1 1"/>
  </actuator>
</mujoco>
"""


class Options(ctypes.Structure):
    _fields_ = [("envs", ctypes.c_uint32), ("threads", ctypes.c_uint32),
                ("double_precision", ctypes.c_uint32)]


class Sizes(ctypes.Structure):
    _fields_ = [("envs", ctypes.c_uint32), ("nq", ctypes.c_uint32),
                ("nv", ctypes.c_uint32), ("nu", ctypes.c_uint32),
                ("timestep", ctypes.c_double)]


class Contact(ctypes.Structure):
    _fields_ = [("geom", ctypes.c_int32), ("static_geom", ctypes.c_int32),
                ("distance", ctypes.c_double),
                ("position", ctypes.c_double * 3),
                ("frame", ctypes.c_double * 9)]


def load(path):
    library = ctypes.CDLL(path)
    library.kmyriad_physics_message.restype = ctypes.c_char_p
    for name in ("destroy", "get_sizes", "step", "set_states", "get_states",
                 "get_contacts", "message"):
        function = getattr(library, "kmyriad_physics_" + name)
        function.argtypes = [ctypes.c_void_p] + {
            "get_sizes": [ctypes.POINTER(Sizes)],
            "step": [ctypes.POINTER(ctypes.c_float), ctypes.c_uint32,
                     ctypes.POINTER(ctypes.c_uint8)],
            "set_states": [ctypes.POINTER(ctypes.c_double)] * 2,
            "get_states": [ctypes.POINTER(ctypes.c_double)] * 2,
            "get_contacts": [ctypes.c_uint32, ctypes.POINTER(Contact),
                             ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32)],
        }.get(name, [])
    library.kmyriad_physics_destroy.restype = None
    return library


class Physics:
    """N robots; rows of the arrays are environments."""

    def __init__(self, library, mjcf, envs, threads=1, double=False):
        self.library, self.handle = library, ctypes.c_void_p()
        message = ctypes.create_string_buffer(1000)
        status = library.kmyriad_physics_create(
            mjcf.encode(), ctypes.byref(Options(envs, threads, double)),
            ctypes.byref(self.handle), message, ctypes.c_size_t(len(message)))
        if status != 0:
            raise ValueError(message.value.decode())
        self.sizes = Sizes()
        self.check(library.kmyriad_physics_get_sizes(
            self.handle, ctypes.byref(self.sizes)))
        s = self.sizes
        self.qpos = (ctypes.c_double * (s.envs * s.nq))()
        self.qvel = (ctypes.c_double * (s.envs * s.nv))()
        self.controls = (ctypes.c_float * (s.envs * s.nu))()
        self.lost = (ctypes.c_uint8 * s.envs)()
        self.read()

    def close(self):
        self.library.kmyriad_physics_destroy(self.handle)
        self.handle = ctypes.c_void_p()

    def check(self, status):
        if status != 0:
            raise ValueError(
                self.library.kmyriad_physics_message(self.handle).decode())

    def read(self):
        self.check(self.library.kmyriad_physics_get_states(
            self.handle, self.qpos, self.qvel))

    def write(self):
        self.check(self.library.kmyriad_physics_set_states(
            self.handle, self.qpos, self.qvel))

    def step(self, steps):
        self.check(self.library.kmyriad_physics_step(
            self.handle, self.controls, steps, self.lost))
        self.read()

    def contacts(self, env, capacity=64):
        found, count = (Contact * capacity)(), ctypes.c_uint32()
        self.check(self.library.kmyriad_physics_get_contacts(
            self.handle, env, found, capacity, ctypes.byref(count)))
        return found[:min(count.value, capacity)]


def main():
    physics = Physics(load(sys.argv[1]), MJCF, envs=100)
    nq, nu = physics.sizes.nq, physics.sizes.nu
    for env in range(100):
        physics.qpos[env * nq] = -1 + 0.03 * env  # x: some fall on the box
        physics.controls[env * nu] = 0.01 * env
    physics.write()
    physics.step(600)
    for env in range(0, 100, 20):
        x, _, z = physics.qpos[env * nq:env * nq + 3]
        print(f"env {env:2d}: x {x:6.3f} z {z:6.3f} "
              f"contacts {len(physics.contacts(env))}")
    assert not any(physics.lost)
    physics.close()


if __name__ == "__main__":
    main()
