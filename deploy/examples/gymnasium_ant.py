"""Runs an exported Ant policy in Gymnasium's Ant for one episode.

pip install gymnasium[mujoco] onnxruntime, then
python gymnasium_ant.py runs/ant-maze/export/epoch_000500/agent_00000.onnx
"""
import json
import sys

import gymnasium
import numpy
import onnxruntime

policy = onnxruntime.InferenceSession(sys.argv[1])
contract = json.loads(
    policy.get_modelmeta().custom_metadata_map["kmyriad"])
horizon = contract["observation"]["horizon"]
half = contract["observation"]["divided_by"]
environment = gymnasium.make(
    "Ant-v5", frame_skip=contract["frame_skip"], max_episode_steps=horizon,
    terminate_when_unhealthy=False, include_cfrc_ext_in_observation=False,
    exclude_current_positions_from_observation=False)
state, _ = environment.reset(seed=0)
for step in range(horizon):
    row = numpy.append(state, step / horizon).astype(numpy.float32)
    row[:2] /= half["x"], half["y"]
    action = policy.run(["action"], {"observation": row[None]})[0][0]
    state, *_ = environment.step(action)
print(f"after {horizon} steps at x = {state[0]:.3f}, y = {state[1]:.3f}")
