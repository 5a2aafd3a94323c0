"""The weekly report: what a shop lost, avoided and stands at, from alerts and daily values."""
