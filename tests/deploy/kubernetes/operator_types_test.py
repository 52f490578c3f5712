"""The Prometheus operator's objects of the overlay `monitoring`, read into the
operator's own types and written back: a type refuses a wrong value, and a key
that gets lost is one that the operator does not know.

Needs kubectl and cloudcoil's models, which tests/deploy/tools installs; skips
without.
"""
import copy
import os
import sys
import unittest

import manifest_lint as lint
import overlays_test as overlays

SKIPPED = 77
PYTHON = os.path.join(overlays.TOOLS, "python")


def objects():
    """PodMonitor and PrometheusRule, as kubectl renders them."""
    return [item for item in lint.parse(overlays.rendered("monitoring"))
            if item["kind"] in overlays.FOREIGN]


def lost(before, after, path=""):
    """Paths of what is not the same afterwards."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [line for key, value in before.items()
                for line in ([f"{path}/{key}"] if key not in after
                             else lost(value, after[key], f"{path}/{key}"))]
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            return [path]
        return [line for index, pair in enumerate(zip(before, after))
                for line in lost(*pair, f"{path}/{index}")]
    return [] if before == after else [f"{path}: {before} became {after}"]


def complaints(item):
    try:
        read = getattr(models, item["kind"]).model_validate(item)
    except ValueError as error:
        return [str(error)]
    return lost(item, read.model_dump(by_alias=True, exclude_none=True,
                                      mode="json"))


class OperatorTypesTest(unittest.TestCase):

    def test_the_operator_knows_every_key(self):
        found = objects()
        self.assertEqual({item["kind"] for item in found}, overlays.FOREIGN)
        for item in found:
            self.assertEqual(complaints(item), [], item["kind"])

    def test_broken_copies_fail(self):
        monitor, rule = (next(item for item in objects()
                              if item["kind"] == kind)
                         for kind in ("PodMonitor", "PrometheusRule"))

        def misspelt(item):
            item["spec"]["podMetricsEndpoint"] = item["spec"].pop(
                "podMetricsEndpoints")

        def unknown(item):
            item["spec"]["podMetricsEndpoints"][0]["intervall"] = "15s"

        def no_selector(item):
            del item["spec"]["selector"]

        def forr(item):
            group = item["spec"]["groups"][-1]["rules"][0]
            group["forr"] = "1m"

        def number(item):
            item["spec"]["groups"][0]["rules"] = "none"

        for whole, change in ((monitor, misspelt), (monitor, unknown),
                              (monitor, no_selector), (rule, forr),
                              (rule, number)):
            item = copy.deepcopy(whole)
            change(item)
            self.assertNotEqual(complaints(item), [], change.__name__)


if __name__ == "__main__":
    try:
        import cloudcoil.models.prometheus_operator.v1 as models
    except ImportError:
        if os.path.exists(PYTHON) and sys.executable != PYTHON:
            os.execv(PYTHON, [PYTHON, *sys.argv])
        models = None
    if models is None or overlays.KUBECTL is None:
        print("skipped: no kubectl or cloudcoil models here; "
              "tests/deploy/tools installs them")
        sys.exit(SKIPPED)
    unittest.main()
