"""The dashboards, written with Grafana's own SDK. `python -m deploy.grafana.source` writes them as JSON."""
