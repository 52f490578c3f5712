"""kmyriad study, as a user sees it: killed anywhere it goes on, and neither
repeats nor loses a cell."""
import json
import os
import random
import signal
import subprocess
import time
import unittest

import harness

STUDY = """
seeds: [1, 2]
world {
  name: "small"
  preset: "point-maze"
  set: ["run.epochs=3", "schedule.epochs=3", "learner.threads=1",
        "env.horizon=60", "actors.count=1"]
  goal: "G4"
}
arm { name: "all" }
arm { name: "joint" pretrained_by: "all" use: "joint" }
arm { name: "none" use: "random" }
finetune_epochs: 2
episodes: 3
"""
CELLS = 2 * (1 + 3)


class StudyTest(harness.EndToEndTest):

    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.runs, "small.textproto")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(STUDY)

    def command(self, name, *arguments):
        return [harness.KMYRIAD, "study", self.file, "--runs",
                os.path.join(self.runs, name), "--rows", self.rows_file(name),
                "--jobs", "2", *arguments]

    def rows_file(self, name):
        return os.path.join(self.runs, f"{name}.jsonl")

    def rows(self, name):
        try:
            with open(self.rows_file(name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def run_whole(self, name):
        return subprocess.run(self.command(name), capture_output=True,
                              text=True, timeout=600, check=False,
                              stdin=subprocess.DEVNULL)

    def test_killed_anywhere_it_gives_the_same_rows(self):
        whole = self.run_whole("whole")
        self.assertEqual(whole.returncode, 0, whole.stderr)
        self.assertEqual(len(self.rows("whole").splitlines()), CELLS)
        draw = random.Random(5)
        kills = 0
        for turn in range(4 * CELLS):
            before = self.rows("cut")
            process = subprocess.Popen(
                self.command("cut"), stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            # In turns: somewhere in a cell, and soon after one is done.
            if turn % 2 == 0:
                time.sleep(draw.uniform(0, 2))
            else:
                while process.poll() is None and self.rows("cut") == before:
                    time.sleep(0.01)
                time.sleep(draw.uniform(0, 0.1))
            if process.poll() is None:
                process.kill()
                kills += 1
            _, err = process.communicate()
            after = self.rows("cut")
            for line in after.splitlines():
                json.loads(line)
            self.assertLessEqual(set(before.splitlines()),
                                 set(after.splitlines()))
            if process.returncode == 0:
                break
            self.assertEqual(process.returncode, -signal.SIGKILL, err)
        self.assertGreater(kills, 2)
        self.assertEqual(self.rows("cut"), self.rows("whole"))
        again = self.run_whole("cut")
        self.assertEqual(again.returncode, 0, again.stderr)
        # Nothing was measured: the tables alone.
        self.assertEqual(again.stdout, whole.stdout[-len(again.stdout):])
        self.assertNotIn("seed", again.stdout)

    def test_it_ends_in_time_and_says_that_it_can_go_on(self):
        done = subprocess.run(self.command("late", "--minutes", "0.01"),
                              capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertIn("the same command goes on", done.stderr)
        self.assertLess(len(self.rows("late").splitlines()), CELLS)

    def test_a_command_that_fails_is_named(self):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(STUDY.replace('use: "joint"', 'use: "joint"\n'
                                     'finetune_set: "env.count=64"'))
        done = self.run_whole("bad")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1)
        self.assertIn("env.count=64", done.stderr)

    def test_a_typo_is_one_line(self):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(STUDY.replace("finetune_epochs", "finetune_epoch"))
        done = self.run_whole("typo")
        self.assertEqual(done.returncode, 78)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1)
        self.assertIn("small.textproto:13:15:", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.runs, "typo")))


if __name__ == "__main__":
    unittest.main()
