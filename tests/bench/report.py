"""The figures as a table for people and as JSON for tools."""

import os
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from statistics import median

import orjson
import psutil

from tests.bench.beside import Found
from tests.bench.measure import Figures


def show(found: list[Figures]) -> None:
    """Prints the machine, a row per run, medians, what was wrong, and how shipclock stands to the others."""
    print(f"{os.cpu_count()} cores, {_cpu_model()}; a system under test has one, the broker another\n")
    print(f"{'system':<14}{'events':>10}{'events/s':>11}{'CPU s/M':>9}{'of it start-up':>16}{'peak MB':>9}  correct")
    for figures in found:
        startup = figures.startup_cpu_s / figures.events * 1e6
        print(
            f"{figures.system:<14}{figures.events:>10,}{figures.events_s:>11,.0f}{figures.cpu_s_per_m:>9.1f}"
            f"{startup:>16.1f}{figures.peak_mb:>9.0f}  {'no' if figures.wrong else 'yes'}"
        )
    for system in dict.fromkeys(figures.system for figures in found):
        if len(runs := [figures for figures in found if figures.system == system]) > 1:
            print(f"{system}, the median of {len(runs)}: {_medians(runs)}")
    for figures in found:
        for difference in figures.wrong:
            print(f"{figures.system}: {difference}")
    for one, other in (("shipclock", "limit"), ("shipclock", "faust_stock"), ("shipclock_all", "shipclock")):
        if ratios := _ratios(found, one, other):
            spread = f" (median of {len(ratios)}: {min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
            print(f"{one} / {other}: {median(ratios):.2f}{spread}")


def _medians(runs: list[Figures]) -> str:
    rate, cpu_s, peak_mb = (
        median(getattr(figures, name) for figures in runs) for name in ("events_s", "cpu_s_per_m", "peak_mb")
    )
    return f"{rate:,.0f} events/s, {cpu_s:.1f} CPU s/M, {peak_mb:.0f} MB"


def _ratios(found: list[Figures], one: str, other: str) -> list[float]:
    """How many times the events/s of one system those of another are, each run against the other's of its turn."""
    rates = [[figures.events_s for figures in found if figures.system == name] for name in (one, other)]
    if not all(rates):
        return []
    turns = max(map(len, rates))
    return [mine / theirs for mine, theirs, _ in zip(*map(cycle, rates), range(turns), strict=False)]


def write(found: list[Figures], rule_costs: dict[str, float], beside: Found, file: Path) -> None:
    """Rates in events/s, CPU in seconds per million events, memory in MB of 10^6 bytes; what a rule costs, in
    microseconds per event; what was measured beside the job, each with its unit; what failed, and why."""
    rows = [
        {
            "system": figures.system,
            "events_s": round(figures.events_s),
            "cpu_s_per_m": round(figures.cpu_s_per_m, 2),
            "peak_mb": round(figures.peak_mb, 1),
            "correct": not figures.wrong,
        }
        for figures in found
    ]
    written = {
        "machine": {
            "cores": os.cpu_count(),
            "cpu": _cpu_model(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        },
        "systems": rows,
        "rules": {rule: round(cost, 3) for rule, cost in rule_costs.items()},
        "beside": [asdict(each) for each in beside.figures],
        "took_s": beside.took_s,
        "failed": beside.failed,
    }
    file.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2) + b"\n")


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "model unknown")
