"""Runs the real programs through the launcher, for the end-to-end tests.

The environment variable KMYRIAD_BIN names the folder of the programs. Every
test works in a fresh folder; nothing listens on a fixed port. Waiting always
has a deadline.
"""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

BIN = os.environ["KMYRIAD_BIN"]
KMYRIAD = os.path.join(BIN, "kmyriad")
DEADLINE = 180

# A point mass in the Maze, cut down so that an epoch takes a fraction of a
# second while every part of the loop runs: 40 environments are three blocks,
# the last one half empty. One thread for the update: tests run side by side.
SMALL = ["--preset", "point-maze", "--set", "env.count=40", "--set",
         "population.agents=8", "--set", "env.horizon=60", "--set",
         "entropy.k=5", "--set", "learner.threads=1"]


def simd_levels():
    """Levels that this machine can run, best first."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = set(next(line for line in file
                         if line.startswith("flags")).split())
    levels = ["scalar"]
    if {"avx2", "fma"} <= flags:
        levels.insert(0, "avx2")
        if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
            levels.insert(0, "avx512")
    return levels


class Training:
    """A `kmyriad train` that runs."""

    def __init__(self, runs, name, arguments, environment=None,
                 session=False):
        self.folder = os.path.join(runs, name)
        self.log = open(os.path.join(runs, f"{name}.out"), "a+",
                        encoding="utf-8")
        self.process = subprocess.Popen(
            [KMYRIAD, "train", "--runs", runs, "--name", name, *arguments],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=session)

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def wait(self):
        """Exit code at the end."""
        try:
            return self.process.wait(DEADLINE)
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.flush()

    def until(self, condition, what):
        """Waits for `condition()` to give something true, and returns it."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"{what} did not come:\n{self.output()}")

    def until_epoch(self, epoch):
        self.until(lambda: len(metrics(self.folder)) >= epoch,
                   f"epoch {epoch}")

    def pid(self, process):
        """Process id of a child that runs."""
        def look():
            try:
                with open(os.path.join(self.folder, "endpoints.json"),
                          encoding="utf-8") as file:
                    listed = json.load(file)["processes"]
            except (OSError, ValueError):
                return None
            return next((entry["pid"] for entry in listed
                         if entry["process"] == process
                         and entry["pid"] > 0), None)
        return self.until(look, f"process {process}")

    def signal(self, number):
        self.process.send_signal(number)


def metrics(folder):
    """Lines of metrics.jsonl, whole ones only."""
    try:
        with open(os.path.join(folder, "metrics.jsonl"),
                  encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.split("\n")[:-1] if line]


def call(*arguments, environment=None):
    """Runs kmyriad to its end: exit code, stdout, stderr."""
    done = subprocess.run([KMYRIAD, *arguments], capture_output=True,
                          text=True, timeout=DEADLINE,
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


class EndToEndTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kmyriad-e2e-")
        self.addCleanup(folder.cleanup)
        self.runs = folder.name

    def start(self, name, *arguments, environment=None):
        training = Training(self.runs, name, arguments, environment)
        self.addCleanup(training.log.close)
        self.addCleanup(training.kill)
        return training

    def train(self, name, *arguments, environment=None):
        """Trains to the end, which must be good; returns the checkpoint."""
        training = self.start(name, *arguments, environment=environment)
        code = training.wait()
        self.assertEqual(code, 0, training.output())
        self.assertNotIn("starting it again", training.output())
        return self.inspect(name)

    def inspect(self, name):
        code, out, err = call("inspect", "--runs", self.runs, name, "--json")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def ctl(self, name, verb, *arguments):
        code, out, err = call("ctl", verb, "--runs", self.runs, "--name",
                              name, "--json", *arguments)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def metrics(self, name):
        return metrics(os.path.join(self.runs, name))

    def assert_same(self, one, other):
        for key in ("epoch", "env_steps", "parameters_sha256",
                    "optimizer_sha256", "policy_hash"):
            self.assertEqual(one[key], other[key], key)


SIGKILL = signal.SIGKILL
SIGINT = signal.SIGINT
SIGSTOP = signal.SIGSTOP
