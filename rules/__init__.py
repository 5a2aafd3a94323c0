"""The rules: events and alerts, facts, rule kinds and packs, and the engine that evaluates them.

Nothing here touches the outside: no sockets, no files, no wall clock. Time comes in as an argument, always as epoch
milliseconds (`_ms`), and everything that leaves is returned.
"""
