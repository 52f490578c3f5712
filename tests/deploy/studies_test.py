"""The report's tables are those of the studies' rows."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
STUDIES = os.path.join(ROOT, "deploy/presets/studies")
KMYRIAD = os.path.join(os.environ["KMYRIAD_BIN"], "kmyriad")


def sum_up(study, rows, report):
    """Writes the tables of `rows` into `report`; returns them."""
    done = subprocess.run(
        [KMYRIAD, "study", study, "--tables-only", "--rows", rows,
         "--report", report], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


class StudiesTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kmyriad-studies-")
        self.addCleanup(folder.cleanup)
        self.report = os.path.join(folder.name, "README.md")
        self.rows = os.path.join(folder.name, "rows.jsonl")
        shutil.copy(os.path.join(STUDIES, "README.md"), self.report)

    def text(self):
        with open(self.report, encoding="utf-8") as file:
            return file.read()

    def studies(self):
        """Every study that has rows."""
        files = sorted(glob.glob(os.path.join(STUDIES, "*.jsonl")))
        self.assertTrue(files)
        return [(file.replace(".jsonl", ".textproto"), file)
                for file in files]

    def test_the_report_holds_the_tables_of_the_rows(self):
        before = self.text()
        for study, rows in self.studies():
            self.assertIn("|", sum_up(study, rows, self.report))
            self.assertEqual(self.text(), before, study)

    def test_a_changed_row_would_be_seen(self):
        before = self.text()
        study, rows = self.studies()[0]
        with open(rows, encoding="utf-8") as file:
            text = file.read()
        changed = re.sub(r'("success"|"grid_entropy_nats"):[0-9.e+-]+',
                         r"\1:0.4321", text)
        self.assertNotEqual(changed, text)
        with open(self.rows, "w", encoding="utf-8") as file:
            file.write(changed)
        sum_up(study, self.rows, self.report)
        self.assertNotEqual(self.text(), before)

    def test_every_study_file_can_be_run(self):
        for study in glob.glob(os.path.join(STUDIES, "*.textproto")):
            done = subprocess.run(
                [KMYRIAD, "study", study, "--tables-only", "--rows",
                 self.rows], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
