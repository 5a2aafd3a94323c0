"""What `shipclock replay` printed, as tests read it."""

import json
from typing import Any

from click.testing import Result


def alerts(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def changes(result: Result) -> list[tuple[str, str, str]]:
    """Time, change and stage of each alert record."""
    return [(alert["time"], alert["type"], alert["data"]["stage"]) for alert in alerts(result)]
