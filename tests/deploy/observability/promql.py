"""Reads rules, dashboards and the names of metrics out of the tree.

Rules are YAML; PromQL is looked at by regular expressions, which is enough for
names and selectors: whether it parses, promtool says.
"""
import glob
import json
import os
import re

import yaml

ROOT = os.path.normpath(os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "..", "..", ".."))

# Series that Prometheus itself, the process collector or the exposer make.
FOREIGN = {
    "up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped",
    "process_cpu_seconds_total", "process_resident_memory_bytes",
    "process_open_fds", "process_start_time_seconds"}

_WORD = re.compile(r"[a-zA-Z_:][\w:]*")
_KEYWORDS = {
    "by", "without", "on", "ignoring", "group_left", "group_right", "and",
    "or", "unless", "bool", "offset", "inf", "nan"}


def load(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def dashboards():
    """Committed dashboards, by file name."""
    return {os.path.basename(path): json.loads(load(path)) for path in
            sorted(glob.glob(os.path.join(
                ROOT, "deploy/grafana/dashboards/*.json")))}


def rules():
    """Recording and alerting rules."""
    found = []
    for path in sorted(glob.glob(os.path.join(
            ROOT, "deploy/prometheus/rules/*.yml"))):
        for group in yaml.safe_load(load(path))["groups"]:
            found += group["rules"]
    return found


def rule_tests():
    """Groups of tests of all *.test.yml."""
    found = []
    for path in sorted(glob.glob(os.path.join(
            ROOT, "tests/deploy/observability/*.test.yml"))):
        found += yaml.safe_load(load(path))["tests"]
    return found


def exported():
    """Names that the C++ code registers, with those of histograms' series."""
    names = set()
    for folder in ("actor", "learner", "entropy_service", "common"):
        for path in glob.glob(os.path.join(ROOT, folder, "**", "*.cc"),
                              recursive=True):
            names |= set(re.findall(r'"((?:kmyriad|grpc)_[a-z0-9_]+)"',
                                    load(path)))
    for name in list(names):
        if not name.endswith("_total"):
            names |= {name + end for end in ("_bucket", "_sum", "_count")}
    return names


def expand(expr, run="r", interval="1m"):
    """The expression with Grafana's variables filled in."""
    for variable, value in (("$__rate_interval", interval),
                            ("$__interval", interval), ("$run", run),
                            ("$actor", ".+")):
        expr = expr.replace(variable, value)
    return expr


def metrics(expr):
    """Names of the series that an expression reads."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*"
                  r"\([^)]*\)", " ", bare)
    found = set()
    for match in _WORD.finditer(bare):
        word, rest = match.group(), bare[match.end():].lstrip()
        if (not rest.startswith("(") and word not in _KEYWORDS
                and not re.fullmatch(r"\d\w*", word)):
            found.add(word)
    return found


def selectors(expr):
    """Vector selectors with their matchers, e.g. up{job="x"}."""
    found = []
    for name in metrics(expr):
        for match in re.finditer(rf"(?<![\w:]){re.escape(name)}(?![\w:(])"
                                 r"(\{[^}]*\})?", expr):
            found.append(match.group())
    return sorted(set(found))


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard):
    """(panel title, expression) of every query of a dashboard."""
    listed = [(panel["title"], target["expr"])
              for panel in panels(dashboard) for target in panel["targets"]]
    return listed + [(note["name"], note["expr"])
                     for note in dashboard["annotations"]["list"]]
