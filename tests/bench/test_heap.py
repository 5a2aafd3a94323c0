"""The measure of the memory in use."""

from tests.bench.heap import bytes_in_use


def test_small_and_large_objects_count_while_they_are_kept() -> None:
    before = bytes_in_use()
    small, large = [bytes([n % 256] * 100) for n in range(1_000)], bytes(10_000_000)
    kept = bytes_in_use() - before
    assert 10_100_000 < kept < 10_500_000
    del small, large
    assert bytes_in_use() - before < 100_000
