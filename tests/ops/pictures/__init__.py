"""Pictures of the dashboards for the README: `python -m tests.ops.pictures`.

No Grafana is to be had where they are made, so a page draws the panels: it takes them from the dashboards' JSON, and
what they show from a real Prometheus that scrapes the demo. uPlot, which Grafana draws its time series with, draws
these too.
"""
