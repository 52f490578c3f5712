"""The tables of the studies are those of their rows."""
import os
import statistics
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "deploy/presets/studies"))
import point_goals  # noqa: E402


class StudiesTest(unittest.TestCase):

    def test_the_readme_holds_the_table_of_the_rows(self):
        with open(point_goals.README, encoding="utf-8") as file:
            readme = file.read()
        rows = point_goals.read_rows()
        self.assertEqual(point_goals.with_table(readme, rows), readme)
        rows[0]["success"] = 1 - rows[0]["success"]
        self.assertNotEqual(point_goals.with_table(readme, rows), readme)

    def test_every_cell_has_one_row(self):
        cells = [(row["start"], row["seed"], row["goal"])
                 for row in point_goals.read_rows()]
        self.assertEqual(len(cells), len(set(cells)))
        self.assertEqual(set(cells), {
            (start, seed, goal) for start in point_goals.STARTS
            for seed in point_goals.SEEDS for goal in point_goals.GOALS})

    def test_interquartile_mean(self):
        iqm = point_goals.interquartile_mean
        self.assertAlmostEqual(iqm([9, 1, 2, -50]), 1.5)
        self.assertAlmostEqual(iqm([0.25]), 0.25)
        # Five values: 3/4 of the second, the third, 3/4 of the fourth.
        self.assertAlmostEqual(iqm([1, 2, 4, 8, 16]),
                               (0.75 * 2 + 4 + 0.75 * 8) / 2.5)

    def test_the_interval_is_that_of_normal_theory_on_many_values(self):
        spread = statistics.NormalDist(0, 1)
        values = [spread.inv_cdf((i + 0.5) / 200) for i in range(200)]
        point_goals.RESAMPLES, before = 500, point_goals.RESAMPLES
        self.addCleanup(setattr, point_goals, "RESAMPLES", before)
        low, high = point_goals.interval([values])
        # The IQM of a normal sample has about 1.1 times the mean's error.
        self.assertAlmostEqual(high, 1.96 * 1.1 / 200 ** 0.5, delta=0.04)
        self.assertAlmostEqual(low, -high, delta=0.04)
        # Strata keep their sizes: two constants have no spread at all.
        self.assertEqual(point_goals.interval([[0.0] * 3, [1.0] * 3]),
                         (0.5, 0.5))


if __name__ == "__main__":
    unittest.main()
