"""The dashboard Feeds, asked of a real Prometheus that has scraped the demo with pushes."""

import pytest

from tests.ops.dashboards import Panel, panels
from tests.ops.support import Prometheus
from tests.ops.test_dashboards import show_something, titled


@pytest.mark.slow
@pytest.mark.parametrize("panel", [each for each in panels() if each.board == "feeds"], ids=titled)
def test_every_panel_has_something_to_show(scraped_feeds: Prometheus, panel: Panel) -> None:
    show_something(panel, scraped_feeds)
