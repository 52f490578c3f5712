"""From a pretrained population to a goal: finetune and eval, as a user sees
them. Success is counted again from the policies' own export."""
import json
import os
import re
import subprocess
import tempfile
import time
import unittest

import harness
from harness import SIGKILL

# Pretraining of half a minute is enough for some head to find G5 and G2.
PRETRAIN = ["--preset", "point-maze", "--set", "learner.threads=1",
            "--epochs", "40", "--set", "schedule.epochs=40"]


class FinetuneTest(harness.EndToEndTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = tempfile.TemporaryDirectory(prefix="kmyriad-e2e-")
        training = harness.Training(cls.shared.name, "pre", PRETRAIN)
        code = training.wait()
        training.log.close()
        assert code == 0

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        super().setUp()
        self.pre = os.path.join(self.shared.name, "pre")

    def finetune(self, *arguments, source=None):
        return harness.call("finetune", "--runs", self.runs, "--from",
                            source or self.pre, *arguments)

    def refused(self, *arguments, source=None):
        code, _, err = self.finetune(*arguments, source=source)
        self.assertNotEqual(code, 0)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        return err

    def config(self, run):
        with open(os.path.join(self.runs, run, "resolved.textproto"),
                  encoding="utf-8") as file:
            return file.read()

    def evaluate(self, target, *arguments):
        code, out, err = harness.call("eval", "--runs", self.runs, target,
                                      "--json", *arguments)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def test_a_head_that_finds_the_goal_learns_it_and_a_random_one_does_not(
            self):
        before = self.evaluate(self.pre, "--goal", "G5")["goals"][0]
        self.assertGreater(before["sampled"]["agents_with_success"], 0)
        code, out, err = self.finetune("--task", "maze/G5", "--epochs", "15",
                                       "--name", "tuned")
        self.assertEqual(code, 0, err)
        self.assertIn("success: ", out)
        lines = self.metrics("tuned")
        self.assertEqual(len(lines), 15)
        after = self.evaluate("tuned", "--episodes", "50")
        self.assertEqual(len(after["agents"]), 1)
        tuned = after["goals"]
        reached = next(row for row in tuned if row["goal"] == "G5")
        print(f"G5: mean over heads {before['sampled']['success_mean']:.3f}, "
              f"tuned {reached['sampled']['success_mean']:.3f}")
        self.assertGreater(reached["sampled"]["success_mean"],
                           before["sampled"]["success_mean"])
        # Observed 0.78.
        self.assertGreaterEqual(reached["sampled"]["success_mean"], 0.5)
        with open(os.path.join(self.runs, "tuned/finetune.json"),
                  encoding="utf-8") as file:
            record = json.load(file)
        self.assertEqual(record["use"], "select")
        self.assertEqual(record["selection_env_steps"], 32 * 4 * 150)
        best = max(record["selection"], key=lambda row: row["successes"])
        self.assertEqual(
            record["selection"][record["agents"][0]]["successes"],
            best["successes"])
        # Two epochs of the critic alone: the policy is still the head's.
        self.assertEqual(lines[0]["policy_hash"], lines[1]["policy_hash"])
        self.assertEqual(lines[1]["policy_hash"], lines[2]["policy_hash"])
        self.assertNotEqual(lines[2]["policy_hash"], lines[3]["policy_hash"])
        code, _, err = self.finetune("--task", "maze/G5", "--epochs", "15",
                                     "--name", "random", "--use", "random")
        self.assertEqual(code, 0, err)
        self.assertLess(self.metrics("random")[-1]["success"], 0.2)

    def test_one_head_of_a_population_paid_for_differing_is_taken(self):
        self.train("apart", "--preset", "point-maze", "--epochs", "1", "--set",
                   "entropy.reward=cross_novelty")
        code, _, err = self.finetune(
            "--task", "maze/G5", "--epochs", "1", "--name", "one", "--use",
            "select", source=os.path.join(self.runs, "apart"))
        self.assertEqual(code, 0, err)

    def test_it_goes_on_exactly_after_a_kill(self):
        task = ["--task", "maze/G5"]
        self.assertEqual(self.finetune(*task, "--epochs", "6", "--name",
                                       "whole", "--use", "joint",
                                       "--set", "learner.threads=1")[0], 0)
        self.assertEqual(self.finetune(*task, "--epochs", "6", "--name",
                                       "cut", "--use", "joint")[0], 0)
        self.assert_same(self.inspect("cut"), self.inspect("whole"))
        code, _, err = self.finetune(*task, "--epochs", "9", "--name", "cut",
                                     "--use", "joint")
        self.assertEqual(code, 0, err)
        training = self.start("whole", "--epochs", "9")
        training.until_epoch(7)
        os.kill(training.pid("learner"), SIGKILL)
        self.assertEqual(training.wait(), 0, training.output())
        self.assert_same(self.inspect("cut"), self.inspect("whole"))
        self.assertEqual(len(self.metrics("cut")), 9)

    # Without learning's changes nothing can be forgotten; then it can.
    def test_what_is_forgotten_is_watched(self):
        self.assertEqual(self.finetune("--task", "maze/G5", "--epochs", "8",
                                       "--name", "watched")[0], 0)
        lines = self.metrics("watched")
        # Two epochs of the critic alone.
        for line in lines[:2]:
            self.assertAlmostEqual(line["pretrained_kl_nats"], 0, places=6)
        self.assertGreater(lines[7]["pretrained_kl_nats"], 1e-4)
        self.assertEqual(lines[0]["coverage_loss"], 0)
        for line in lines:
            self.assertAlmostEqual(line["coverage_loss"],
                                   lines[0]["coverage"] - line["coverage"])
        self.assertEqual(self.finetune("--task", "maze/G5", "--epochs", "1",
                                       "--name", "none", "--use",
                                       "random")[0], 0)
        self.assertNotIn("pretrained_kl_nats", self.metrics("none")[0])

    def test_failing_heads_migrate_to_those_that_succeed(self):
        self.assertEqual(self.finetune(
            "--task", "maze/G5", "--epochs", "24", "--name", "moving", "--use",
            "migrate", "--set", "learner.threads=1")[0], 0)
        lines = self.metrics("moving")
        self.assertEqual([line["migrated"] for line in lines[:4]], [0] * 4)
        self.assertGreater(sum(line["migrated"] for line in lines), 0)
        print("migrate: heads with success "
              f"{[line['agents_with_success'] for line in lines]}, moved "
              f"{[line['migrated'] for line in lines]}", flush=True)
        self.assertGreater(lines[-1]["agents_with_success"],
                           lines[0]["agents_with_success"] + 4)
        # What learns from the migrated heads does not migrate.
        self.assertEqual(self.finetune(
            "--task", "maze/G2", "--epochs", "1", "--name", "after", "--use",
            "joint", source=os.path.join(self.runs, "moving"))[0], 0)
        self.assertNotIn("migrate_after", self.config("after"))
        self.assertIn("migrate_after", self.config("moving"))
        # Killed, it moves the same heads to the same places.
        self.assertEqual(self.finetune(
            "--task", "maze/G5", "--epochs", "4", "--name", "cut", "--use",
            "migrate", "--set", "learner.threads=1")[0], 0)
        training = self.start("cut", "--epochs", "24")
        for epoch in (7, 13):
            training.until_epoch(epoch)
            os.kill(training.pid("learner"), SIGKILL)
        self.assertEqual(training.wait(), 0, training.output())
        # The schedule is the length that a run is begun with.
        other = self.inspect("cut")
        self.assertEqual(other["epoch"], 24)
        self.assertEqual(self.finetune(
            "--task", "maze/G5", "--epochs", "4", "--name", "same", "--use",
            "migrate", "--set", "learner.threads=1")[0], 0)
        self.train("same", "--epochs", "24")
        self.assert_same(other, self.inspect("same"))

    def test_halving_keeps_the_better_half_and_survives_kills(self):
        task = ["--task", "maze/G5", "--use", "halving", "--epochs", "20",
                "--set", "learner.threads=1"]
        code, _, err = self.finetune(*task, "--name", "halved")
        self.assertEqual(code, 0, err)
        heads = []
        seeds = []
        for number, name in enumerate(("halved-round1", "halved-round2",
                                       "halved-round3", "halved")):
            with open(os.path.join(self.runs, name, "finetune.json"),
                      encoding="utf-8") as file:
                record = json.load(file)
            heads.append(len(record["agents"]))
            seeds.append(re.search(r"seed: (\d+)", self.config(name))[1])
            self.assertEqual(len(self.metrics(name)), 5)
            for line in self.metrics(name):
                self.assertIn("pretrained_kl_nats", line)
                self.assertEqual("coverage_loss" in line, number == 0)
            self.assertEqual(record["from"], "pre")
            self.assertEqual(record["earlier_env_steps"], number * 5 * 4800)
            ranked = sorted(record["selection"],
                            key=lambda row: -row["successes"])
            chosen = [record["selection"][agent]["successes"]
                      for agent in record["agents"]] if number else []
            self.assertEqual(sorted(chosen), sorted(
                row["successes"] for row in ranked[:len(chosen)]))
        self.assertEqual(heads, [32, 16, 8, 4])
        self.assertEqual(len(set(seeds)), 4, seeds)
        self.assertEqual(seeds[0], "1")
        after = self.evaluate("halved", "--goal", "G5")["goals"][0]["sampled"]
        before = self.evaluate(self.pre, "--goal", "G5")["goals"][0]["sampled"]
        print(f"halving: mean over heads {before['success_mean']:.3f} to "
              f"{after['success_mean']:.3f}", flush=True)
        self.assertGreater(after["success_mean"], before["success_mean"] + 0.2)
        # Interrupted in its second round, and again; the command goes on.
        command = [harness.KMYRIAD, "finetune", "--runs", self.runs, "--from",
                   self.pre, *task, "--name", "cut"]
        for name in ("cut-round2", "cut"):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL,
                                       stdin=subprocess.DEVNULL)
            self.addCleanup(process.kill)
            end = time.monotonic() + harness.DEADLINE
            while len(self.metrics(name)) < 2 and time.monotonic() < end:
                self.assertIsNone(process.poll())
                time.sleep(0.01)
            process.send_signal(SIGKILL)
            process.wait()
        for change, key in ((["--set", "ppo.gamma=0.5"], "ppo.gamma = 0.5"),
                            (["--seed", "77"], "run.seed = 77")):
            err = self.refused(*task, "--name", "cut", *change)
            self.assertIn(key, err)
            self.assertIn("round cut-round1 is finished", err)
        code, _, err = self.finetune(*task, "--name", "cut")
        self.assertEqual(code, 0, err)
        self.assert_same(self.inspect("cut"), self.inspect("halved"))
        self.assertIn("--epochs = 40", self.refused(
            "--task", "maze/G5", "--use", "halving", "--epochs", "40",
            "--name", "halved"))

    def test_evaluations_repeat_and_their_sets_differ(self):
        once = self.evaluate(self.pre)
        self.assertEqual(self.evaluate(self.pre), once)
        self.assertEqual(once["policy_hash"],
                         self.inspect(self.pre)["policy_hash"])
        other = self.evaluate(self.pre, "--set", "1")
        self.assertNotEqual(other["agents"], once["agents"])
        self.assertEqual([row["goal"] for row in once["goals"]],
                         ["G1", "G2", "G3", "G4", "G5"])
        for row in once["goals"]:
            mean = sum(agent["goals"][row["goal"]]["sampled"]
                       for agent in once["agents"]) / len(once["agents"])
            self.assertAlmostEqual(row["sampled"]["success_mean"], mean)
        code, out, _ = harness.call("eval", "--runs", self.runs, self.pre)
        self.assertEqual(code, 0)
        self.assertEqual(len(out.splitlines()), 3 + 1 + 2 + 5 + 2 + 32)

    def test_bad_requests_get_one_line_and_leave_nothing(self):
        self.assertIn("G9", self.refused("--task", "maze/G9"))
        self.assertIn("TERRAIN/GOAL", self.refused("--task", "G1"))
        self.assertIn("trained in terrain maze",
                      self.refused("--task", "cave/west_hall"))
        self.assertIn("nowhere", self.refused("--task", "maze/G1",
                                              source="nowhere"))
        self.assertIn("epoch_000099", self.refused(
            "--task", "maze/G1",
            source=os.path.join(self.pre, "checkpoints/epoch_000099")))
        self.assertIn("env.task", self.refused("--task", "maze/G1", "--set",
                                               "env.task=ant"))
        self.assertIn("radius", self.refused("--task", "maze/G1", "--radius",
                                             "99"))
        self.assertEqual(os.listdir(self.runs), [])
        self.assertEqual(self.finetune("--task", "maze/G5", "--epochs", "1",
                                       "--name", "one")[0], 0)
        self.assertIn("learns G5", self.refused("--task", "maze/G1",
                                                "--name", "one"))
        for flag, other in (("--radius", "0.4"), ("--critic-warmup", "3"),
                            ("--selection-episodes", "5")):
            err = self.refused("--task", "maze/G5", "--name", "one", flag,
                               other)
            self.assertIn(f"{flag} = {other}", err)
            self.assertIn("was begun with", err)
        self.assertEqual(self.finetune(
            "--task", "maze/G5", "--epochs", "1", "--name", "one", "--radius",
            "0.3", "--critic-warmup", "2", "--selection-episodes", "4")[0], 0)
        # A fork has the tensors of its checkpoint, and none of a migration.
        code, _, err = harness.call(
            "train", "--runs", self.runs, "--name", "one", "--fork", "forked",
            "--set", "task.migrate_after=3")
        self.assertEqual(code, 78, err)
        self.assertIn("task.migrate_after = 3", err)
        self.assertFalse(os.path.exists(os.path.join(self.runs, "forked")))
        # What has the name of a round is none.
        halving = ["--task", "maze/G5", "--use", "halving", "--name", "two"]
        self.assertEqual(self.finetune("--task", "maze/G5", "--epochs", "1",
                                       "--name", "two-round1")[0], 0)
        self.assertIn("two-round1 is not the first round",
                      self.refused(*halving))
        path = os.path.join(self.runs, "two-round1/finetune.json")
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        for rounds in ([{"run": "three-round1", "epochs": 1},
                        {"run": "three", "epochs": 1}],
                       [{"run": "two-round1", "epochs": -1},
                        {"run": "two", "epochs": 1}],
                       [7], {"run": "two-round1"}, "two-round1"):
            with open(path, "w", encoding="utf-8") as file:
                json.dump({**record, "rounds": rounds}, file)
            self.assertIn("two-round1 is not the first round",
                          self.refused(*halving))
        self.assertFalse(os.path.exists(os.path.join(self.runs, "two")))
        self.train("other", "--preset", "point-maze", "--epochs", "1")
        self.assertIn("started from another run", self.refused(
            "--task", "maze/G5", "--name", "one",
            source=os.path.join(self.runs, "other")))


if __name__ == "__main__":
    unittest.main()
