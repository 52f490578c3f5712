"""Exported policies do what the population does, in other programs.

NumPy, onnxruntime and Gymnasium live in an environment of their own below the
build folder, installed from PyPI the first time.
"""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import unittest

import harness
from harness import SMALL

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "export_requirements.txt")
EXAMPLE = os.path.join(HERE, "../../deploy/examples/gymnasium_ant.py")
# Largest difference to the recorded answers that readers may show.
TOLERANCE = 1e-5
# Ants, cut down; two sizes of trunk and the other activation.
SMALL_ANT = ["--preset", "ant-maze", "--set", "env.count=16", "--set",
             "population.agents=4", "--set", "env.horizon=40", "--set",
             "entropy.k=5", "--set", "network.trunk=64,32", "--set",
             "learner.threads=1", "--epochs", "2"]


def python_environment():
    """Its interpreter, or the reason why there is none."""
    folder = os.path.join(os.path.dirname(harness.BIN), "export-venv")
    python = os.path.join(folder, "bin/python")
    with open(REQUIREMENTS, "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()
    marker = os.path.join(folder, "installed")
    if os.path.exists(marker):
        with open(marker, encoding="utf-8") as file:
            if file.read() == wanted:
                return python, None
    shutil.rmtree(folder, ignore_errors=True)
    for command in ([sys.executable, "-m", "venv", folder],
                    [python, "-m", "pip", "install", "--quiet",
                     "--disable-pip-version-check", "-r", REQUIREMENTS]):
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=600)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            return None, f"{' '.join(command)}: {said[-1] if said else '?'}"
    with open(marker, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python, None


class ExportCommands(harness.EndToEndTest):

    def export(self, *arguments):
        code, out, err = harness.call("export", "--runs", self.runs,
                                      *arguments)
        self.assertEqual(code, 0, err)
        return out.strip()

    def refused(self, *arguments):
        code, _, err = harness.call("export", "--runs", self.runs, *arguments)
        self.assertNotEqual(code, 0)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        return code, err

    def contract(self, folder):
        with open(os.path.join(folder, "contract.json"),
                  encoding="utf-8") as file:
            return json.load(file)


class ExportTest(ExportCommands):

    def test_it_is_the_policy_that_the_next_epoch_is_collected_with(self):
        self.train("demo", *SMALL, "--epochs", "3")
        second = os.path.join(self.runs, "demo/checkpoints/epoch_000002")
        folder = self.export(second)
        self.assertEqual(self.contract(folder)["policy_hash"],
                         self.metrics("demo")[2]["policy_hash"])
        self.assertEqual(self.contract(folder)["policy_hash"],
                         self.inspect(second)["policy_hash"])
        self.assertNotEqual(
            self.contract(self.export("demo"))["policy_hash"],
            self.metrics("demo")[2]["policy_hash"])

    def test_the_best_are_chosen_and_a_repeat_gives_the_same_bytes(self):
        self.train("demo", *SMALL, "--epochs", "3")
        everyone = self.contract(self.export("demo"))["agents"]
        self.assertEqual([entry["agent"] for entry in everyone],
                         list(range(8)))
        best = sorted(everyone, key=lambda entry: -entry["cells"])[:3]
        folder = self.export("demo", "--agents", "best:3", "--format", "onnx")
        self.assertEqual(self.contract(folder)["agents"], best)
        names = sorted(os.listdir(folder))
        self.assertEqual(len(names), 5, names)
        files = {}
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                files[name] = file.read()
        self.export("demo", "--agents", "best:3", "--format", "onnx")
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                self.assertEqual(file.read(), files[name], name)

    def test_bad_requests_get_one_line(self):
        self.assertIn("nowhere", self.refused("nowhere")[1])
        self.train("demo", *SMALL, "--epochs", "1")
        for choice in ("best:0", "best:9", "best:", "worst:1"):
            code, err = self.refused("demo", "--agents", choice)
            self.assertEqual(code, 78)
            self.assertIn(f"--agents = {choice}", err)
        self.assertEqual(self.refused("demo", "--format", "pickle")[0], 78)
        self.assertIn("no export", self.refused(
            "demo", "--out", os.path.join(self.runs, "demo"))[1])
        self.assertTrue(os.path.exists(
            os.path.join(self.runs, "demo/manifest.json")))


class ReadersTest(ExportCommands):
    """Needs the Python environment."""

    @classmethod
    def setUpClass(cls):
        cls.python, reason = python_environment()
        if cls.python is None:
            raise unittest.SkipTest(f"no Python packages: {reason}")

    def readers(self, folder):
        return subprocess.run(
            [self.python, os.path.join(HERE, "export_readers.py"), folder],
            capture_output=True, text=True, timeout=harness.DEADLINE)

    def check(self, folder):
        done = self.readers(folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        # Policies that do nothing would agree, too.
        self.assertGreater(result["spread"], 1e-3)
        print(f"{folder}: {result['worst']}, {result['states']} states each")
        for reader, worst in result["worst"].items():
            self.assertLessEqual(worst, TOLERANCE, reader)
        return result["contracts"]

    def test_numpy_and_onnxruntime_agree_with_the_kernel(self):
        self.train("demo", *SMALL, "--epochs", "3")
        contracts = self.check(self.export("demo"))
        self.assertEqual(len(contracts), 8)

    def test_a_changed_weight_is_noticed(self):
        self.train("demo", *SMALL, "--epochs", "1")
        folder = self.export("demo", "--agents", "best:1")
        agent = self.contract(folder)["agents"][0]["agent"]
        path = os.path.join(folder, f"agent_{agent:05d}.safetensors")
        with open(path, "rb") as file:
            data = bytearray(file.read())
        (length,) = struct.unpack("<Q", data[:8])
        start = json.loads(data[8:8 + length])["head.bias"]["data_offsets"][0]
        (bias,) = struct.unpack_from("<f", data, 8 + length + start)
        struct.pack_into("<f", data, 8 + length + start, bias + 1e-3)
        with open(path, "wb") as file:
            file.write(data)
        result = json.loads(self.readers(folder).stdout)
        self.assertGreater(result["worst"]["numpy"], TOLERANCE)
        self.assertLessEqual(result["worst"]["onnx"], TOLERANCE)

    def test_an_ant_acts_in_gymnasium(self):
        self.train("ant", *SMALL_ANT)
        folder = self.export("ant", "--agents", "best:2")
        contract = self.check(folder)[0]
        self.assertEqual(len(contract["observation"]["columns"]), 30)
        self.assertAlmostEqual(contract["action"]["action_scale"], 0.3)
        self.assertEqual(contract["step_seconds"], 0.05)
        done = subprocess.run(
            [self.python, EXAMPLE,
             os.path.join(folder, f"agent_{contract['agent']:05d}.onnx")],
            capture_output=True, text=True, timeout=harness.DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^after 40 steps at x = -?\d")
        with open(EXAMPLE, encoding="utf-8") as file:
            self.assertLessEqual(len(file.readlines()), 30)


if __name__ == "__main__":
    unittest.main()
