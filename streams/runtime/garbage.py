"""Garbage collection in a worker: orders live for weeks, so collections that look at them again find nothing."""

import gc


def tame() -> None:
    """To be called once, at the start. Full collections become rare; what has been imported is never looked at."""
    gc.freeze()
    gc.set_threshold(300_000, 50, 1_000)


def set_aside() -> None:
    """Has no collection look again at what lives now, such as state just restored."""
    gc.freeze()


def free_dropped() -> None:
    """Frees partitions that were dropped. Shops and their orders refer to each other, so only a full collection does;
    it takes about a third of a second for a million orders."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
