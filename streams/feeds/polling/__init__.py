"""Polls the APIs of platforms, and registers parcels with tracking services."""
