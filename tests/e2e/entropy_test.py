"""`kmyriad entropy` on a user's array, and the entropy service asked from
Python: both against a plain calculation, and against each other."""
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

import harness

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
CLIENT = os.path.join(ROOT, "entropy_service", "entropy_client.py")
PACKAGES = ["grpcio==1.76.0", "grpcio-tools==1.76.0",
            "numpy==2.4.6"]
# Kept with the build, so that the packages come once.
PACKAGE_FOLDER = os.path.join(os.path.dirname(harness.BIN), "python-client")


def write_npy(path, rows, code="f"):
    header = (f"{{'descr': '<f{struct.calcsize(code)}', 'fortran_order': "
              f"False, 'shape': ({len(rows)}, {len(rows[0])}), }}")
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
        file.write(header.encode())
        for row in rows:
            file.write(struct.pack(f"<{len(row)}{code}", *row))


def write_safetensors(path, rows):
    data = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
    header = json.dumps({"states": {
        "dtype": "F32", "shape": [len(rows), len(rows[0])],
        "data_offsets": [0, len(data)]}}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + data)


def read_npy_floats(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<H", data, 8)
    return data[10 + length:]


def plain_scores(rows, k):
    """Entropy and centred log volumes by brute force."""
    n, d = len(rows), len(rows[0])
    log_unit = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    volumes = []
    for i, x in enumerate(rows):
        distances = sorted(math.dist(x, y) for j, y in enumerate(rows)
                           if j != i)
        volumes.append(log_unit + d * math.log(distances[k - 1]))
    mean = sum(volumes) / n
    # psi(n) - psi(k)
    entropy = mean + sum(1 / j for j in range(k, n))
    return entropy, [volume - mean for volume in volumes]


class EntropyTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="entropy-test-")
        self.folder = self.temporary.name
        generator = random.Random(5)
        self.rows = [[generator.random() * 3, generator.random(),
                      generator.random()] for _ in range(400)]
        self.file = self.path("x.npy")
        write_npy(self.file, self.rows)

    def tearDown(self):
        self.temporary.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def entropy(self, *arguments, code=0):
        done = subprocess.run([harness.KMYRIAD, "entropy", *arguments],
                              capture_output=True, text=True, check=False,
                              timeout=harness.DEADLINE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_entropy_and_rewards_are_those_of_a_plain_calculation(self):
        out = self.path("r.npy")
        got = json.loads(self.entropy(self.file, "--k", "3", "--json",
                                      "--out", out))
        entropy, rewards = plain_scores(self.rows, 3)
        self.assertAlmostEqual(got["entropy_nats"], entropy, places=5)
        self.assertEqual((got["particles"], got["dims"]), (400, 3))
        values = struct.unpack("<400f", read_npy_floats(out))
        for value, reward in zip(values, rewards):
            self.assertAlmostEqual(value, reward, places=4)

    def test_columns_formats_and_types_say_the_same(self):
        entropy, _ = plain_scores([[row[2], row[0]] for row in self.rows], 4)
        write_safetensors(self.path("x.safetensors"), self.rows)
        write_npy(self.path("x64.npy"), self.rows, "d")
        outputs = []
        for name in ("x.npy", "x.safetensors", "x64.npy"):
            out = self.path("out-" + name)
            got = json.loads(self.entropy(
                self.path(name), "--features", "2,0", "--json", "--out", out))
            self.assertAlmostEqual(got["entropy_nats"], entropy, places=5)
            with open(out, "rb") as file:
                outputs.append(file.read()[-1600:])
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])

    def test_agents_apart_diverge_and_are_credited(self):
        rows = [[row[0] + (30 if i >= 300 else 0), row[1]]
                for i, row in enumerate(self.rows)]
        write_npy(self.file, rows)
        got = json.loads(self.entropy(
            self.file, "--agents", "4", "--reward", "marginal", "--json"))
        divergences = got["agent_divergences_nats"]
        self.assertGreater(divergences[3], 3)
        self.assertLess(max(divergences[:3]), 1)
        marginals = got["agent_marginals_nats"]
        self.assertEqual(max(marginals), marginals[3])
        # The whole pool minus the pool without the agent.
        write_npy(self.file, rows[:300])
        rest = json.loads(self.entropy(self.file, "--json"))
        self.assertAlmostEqual(got["entropy_nats"] - rest["entropy_nats"],
                               marginals[3], places=9)

    def test_a_torus_has_no_border(self):
        write_npy(self.file, [[row[1], row[2]] for row in self.rows])
        bounded = json.loads(self.entropy(self.file, "--json"))
        torus = json.loads(self.entropy(self.file, "--json",
                                        "--periods", "1,1"))
        self.assertLess(torus["entropy_nats"], bounded["entropy_nats"] - 0.02)

    def test_text_has_a_line_for_each_figure(self):
        text = self.entropy(self.file, "--reward", "selfnorm_reverse")
        for key in ("entropy_nats", "reward_std", "in_degree_std", "engine"):
            self.assertIn("\n" + key, text)

    def test_what_is_wrong_is_said_and_nothing_is_written(self):
        bad = self.path("bad.npy")
        with open(bad, "wb") as file:
            file.write(b"\x93NUMPY\x01\x00\xff\xff")
        write_npy(self.path("nan.npy"), [[1.0], [math.nan], [2.0]])
        out = self.path("never.npy")
        for arguments, names in (
                ([bad], "bad.npy"),
                ([self.path("x.txt")], "x.txt: unknown format"),
                ([self.file, "--k", "400"], "k = 400"),
                ([self.file, "--k", "0"], "k = 0"),
                ([self.file, "--agents", "7"], "--agents = 7"),
                ([self.file, "--features", "0,3"], "'3' is no column"),
                ([self.file, "--reward", "best"], "--reward = best"),
                ([self.file, "--tensor", "x"], "leave --tensor out"),
                ([self.file, "--floor", "0"], "floor = 0"),
                ([self.path("nan.npy"), "--k", "1"], "point 1")):
            error = self.entropy(*arguments, "--out", out, code=78)
            self.assertIn(names, error)
            self.assertFalse(os.path.exists(out))
        self.entropy(self.path("absent.npy"), code=1)

    def python_packages(self):
        if os.path.isdir(PACKAGE_FOLDER):
            return PACKAGE_FOLDER
        staged = PACKAGE_FOLDER + ".part"
        try:
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade",
                 "--target", staged, *PACKAGES], capture_output=True,
                text=True, check=True, timeout=harness.DEADLINE)
        except subprocess.TimeoutExpired:
            self.skipTest("grpcio did not install in time")
        except subprocess.CalledProcessError as error:
            self.skipTest("grpcio cannot be installed here: " +
                          error.stderr.strip().splitlines()[-1])
        os.rename(staged, PACKAGE_FOLDER)
        return PACKAGE_FOLDER

    def test_the_python_client_gets_the_same_bytes(self):
        packages = self.python_packages()
        address = "unix:" + self.path("s")
        service = subprocess.Popen(
            [os.path.join(harness.BIN, "kmyriad-entropy"), "--listen", address,
             "--metrics", "", "--log", self.path("log")],
            stdout=subprocess.PIPE)
        try:
            service.stdout.readline()  # It serves.
            rewards = self.path("python.npy")
            done = subprocess.run(
                [sys.executable, CLIENT, address, self.file, rewards],
                env={**os.environ, "PYTHONPATH": packages},
                capture_output=True, text=True, check=False,
                timeout=harness.DEADLINE)
            self.assertEqual(done.returncode, 0, done.stderr)
        finally:
            service.terminate()
            self.assertEqual(service.wait(timeout=harness.DEADLINE), 0)
            service.stdout.close()
        out = self.path("cli.npy")
        got = json.loads(self.entropy(self.file, "--json", "--out", out))
        self.assertEqual(float(done.stdout), got["entropy_nats"])
        self.assertEqual(read_npy_floats(rewards), read_npy_floats(out))
        with open(CLIENT, encoding="utf-8") as file:
            self.assertLessEqual(len(file.readlines()), 30)


if __name__ == "__main__":
    unittest.main()
