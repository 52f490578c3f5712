"""Writes gymnasium_ant.json: Gymnasium's own Ant-v5, compiled and stepped.

python3 -m venv env
env/bin/pip install gymnasium==1.4.0 mujoco==3.17.0 numpy imageio packaging
env/bin/python make_gymnasium_ant.py gymnasium_ant.json

Each episode starts from the environment's own reset or from a thrown state
(any orientation, moving), and holds the states after each environment step
(RK4, 0.01 s, frame skip 5) under random actions, at full precision.
"""
import json
import sys

import gymnasium
import mujoco
import numpy as np

EPISODES = 10
STEPS = 24
MODEL_FIELDS = [
    "qpos0", "body_parentid", "body_mass", "body_inertia", "body_ipos",
    "body_iquat", "body_pos", "body_quat", "body_invweight0", "jnt_type",
    "jnt_bodyid", "jnt_limited", "jnt_range", "jnt_axis", "jnt_pos",
    "jnt_margin", "jnt_solref", "jnt_solimp", "jnt_stiffness", "dof_armature",
    "dof_damping", "dof_invweight0", "dof_frictionloss", "geom_type",
    "geom_bodyid", "geom_contype", "geom_conaffinity", "geom_condim",
    "geom_friction", "geom_margin", "geom_gap", "geom_solref", "geom_solimp",
    "geom_solmix", "geom_priority", "geom_pos", "geom_quat",
    "actuator_trnid", "actuator_gear", "actuator_ctrllimited",
    "actuator_ctrlrange", "actuator_gainprm", "actuator_biasprm",
]
OPTION_FIELDS = [
    "timestep", "integrator", "solver", "cone", "jacobian", "iterations",
    "tolerance", "ls_iterations", "ls_tolerance", "impratio", "gravity",
    "density", "viscosity", "disableflags", "enableflags",
]


def flat(value):
    return np.asarray(value, dtype=np.float64).ravel().tolist()


def thrown_state(rng, env):
    qpos = env.init_qpos.copy()
    qpos[0:2] = rng.uniform(-2, 2, 2)
    qpos[2] = rng.uniform(0.4, 1.0)
    qpos[3:7] = rng.normal(size=4)
    qpos[3:7] /= np.linalg.norm(qpos[3:7])
    qpos[7:] += rng.uniform(-1, 1, 8)
    qvel = np.concatenate([rng.normal(size=6) * 2, rng.normal(size=8) * 4])
    return qpos, qvel


def main(path):
    environment = gymnasium.make("Ant-v5")
    env = environment.unwrapped
    assert mujoco.__version__ == "3.17.0"
    assert env.model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    rng = np.random.default_rng(2601)
    episodes = []
    for episode in range(EPISODES):
        environment.reset(seed=episode)
        if episode % 2 == 1:
            qpos, qvel = thrown_state(rng, env)
            # As a new environment has it: no warm start left.
            mujoco.mj_resetData(env.model, env.data)
            env.set_state(qpos, qvel)
        steps = []
        start = {"qpos": flat(env.data.qpos), "qvel": flat(env.data.qvel)}
        for _ in range(STEPS):
            action = rng.uniform(-1, 1, 8).astype(np.float32)
            env.step(action)
            steps.append({"action": flat(action), "qpos": flat(env.data.qpos),
                          "qvel": flat(env.data.qvel)})
        episodes.append({"start": start, "steps": steps})
    document = {
        "gymnasium": gymnasium.__version__,
        "mujoco": mujoco.__version__,
        "frame_skip": env.frame_skip,
        "option": {name: flat(getattr(env.model.opt, name))
                   for name in OPTION_FIELDS},
        "model": {name: flat(getattr(env.model, name))
                  for name in MODEL_FIELDS},
        "episodes": episodes,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
