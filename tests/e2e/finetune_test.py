"""From a pretrained population to a goal: finetune and eval, as a user sees
them. Success is counted again from the policies' own export."""
import json
import os
import tempfile
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
        self.train("other", "--preset", "point-maze", "--epochs", "1")
        self.assertIn("started from another run", self.refused(
            "--task", "maze/G5", "--name", "one",
            source=os.path.join(self.runs, "other")))


if __name__ == "__main__":
    unittest.main()
