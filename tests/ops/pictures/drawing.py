"""What a panel shows, made of its JSON and Prometheus's answers: plain enough for the page to draw it."""

import math
import re
from typing import Any

from tests.ops.dashboards import Panel

Answers = list[list[dict[str, Any]]]


def drawn(panel: Panel, answers: Answers) -> dict[str, Any]:
    json = panel.json
    defaults = json.get("fieldConfig", {}).get("defaults", {})
    shown = {
        "title": json["title"],
        "type": json["type"],
        "place": json["gridPos"],
        "unit": defaults.get("unit", "short"),
        "steps": defaults.get("thresholds", {}).get("steps", []),
        "stacked": defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal",
    }
    if json["type"] == "table":
        return shown | {"table": _table(json, answers)}
    return shown | {"series": _series(json, answers)}


def _series(json: Any, answers: Answers) -> list[dict[str, Any]]:
    found = []
    for target, answer in zip(json["targets"], answers, strict=True):
        for each in answer:
            name = re.sub(
                r"{{\s*(\w+)\s*}}", lambda label, each=each: each["metric"].get(label[1], ""), target["legendFormat"]
            )
            samples = each.get("values") or [each["value"]]
            points = [[float(at_s), _number(value)] for at_s, value in samples]
            found.append({"name": name.strip(), "points": points})
    return sorted(found, key=lambda each: each["points"][-1][1] or 0, reverse=json["type"] == "bargauge")


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _table(json: Any, answers: Answers) -> dict[str, Any]:
    """Merged by labels and arranged, as the panel's two transformations say."""
    arranged = json["transformations"][1]["options"]
    order, names = arranged["indexByName"], arranged["renameByName"]
    rows: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for target, answer in zip(json["targets"], answers, strict=True):
        for each in answer:
            row = rows.setdefault(tuple(sorted(each["metric"].items())), dict(each["metric"]))
            row[f"Value #{target['refId']}"] = _number(each["value"][1])
    fields = sorted(order, key=order.__getitem__)
    table = [[row.get(field) for field in fields] for row in rows.values()]
    heads = [names[field] for field in fields]
    for by in reversed(json.get("options", {}).get("sortBy", [])):
        column = heads.index(by["displayName"])
        table.sort(key=lambda row, column=column: row[column] or 0, reverse=by["desc"])
    return {"heads": heads, "rows": table}
