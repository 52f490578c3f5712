"""The soak's records and its verdict; hours of it are for by hand."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import soak_report

SOAK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "soak")
FLAT = {"rss_mb": 100.0, "pss_mb": 80.0, "descriptors": 20, "threads": 9}


def records(change, count=200):
    """Looks every ten seconds; change(i, values) doctors the i-th one."""
    looks = []
    for i in range(count):
        values = dict(FLAT)
        change(i, values)
        looks.append({"seconds": 10.0 * i, "epoch": i,
                      "processes": {"learner": values}})
    return looks


class VerdictTest(unittest.TestCase):

    def grew(self, change):
        return soak_report.report(records(change))[1]

    def test_what_stays_is_flat(self):
        self.assertEqual(self.grew(lambda i, values: None), [])

    def test_noise_and_a_start_that_settles_are_flat(self):
        def change(i, values):
            values["rss_mb"] += (i * 7 % 5) + min(i, 40)
        self.assertEqual(self.grew(change), [])

    def test_a_leak_of_each_kind_is_seen(self):
        for key in FLAT:
            def change(i, values, key=key):
                values[key] += i // 10
            found = self.grew(change)
            self.assertEqual(len(found), 1, key)
            self.assertIn(key, found[0])

    def test_the_slope_is_that_of_a_line(self):
        slope, error = soak_report.slope_per_hour(
            [(x, 5 + 0.25 * x) for x in range(0, 1000, 10)])
        self.assertAlmostEqual(slope, 900)
        self.assertAlmostEqual(error, 0, places=6)


class SoakTest(unittest.TestCase):

    def test_a_short_one_records_every_process(self):
        with tempfile.TemporaryDirectory(prefix="kmyriad-e2e-") as folder:
            out = os.path.join(folder, "soak.jsonl")
            done = subprocess.run(
                [sys.executable, SOAK, "--minutes", "0.05", "--interval",
                 "0.2", "--out", out], capture_output=True, text=True,
                timeout=300, stdin=subprocess.DEVNULL)
            # Three seconds say nothing about growth; the report is there.
            self.assertIn(" looks in 0.05 minutes", done.stdout,
                          done.stdout + done.stderr)
            with open(out, encoding="utf-8") as file:
                looks = [json.loads(line) for line in file]
        self.assertGreater(len(looks), 3)
        self.assertEqual(sorted(looks[-1]["processes"]),
                         ["actor-0", "actor-1", "entropy", "launcher",
                          "learner"])
        for values in looks[-1]["processes"].values():
            self.assertEqual(sorted(values), sorted(FLAT))
            self.assertGreater(min(values.values()), 0)


if __name__ == "__main__":
    unittest.main()
