"""The deciding room: event and alert types, order facts, rule kinds and packs.

Nothing here touches the outside: no sockets, no files, no wall clock. Time comes in as an argument,
always as epoch milliseconds (`_ms`), and everything that leaves is returned.
"""
