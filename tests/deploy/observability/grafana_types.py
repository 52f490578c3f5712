"""Reads every dashboard into the models of grafana-foundation-sdk and writes it
back: a key that gets lost or changes is misspelt or misplaced.

Run by tests/deploy/run with the SDK for Grafana 11.6 (tests/deploy/tools.txt).
"""
import copy
import json
import sys

import promql
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

# Read by Grafana's Prometheus plugin, unknown to the models.
PLUGIN = "/annotations/list/0/titleFormat"


def round_trip(board):
    text = JSONEncoder(sort_keys=True).encode(
        Dashboard.from_json(copy.deepcopy(board)))
    return json.loads(text)


def lost(before, after, path=""):
    """Paths of what is not the same afterwards; additions are defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key, value in before.items():
            if key not in after:
                # Optional fields of value None or empty are left out.
                if value not in (None, "", [], {}, False):
                    found.append(f"{path}/{key}")
            else:
                found += lost(value, after[key], f"{path}/{key}")
        return found
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            return [path]
        return [line for index, pair in enumerate(zip(before, after))
                for line in lost(*pair, f"{path}/{index}")]
    return [] if before == after else [f"{path}: {before} became {after}"]


def mutated(board, change):
    board = copy.deepcopy(board)
    change(board)
    return lost(board, round_trip(board))


def main():
    plugins.register_default_plugins()
    boards = promql.dashboards()
    status = 0
    for name, board in boards.items():
        for complaint in lost(board, round_trip(board)):
            if complaint == PLUGIN:
                continue
            print(f"{name}: {complaint}")
            status = 1
    board = boards["kmyriad-overview.json"]
    controls = {
        "dashboard": lambda b: b.update(editabel=True),
        "panel": lambda b: b["panels"][1].update(descriptoin="x"),
        "options": lambda b: b["panels"][1]["options"].update(graphMod="x"),
        "query": lambda b: b["panels"][1]["targets"][0].update(legend="x")}
    for where, change in controls.items():
        if set(mutated(board, change)) <= {PLUGIN}:
            print(f"control: a misspelt key in {where} goes unnoticed")
            status = 1
    print(f"{len(boards)} dashboards, {len(controls)} controls: "
          f"{'failed' if status else 'ok'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
