"""Checks of dashboards and rules that need no server.

Each function returns a list of complaints, so that the tests can show on
mutated copies that it complains.
"""
import json
import re

import promql

COUNTERS = re.compile(r"\w+_(total|sum|count|bucket)$")


def dashboard_form(dashboard):
    """Of one dashboard: what Grafana or a reader would stumble over."""
    bad = []
    if "id" in dashboard or dashboard.get("editable") is not False:
        bad.append("needs no id, and editable: false")
    if not re.fullmatch(r"kmyriad-[a-z]+", dashboard.get("uid", "")):
        bad.append(f"uid = {dashboard.get('uid')}")
    sources = [variable for variable in dashboard["templating"]["list"]
               if variable["type"] == "datasource"]
    if [variable["name"] for variable in sources] != ["datasource"]:
        bad.append("needs one datasource variable, named datasource")
    used = set(re.findall(r'"uid": "([^"]*)"', json.dumps(dashboard)))
    if used - {"${datasource}", dashboard.get("uid")}:
        bad.append(f"names a data source: {sorted(used)}")
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(set(ids)) != len(ids):
        bad.append("panel ids repeat")
    return bad + _overlaps(dashboard["panels"])


def _overlaps(panels):
    bad, taken = [], {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            bad.append(f"{panel['title']}: beyond the grid")
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    bad.append(f"{panel['title']} covers {taken[x, y]}")
                    return bad
                taken[x, y] = panel["title"]
    return bad


def panel_form(panel):
    """Of one panel: unit, title, description, queries."""
    name, bad = panel.get("title") or f"panel {panel['id']}", []
    if not panel.get("title"):
        bad.append(f"{name}: no title")
    if not panel["fieldConfig"]["defaults"].get("unit"):
        bad.append(f"{name}: no unit")
    if not re.search(r"\w.* Good: \w", panel.get("description", "")):
        bad.append(f"{name}: the description must say what good looks like")
    if not panel["targets"]:
        bad.append(f"{name}: no query")
    refs = [target["refId"] for target in panel["targets"]]
    if len(set(refs)) != len(refs):
        bad.append(f"{name}: refIds repeat")
    for target in panel["targets"]:
        bad += [f"{name}: {complaint}"
                for complaint in query_form(target["expr"])]
    return bad


def query_form(expr):
    """Of one query: one run, counters under a rate, Grafana's interval."""
    bad = []
    for selector in promql.selectors(expr):
        if 'run="$run"' not in selector:
            bad.append(f"{selector} is not of one run")
        metric = selector.split("{")[0]
        if not COUNTERS.match(metric):
            continue
        ranges = re.findall(rf"{re.escape(selector)}\[([^\]]*)\]", expr)
        if not ranges:
            bad.append(f"{metric} is a counter: use rate or increase")
        for window in ranges:
            if window not in ("$__rate_interval", "5m", "15m", "1h"):
                bad.append(f"{metric}[{window}]: use $__rate_interval")
    return bad


def unknown_metrics(expr, known):
    return [f"{metric} does not exist"
            for metric in sorted(promql.metrics(expr) - known)]


def known_metrics(rules):
    """What queries may read: exported, foreign and recorded series."""
    recorded = {rule["record"] for rule in rules if "record" in rule}
    return promql.exported() | promql.FOREIGN | recorded


def unused_rules(rules, dashboards):
    """Recorded series that neither a panel nor a rule reads."""
    read = set()
    for dashboard in dashboards:
        for _, expr in promql.queries(dashboard):
            read |= promql.metrics(expr)
    for rule in rules:
        read |= promql.metrics(rule["expr"])
    return [f"{rule['record']} is not used" for rule in rules
            if "record" in rule and rule["record"] not in read]


def alert_form(rule, readme):
    """Of one alert: severity, words for people, a place in the README."""
    name, bad = rule["alert"], []
    if rule.get("labels", {}).get("severity") not in ("critical", "warning",
                                                      "info"):
        bad.append(f"{name}: severity must be critical, warning or info")
    for key in ("summary", "description"):
        if not rule.get("annotations", {}).get(key):
            bad.append(f"{name}: no {key}")
    if f"`{name}`" not in readme:
        bad.append(f"{name}: deploy/README.md does not say what to do")
    return bad


def untested_alerts(rules, tests):
    """Every alert needs a test that fires and one that is silent."""
    fires, silent = set(), set()
    for test in tests:
        for query in test.get("promql_expr_test", []):
            for name in re.findall(r'alertname="(\w+)"', query["expr"]):
                (fires if query["exp_samples"] else silent).add(name)
    return [f"{rule['alert']} has no test that {what}"
            for rule in rules if "alert" in rule
            for what, tested in (("fires", fires), ("is silent", silent))
            if rule["alert"] not in tested]
