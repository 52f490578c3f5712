"""Dashboards and rules are well-formed, and each check can fail."""
import copy
import os
import subprocess
import sys
import unittest

import lint
import promql

DASHBOARDS = promql.dashboards()
RULES = promql.rules()
KNOWN = lint.known_metrics(RULES)
README = promql.load("deploy/README.md")


class DashboardsTest(unittest.TestCase):

    def test_there_are_five_with_uids_of_their_own(self):
        self.assertEqual(
            sorted(board["uid"] for board in DASHBOARDS.values()),
            [f"kmyriad-{name}" for name in
             ("actors", "exploration", "learner", "overview", "rpc")])

    def test_committed_files_are_what_the_generator_writes(self):
        generate = os.path.join(promql.ROOT, "deploy/grafana/generate")
        done = subprocess.run([sys.executable, generate, "--check"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_form(self):
        for name, board in DASHBOARDS.items():
            complaints = lint.dashboard_form(board)
            for panel in promql.panels(board):
                complaints += lint.panel_form(panel)
            self.assertEqual(complaints, [], name)

    def test_every_metric_exists(self):
        for name, board in DASHBOARDS.items():
            for title, expr in promql.queries(board):
                self.assertEqual(lint.unknown_metrics(expr, KNOWN), [],
                                 f"{name}: {title}")


class RulesTest(unittest.TestCase):

    def test_every_metric_exists(self):
        for rule in RULES:
            self.assertEqual(lint.unknown_metrics(rule["expr"], KNOWN), [],
                             rule)

    def test_every_recorded_series_is_used(self):
        self.assertEqual(lint.unused_rules(RULES, DASHBOARDS.values()), [])

    def test_alerts_have_words_and_tests(self):
        for rule in RULES:
            if "alert" in rule:
                self.assertEqual(lint.alert_form(rule, README), [])
        self.assertEqual(lint.untested_alerts(RULES, promql.rule_tests()), [])


class NegativeControls(unittest.TestCase):
    """Mutated copies, each of which must be complained about."""

    def broken_board(self, mutate, word):
        board = copy.deepcopy(DASHBOARDS["kmyriad-overview.json"])
        mutate(board)
        complaints = lint.dashboard_form(board)
        for panel in promql.panels(board):
            complaints += lint.panel_form(panel)
        self.assertTrue(any(word in line for line in complaints),
                        f"{word}: {complaints}")

    def broken_query(self, expr, word):
        def mutate(board):
            promql.panels(board)[0]["targets"][0]["expr"] = expr
        self.broken_board(mutate, word)

    def test_dashboards(self):
        def first(board):
            return promql.panels(board)[0]
        self.broken_board(lambda board: board.update(editable=True),
                          "editable")
        self.broken_board(lambda board: board.update(uid="Overview"), "uid")
        self.broken_board(
            lambda board: board["templating"]["list"].pop(0), "datasource")
        self.broken_board(
            lambda board: first(board)["targets"][0]["datasource"].update(
                uid="abc"), "data source")
        self.broken_board(lambda board: first(board).update(id=1), "repeat")
        self.broken_board(
            lambda board: first(board)["gridPos"].update(w=9), "covers")
        self.broken_board(
            lambda board: first(board)["gridPos"].update(x=23), "grid")

    def test_panels(self):
        def first(board):
            return promql.panels(board)[0]
        self.broken_board(
            lambda board: first(board)["fieldConfig"]["defaults"].pop("unit"),
            "unit")
        self.broken_board(lambda board: first(board).update(title=""),
                          "title")
        self.broken_board(
            lambda board: first(board).update(description="State."), "good")
        self.broken_board(lambda board: first(board).update(targets=[]),
                          "no query")

    def test_queries(self):
        self.broken_query("kmyriad_run_epoch", "one run")
        self.broken_query('kmyriad_actor_env_steps_total{run="$run"}',
                          "counter")
        self.broken_query(
            'rate(kmyriad_actor_env_steps_total{run="$run"}[42s])',
            "rate_interval")

    def test_metrics_that_do_not_exist(self):
        for expr in ("kmyriad_run_epochs", "rate(kmyriad_run_epoch_bukket[5m])",
                     "sum by (run) (kmyriad:no_such:rate1m) / up"):
            self.assertTrue(lint.unknown_metrics(expr, KNOWN), expr)

    def test_rules(self):
        alert = copy.deepcopy(next(rule for rule in RULES if "alert" in rule))
        self.assertTrue(lint.alert_form({**alert, "labels": {}}, README))
        self.assertTrue(lint.alert_form({**alert, "annotations": {}}, README))
        self.assertTrue(lint.alert_form(alert, ""))
        new = {"alert": "NobodyTestsMe", "expr": "up"}
        self.assertEqual(
            len(lint.untested_alerts([*RULES, new], promql.rule_tests())), 2)
        new = {"record": "kmyriad:nobody:reads", "expr": "up"}
        self.assertTrue(
            lint.unused_rules([*RULES, new], DASHBOARDS.values()))

    def test_the_reader_of_expressions(self):
        self.assertEqual(
            promql.selectors('sum by (le) (rate(a_total{x="b(c)"}[5m])) / '
                             'on (run) (b_total > 0) and time() > 1e3'),
            ['a_total{x="b(c)"}', "b_total"])


if __name__ == "__main__":
    unittest.main()
