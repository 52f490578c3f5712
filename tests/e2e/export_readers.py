"""Checks an export against NumPy and onnxruntime: export_readers.py FOLDER.

Prints one JSON object: the largest differences to the recorded answers, over
all agents and states, and what the contracts say. Runs in the environment of
export_requirements.txt.
"""
import json
import os
import sys

import numpy
import onnxruntime
from safetensors import safe_open
from safetensors.numpy import load_file


def read_policy(path):
    with safe_open(path, "numpy") as file:
        return ({name: file.get_tensor(name) for name in file.keys()},
                json.loads(file.metadata()["kmyriad"]))


def act(policy, activation, observations):
    """Mean and action after policy_graph.h, in single precision."""
    x = (observations - policy["normalizer.mean"]) * \
        policy["normalizer.inv_std"]
    x = numpy.clip(x, -5, 5)
    layer = 0
    while f"trunk.{layer}.weight" in policy:
        x = x @ policy[f"trunk.{layer}.weight"].T + \
            policy[f"trunk.{layer}.bias"]
        x = numpy.tanh(x) if activation == "tanh" else numpy.maximum(x, 0)
        layer += 1
    mean = x @ policy["head.weight"] + policy["head.bias"]
    return mean, policy["action_scale"] * numpy.tanh(mean)


def main(folder):
    recorded = load_file(os.path.join(folder, "recorded.safetensors"))
    worst = {"numpy": 0.0, "onnx": 0.0}
    contracts = []
    for i, agent in enumerate(recorded["agents"]):
        stem = os.path.join(folder, f"agent_{agent:05d}")
        policy, contract = read_policy(stem + ".safetensors")
        session = onnxruntime.InferenceSession(stem + ".onnx")
        held = session.get_modelmeta().custom_metadata_map["kmyriad"]
        assert json.loads(held) == contract, "the contracts differ"
        assert contract["agent"] == agent
        observations = recorded["observations"][i]
        expected = recorded["means"][i], recorded["actions"][i]
        mean, action, log_std = session.run(
            ["mean", "action", "log_std"], {"observation": observations})
        assert numpy.array_equal(log_std, policy["head.log_std"])
        for key, got in (("onnx", (mean, action)),
                         ("numpy", act(policy,
                                       contract["network"]["activation"],
                                       observations))):
            for one, other in zip(got, expected):
                assert one.shape == other.shape
                worst[key] = max(worst[key],
                                 float(numpy.abs(one - other).max()))
        contracts.append(contract)
    print(json.dumps({"worst": worst, "contracts": contracts,
                      "states": int(recorded["observations"].shape[1]),
                      "spread": float(recorded["actions"].std())}))


if __name__ == "__main__":
    main(sys.argv[1])
