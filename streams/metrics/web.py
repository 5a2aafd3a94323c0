"""What the web refuses, and how many connections and listeners it has."""

from typing import Final

from prometheus_client import Counter, Gauge

REASONS: Final = ("token", "connections", "listeners", "slow")
"""A wrong token; more connections than there may be (a new one refused, or an idle one closed for it); more listeners
to changes than there may be; a connection closed because its peer kept it waiting, as browsers' spare ones are, too."""

CONNECTIONS = Gauge("shipclock_web_connections", "HTTP connections that are open")
LISTENERS = Gauge("shipclock_web_listeners", "Readers of /api/events")
REFUSALS = Counter("shipclock_web_refusals", "Requests and connections turned away, by why", ["why"])

for _why in REASONS:
    REFUSALS.labels(_why)  # from 0 on, so that the first one is seen as an increase
