"""Bad input is refused at the door: one line that says what to do, and the
right exit code."""
import os
import socket
import subprocess
import unittest

import harness
from harness import SMALL


class BadInputTest(harness.EndToEndTest):

    def refused(self, code, words, *arguments, environment=None):
        found, out, err = harness.call("train", "--runs", self.runs,
                                       "--name", "bad", *arguments,
                                       environment=environment)
        self.assertEqual(found, code, out + err)
        lines = [line for line in err.splitlines() if "error" in line]
        self.assertEqual(len(lines), 1, err)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertNotIn("Traceback", err)

    def test_configuration_keys_and_values(self):
        cases = [
            (["env.horizn=10"], ["env.horizn", "horizon"]),
            (["entrpy.k=3"], ["entrpy", "entropy"]),
            (["population.agents=7"], ["population.agents", "7"]),
            (["entropy.k=100000"], ["entropy.k", "100000"]),
            (["env.horizon=0"], ["env.horizon", "0"]),
            (["env.horizon=ten"], ["env.horizon", "ten"]),
            (["env.horizon"], ["env.horizon"]),
            (["ppo.clip=-1"], ["ppo.clip", "-1"]),
            (["objective.kind=sac"], ["objective.kind", "sac"]),
            (["learner.precision=fp8"], ["learner.precision", "fp8"]),
        ]
        for overrides, words in cases:
            with self.subTest(overrides=overrides):
                arguments = [part for text in overrides
                             for part in ("--set", text)]
                self.refused(78, words, *SMALL, *arguments)
        self.assertEqual(os.listdir(self.runs), [])

    def test_replicas_of_a_reward_that_is_not_shared(self):
        for reward in ("apt", "selfnorm_reverse", "marginal"):
            with self.subTest(reward=reward):
                self.refused(78, ["--entropy-replicas = 3", reward, "forward"],
                             *SMALL, "--entropy-replicas", "3", "--set",
                             f"entropy.reward={reward}")
        weighted = ["--preset", "point-maze-iw", *SMALL[2:]]
        self.refused(78, ["--entropy-replicas = 3", "iw_entropy"], *weighted,
                     "--entropy-replicas", "3")
        self.assertEqual(os.listdir(self.runs), [])
        self.train("one", *SMALL, "--epochs", "1", "--set",
                   "entropy.reward=apt")
        self.train("kept", *weighted, "--epochs", "1")

    def test_an_engine_that_this_machine_lacks(self):
        if os.path.exists("/dev/nvidiactl"):
            self.skipTest("there is a GPU")
        self.refused(78, ["entropy.engine = cuda_grid", "CUDA", "kd_tree"],
                     *SMALL, "--set", "entropy.engine=cuda_grid")
        self.assertEqual(os.listdir(self.runs), [])

    def test_presets_and_files(self):
        self.refused(78, ["ant-mase", "ant-maze"], "--preset", "ant-mase")
        self.refused(78, ["/nowhere.textproto"], "--config",
                     "/nowhere.textproto")
        path = os.path.join(self.runs, "broken.textproto")
        with open(path, "w", encoding="utf-8") as file:
            file.write("run { seed: 1\nepochs 3 }\n")
        self.refused(78, ["broken.textproto"], "--config", path)

    def test_usage(self):
        for arguments in (["--epochs", "many"], ["--resume", "maybe"],
                          ["--no-such-flag"],
                          ["--preset", "a", "--config", "b"]):
            with self.subTest(arguments=arguments):
                code, _, err = harness.call("train", *arguments)
                self.assertEqual(code, 64, err)
        for word, near in (("no-such-command", "train"), ("trian", "train"),
                           ("inspct", "inspect")):
            code, _, err = harness.call(word)
            self.assertEqual(code, 64, err)
            self.assertEqual(len(err.splitlines()), 1, err)
            self.assertIn(f"error: {word}: no such command", err)
            self.assertIn(near, err)
        self.assertEqual(harness.call("train", "--help")[0], 0)

    def test_resume_flags(self):
        self.refused(78, ["--resume", "must"], *SMALL, "--resume", "must")
        self.train("bad", *SMALL, "--epochs", "1")
        self.refused(78, ["--resume", "never"], *SMALL, "--resume", "never")
        self.refused(78, ["env.horizon", "60", "61"], *SMALL, "--set",
                     "env.horizon=61", "--epochs", "2")

    def terrain(self, text):
        path = os.path.join(self.runs, "terrain.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return [*SMALL, "--set", f"env.terrain={path}"]

    def test_terrain_files(self):
        good = ("cell 1\nwall_height 1.5\nmap\n#######\n#S....#\n#.##..#\n"
                "#....1#\n#######\nend\n")
        self.train("good", *self.terrain(good), "--epochs", "1")
        walled = good.replace("#.##..#", "#######")
        self.refused(78, ["terrain.txt", "reach"], *self.terrain(walled))
        ragged = good.replace("#.##..#", "#.##..")
        self.refused(78, ["terrain.txt"], *self.terrain(ragged))
        self.refused(78, ["nowhere.txt"], *SMALL, "--set",
                     "env.terrain=/nowhere.txt")
        self.assertFalse(os.path.exists(os.path.join(self.runs, "bad")))

    def test_cuda_without_a_device(self):
        if os.path.exists("/dev/nvidia0"):
            return
        self.refused(78, ["learner.device", "cuda"], *SMALL, "--set",
                     "learner.device=cuda")

    def test_physics_on_a_gpu_where_there_is_none(self):
        # Whatever the machine has, these processes see no GPU.
        blind = {"CUDA_VISIBLE_DEVICES": ""}
        setting = ["--set", "physics.backend=cuda"]
        words = ["physics.backend = cuda", "use simd"]
        self.refused(78, words, "--preset", "ant-maze", *setting,
                     environment=blind)
        self.assertEqual(os.listdir(self.runs), [])
        done = subprocess.run(
            [os.path.join(harness.BIN, "kmyriad-actor"), *setting],
            env={**os.environ, **blind}, capture_output=True, text=True,
            timeout=60, check=False)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = subprocess.run(
                [os.path.join(harness.BIN, "kmyriad-entropy"), "--listen",
                 f"127.0.0.1:{port}", "--metrics", "127.0.0.1:0"],
                capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(str(port), done.stderr)

    def test_a_remote_bind_without_tls(self):
        done = subprocess.run(
            [os.path.join(harness.BIN, "kmyriad-entropy"), "--listen",
             "0.0.0.0:0", "--metrics", "127.0.0.1:0"],
            capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("insecure-allow-remote", done.stderr)

    def test_engines_that_do_not_exist_here(self):
        # Whatever the machine has, this process sees no GPU.
        for engine, code, mend in [("cuda_grid", 78, "use engine auto"),
                                   ("cuda_brute_force", 78, "use engine auto"),
                                   ("annoy", 64, "use auto, grid")]:
            with self.subTest(engine=engine):
                done = subprocess.run(
                    [os.path.join(harness.BIN, "kmyriad-entropy"), "--listen",
                     "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--engine",
                     engine], env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
                    capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(engine, done.stderr)
                self.assertIn(mend, done.stderr)


if __name__ == "__main__":
    unittest.main()
