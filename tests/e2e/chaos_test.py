"""Thirty random faults change nothing; and the comparison sees what would."""
import copy
import os
import subprocess
import sys
import unittest

import harness
import run_comparison
from harness import SMALL

CHAOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chaos")
SAMPLES = 40 * 60


class ComparisonTest(harness.EndToEndTest):
    """On real runs: one doctored detail, one problem."""

    def result(self, name, *arguments):
        return {"checkpoint": self.train(name, *SMALL, "--epochs", "3",
                                         *arguments),
                "metrics": self.metrics(name)}

    def setUp(self):
        super().setUp()
        self.one = self.result("one", "--actors", "1")

    def problems(self, other):
        return run_comparison.compare(self.one, other, SAMPLES)

    def test_the_same_run_twice_is_equal_and_other_seeds_are_not(self):
        self.assertEqual(self.problems(self.result("two", "--actors", "3")),
                         [])
        found = self.problems(self.result("three", "--seed", "9"))
        self.assertTrue(any("parameters_sha256" in line for line in found))
        self.assertTrue(any("metrics differ" in line for line in found))

    def test_one_flipped_bit_of_a_hash_is_seen(self):
        for key in run_comparison.CHECKPOINT:
            other = copy.deepcopy(self.one)
            value = other["checkpoint"][key]
            other["checkpoint"][key] = (
                value + 1 if isinstance(value, int)
                else f"{int(value[0], 16) ^ 1:x}" + value[1:])
            self.assertTrue(any(key in line for line in self.problems(other)),
                            key)

    def test_a_sample_counted_twice_or_lost_is_seen(self):
        for change in (1, -1):
            other = copy.deepcopy(self.one)
            other["metrics"][1]["samples"]["applied"] += change
            self.assertTrue(any("applied" in line
                                for line in self.problems(other)))

    def test_a_gap_a_double_row_and_a_zigzag_are_seen(self):
        rows = self.one["metrics"]
        for wrong in (rows[:1] + rows[2:], rows[:2] + rows[1:],
                      [rows[1], rows[0], rows[2]], rows[:2], []):
            other = dict(self.one, metrics=wrong)
            self.assertTrue(any("rows for 3 epochs" in line
                                for line in self.problems(other)), wrong)

    def test_what_depends_on_who_computed_it_may_differ(self):
        other = copy.deepcopy(self.one)
        for row in other["metrics"]:
            row["seconds"] = {}
            row["samples"]["duplicate"] += 5
            row["samples"]["recomputed"] += 7
        self.assertEqual(self.problems(other), [])
        self.assertEqual(run_comparison.ledger(other["metrics"]),
                         {"applied": 3 * SAMPLES, "duplicate": 15, "stale": 0,
                          "recomputed": 21})


class ChaosTest(unittest.TestCase):

    def test_bad_arguments_are_refused(self):
        for bad in (["--faults", "0"], ["--faults", "many"], ["--no-such"]):
            done = subprocess.run([sys.executable, CHAOS, *bad],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 64, done.stderr)

    def test_thirty_faults_change_nothing(self):
        done = subprocess.run([sys.executable, CHAOS, "--faults", "30",
                               "--seed", "1"], capture_output=True, text=True,
                              timeout=600, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("30 faults, seed 1: equal", done.stdout)
        self.assertEqual(done.stdout.count("  fault "), 30, done.stdout)


if __name__ == "__main__":
    unittest.main()
