"""What the benchmarks beside the job's share: the cores they use, and sizes on the command line."""

import os


def cores() -> tuple[int, set[int]]:
    """The first core, which the system under test has to itself, and the last one, of broker and harness, which this
    process is put on."""
    mine = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {mine[-1]})
    return mine[0], {mine[-1]}


def others_than(taken: set[int]) -> list[int]:
    """The machine's cores without those `taken`; all of them where that leaves none."""
    every = set(range(os.cpu_count() or 1))
    return sorted(every - taken or every)


def sizes(text: str) -> tuple[int, ...]:
    """`10000,1000000`; nothing is none."""
    return tuple(int(each) for each in text.split(",") if each)
