"""Typed dashboards, panels and queries, and their JSON for Grafana 11.

A dashboard is rows of panels. A panel cannot be made without a unit and a
description that says what good looks like; ids and places follow from the
order of the list, so a change of one panel changes little of the JSON.
"""
import dataclasses
import json

SCHEMA_VERSION = 39
GRID_WIDTH = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Label matchers of one run's processes; the scrape configuration sets both.
LEARNER = 'job="kmyriad-learner",run="$run"'
ENTROPY = 'job="kmyriad-entropy",run="$run"'
ACTOR = 'job="kmyriad-actor",run="$run",instance=~"$actor"'
RUN = 'run="$run"'


@dataclasses.dataclass(frozen=True)
class Query:
    """One PromQL expression. `legend` names its series, `instant` asks for
    the newest value alone, `form` is time_series, table or heatmap."""
    expr: str
    legend: str = ""
    instant: bool = False
    form: str = "time_series"

    def to_json(self, ref):
        return {
            "datasource": DATASOURCE, "refId": ref, "expr": self.expr,
            "legendFormat": self.legend, "format": self.form,
            "instant": self.instant, "range": not self.instant,
            "editorMode": "code"}


@dataclasses.dataclass(frozen=True)
class Panel:
    """What all panels have. `good` says what good looks like; `steps` are
    (lower limit, colour), lowest first, with None as the lowest limit."""
    title: str
    unit: str
    about: str
    good: str
    queries: tuple
    width: int = 8
    height: int = 8
    steps: tuple = ((None, "green"),)
    lowest: float | None = None
    highest: float | None = None
    decimals: int | None = None

    kind = ""

    def options(self):
        raise NotImplementedError

    def custom(self):
        return {}

    def mappings(self):
        return []

    def transformations(self):
        return []

    def overrides(self):
        return []

    def to_json(self, number, x, y):
        defaults = {
            "unit": self.unit, "mappings": self.mappings(),
            "thresholds": {"mode": "absolute", "steps": [
                {"value": value, "color": color}
                for value, color in self.steps]}}
        if self.custom():
            defaults["custom"] = self.custom()
        for key, value in (("min", self.lowest), ("max", self.highest),
                           ("decimals", self.decimals)):
            if value is not None:
                defaults[key] = value
        panel = {
            "id": number, "type": self.kind, "title": self.title,
            "description": f"{self.about} Good: {self.good}",
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [query.to_json(chr(ord("A") + index))
                        for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": defaults,
                            "overrides": self.overrides()},
            "options": self.options()}
        if self.transformations():
            panel["transformations"] = self.transformations()
        return panel


@dataclasses.dataclass(frozen=True)
class TimeSeries(Panel):
    """Curves over time; `stack` piles them up, `log` has a scale of powers
    of ten."""
    stack: bool = False
    log: bool = False

    kind = "timeseries"

    def custom(self):
        scale = ({"type": "log", "log": 10} if self.log
                 else {"type": "linear"})
        return {"lineWidth": 1, "fillOpacity": 20 if self.stack else 5,
                "showPoints": "never", "spanNulls": False,
                "stacking": {"mode": "normal" if self.stack else "none",
                             "group": "A"},
                "scaleDistribution": scale}

    def options(self):
        return {"legend": {"displayMode": "table", "placement": "bottom",
                           "showLegend": True, "calcs": ["lastNotNull"]},
                "tooltip": {"mode": "multi", "sort": "desc"}}


@dataclasses.dataclass(frozen=True)
class Stat(Panel):
    """One large number per series; `text` shows the series' name instead."""
    text: str = "value"
    width: int = 4
    height: int = 4

    kind = "stat"

    def options(self):
        return {"colorMode": "value", "graphMode": "none",
                "justifyMode": "center", "orientation": "auto",
                "textMode": self.text, "wideLayout": True,
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "",
                                  "values": False}}


@dataclasses.dataclass(frozen=True)
class Gauge(Stat):
    """A number between `lowest` and `highest`."""

    kind = "gauge"

    def options(self):
        return {"orientation": "auto", "showThresholdLabels": False,
                "showThresholdMarkers": True,
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "",
                                  "values": False}}


@dataclasses.dataclass(frozen=True)
class Table(Panel):
    """One row per value of the label `by`, one column per query. `columns`
    names the queries' values and units, in their order; `labels` keeps
    further labels as columns."""
    by: str = "instance"
    columns: tuple = ()
    labels: tuple = ()

    kind = "table"

    def options(self):
        return {"showHeader": True, "cellHeight": "sm",
                "footer": {"show": False, "reducer": ["sum"],
                           "countRows": False, "fields": ""}}

    def custom(self):
        return {"align": "auto", "cellOptions": {"type": "auto"},
                "inspect": False}

    def values(self):
        if len(self.queries) == 1:
            return ["Value"]
        return [f"Value #{chr(ord('A') + index)}"
                for index in range(len(self.queries))]

    def transformations(self):
        names = [self.by, *self.labels]
        shown = names + [value for value, (name, _) in
                         zip(self.values(), self.columns) if name]
        steps = [{"id": "merge", "options": {}}]
        steps.append({"id": "filterFieldsByName", "options": {
            "include": {"names": shown}}})
        steps.append({"id": "organize", "options": {
            "excludeByName": {},
            "indexByName": {name: index for index, name in enumerate(shown)},
            "renameByName": {value: name for value, (name, _) in
                             zip(self.values(), self.columns) if name}}})
        return steps

    def overrides(self):
        return [{"matcher": {"id": "byName", "options": name},
                 "properties": [{"id": "unit", "value": unit}]}
                for name, unit in self.columns if name]


@dataclasses.dataclass(frozen=True)
class Heatmap(Panel):
    """Buckets of a histogram over time; queries are sums by le."""

    kind = "heatmap"

    def options(self):
        return {"calculate": False, "cellGap": 1,
                "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64,
                          "exponent": 0.5, "fill": "dark-orange",
                          "reverse": False},
                "yAxis": {"axisPlacement": "left", "unit": self.unit},
                "rowsFrame": {"layout": "auto"},
                "showValue": "never", "legend": {"show": True},
                "tooltip": {"mode": "single", "yHistogram": False},
                "filterValues": {"le": 1e-9},
                "exemplars": {"color": "rgba(255,0,255,0.7)"}}


@dataclasses.dataclass(frozen=True)
class XYChart(Panel):
    """Points or lines of one quantity against another. `x` and `y` (and
    `color`, if not empty) are names of fields after the
    transformations `prepare`."""
    x: str = ""
    y: str = ""
    color: str = ""
    show: str = "points"
    shape: str = "circle"
    point: int = 5
    prepare: tuple = ()

    kind = "xychart"

    def custom(self):
        return {"show": self.show, "pointShape": self.shape,
                "pointSize": {"fixed": self.point}, "lineWidth": 2,
                "fillOpacity": 100}

    def overrides(self):
        if not self.color:
            return []
        return [{"matcher": {"id": "byName", "options": self.color},
                 "properties": [{"id": "color", "value": {
                     "mode": "continuous-YlRd"}}]}]

    def transformations(self):
        return list(self.prepare)

    def options(self):
        def named(name):
            return {"matcher": {"id": "byName", "options": name}}
        series = {"x": named(self.x), "y": named(self.y)}
        if self.color:
            series["color"] = named(self.color)
        return {"mapping": "manual", "series": [series],
                "legend": {"displayMode": "list", "placement": "bottom",
                           "showLegend": False, "calcs": []},
                "tooltip": {"mode": "single", "sort": "none"}}


@dataclasses.dataclass(frozen=True)
class Row:
    """A heading, and the panels below it, from left to right."""
    title: str
    panels: tuple


@dataclasses.dataclass(frozen=True)
class Dashboard:
    """`actors` adds a variable to choose actors with."""
    uid: str
    title: str
    about: str
    rows: tuple
    actors: bool = False

    def to_json(self):
        return {
            "uid": self.uid, "title": f"K-Myriad / {self.title}",
            "description": self.about, "tags": ["kmyriad"],
            "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": False,
            "graphTooltip": 1, "refresh": "10s", "timezone": "browser",
            "time": {"from": "now-1h", "to": "now"},
            "annotations": {"list": [_resumes()]},
            "links": [{"type": "dashboards", "title": "K-Myriad",
                       "tags": ["kmyriad"], "asDropdown": True,
                       "includeVars": True, "keepTime": True,
                       "targetBlank": False, "icon": "external link",
                       "tooltip": "", "url": ""}],
            "templating": {"list": self._variables()},
            "panels": self._panels()}

    def _variables(self):
        listed = [{"name": "datasource", "label": "Data source",
                   "type": "datasource", "query": "prometheus", "hide": 0,
                   "regex": "", "refresh": 1, "multi": False,
                   "includeAll": False},
                  _labels("run", "Run", 'label_values(kmyriad_run_info, run)',
                          False)]
        if self.actors:
            listed.append(_labels(
                "actor", "Actor", "label_values(kmyriad_actor_connected"
                '{run="$run"}, instance)', True))
        return listed

    def _panels(self):
        panels, y = [], 0
        for row in self.rows:
            panels.append({"id": len(panels) + 1, "type": "row",
                           "title": row.title, "collapsed": False,
                           "panels": [],
                           "gridPos": {"x": 0, "y": y, "w": GRID_WIDTH,
                                       "h": 1}})
            y += 1
            x, tallest = 0, 0
            for panel in row.panels:
                if x + panel.width > GRID_WIDTH:
                    x, y, tallest = 0, y + tallest, 0
                panels.append(panel.to_json(len(panels) + 1, x, y))
                x += panel.width
                tallest = max(tallest, panel.height)
            y += tallest
        return panels


def _resumes():
    return {"name": "Learner started", "enable": True, "iconColor": "blue",
            "datasource": DATASOURCE,
            "expr": "changes(process_start_time_seconds"
                    f"{{{LEARNER}}}[$__interval]) > 0",
            "titleFormat": "Learner started"}


def _labels(name, label, query, several):
    variable = {"name": name, "label": label, "type": "query", "hide": 0,
                "datasource": DATASOURCE,
                "query": {"query": query, "refId": name}, "refresh": 2,
                "regex": "", "sort": 1, "multi": several,
                "includeAll": several}
    if several:
        variable["allValue"] = ".+"
        variable["current"] = {"text": "All", "value": "$__all"}
    return variable


def rendered(dashboard):
    """The file's content."""
    return json.dumps(dashboard.to_json(), indent=2, sort_keys=True) + "\n"
