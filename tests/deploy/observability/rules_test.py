"""promtool on configuration, rules and their tests, and on every query of the
dashboards; broken copies must fail.

Needs Debian's package prometheus; skips without it.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

import promql

SKIPPED = 77
FOLDER = os.path.join(promql.ROOT, "tests/deploy/observability")
RULES = os.path.join(promql.ROOT, "deploy/prometheus/rules")


def promtool(*arguments):
    """Exit status and output."""
    done = subprocess.run(["promtool", *arguments], capture_output=True,
                          text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


class RulesTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kmyriad-rules-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def passes(self, *arguments):
        code, output = promtool(*arguments)
        self.assertEqual(code, 0, output)

    def fails(self, word, *arguments):
        code, output = promtool(*arguments)
        self.assertNotEqual(code, 0, output)
        self.assertIn(word, output)

    def test_configuration_and_rules_are_valid(self):
        self.passes("check", "config", "--lint=all", os.path.join(
            promql.ROOT, "deploy/prometheus/prometheus.yml"))
        for name in sorted(os.listdir(RULES)):
            self.passes("check", "rules", "--lint=all", "--lint-fatal",
                        os.path.join(RULES, name))

    def test_rules_do_what_their_tests_say(self):
        for name in ("recording", "alerts"):
            self.passes("test", "rules",
                        os.path.join(FOLDER, f"{name}.test.yml"))

    def query_rules(self, change=lambda expr: expr):
        rules = [{"record": f"query:{index}",
                  "expr": change(promql.expand(expr))}
                 for index, (_, expr) in enumerate(
                     query for board in promql.dashboards().values()
                     for query in promql.queries(board))]
        return self.write("queries.yml", yaml.safe_dump(
            {"groups": [{"name": "queries", "rules": rules}]}))

    def test_queries_of_dashboards_parse(self):
        self.passes("check", "rules", "--lint=none", self.query_rules())

    def test_broken_copies_fail(self):
        self.fails("parse", "check", "rules", "--lint=none",
                   self.query_rules(lambda expr: expr + ")"))
        rules = promql.load("deploy/prometheus/rules/kmyriad.alerts.yml")
        self.fails("parse error", "check", "rules",
                   self.write("a.yml", rules.replace(" == 0\n", " === 0\n")))
        tests = promql.load("tests/deploy/observability/alerts.test.yml")
        self.write("never.yml",
                   rules.replace('up{job="kmyriad-learner"} == 0',
                                 'up{job="kmyriad-learner"} == 2'))
        never = self.write("never.test.yml", tests.replace(
            "../../../deploy/prometheus/rules/kmyriad.recording.yml",
            os.path.join(RULES, "kmyriad.recording.yml")).replace(
                "../../../deploy/prometheus/rules/kmyriad.alerts.yml",
                "never.yml"))
        self.fails("LearnerDown", "test", "rules", never)


if __name__ == "__main__":
    if shutil.which("promtool") is None:
        print("skipped: no promtool here; apt-get install prometheus")
        sys.exit(SKIPPED)
    unittest.main()
