"""The packs a command was told to use."""

from collections.abc import Iterable

from rules.dsl.yaml_source import BadPack
from streams.commands.common import Failed
from streams.pack_files import NoSuchPack, PackFile, read_all


def named_packs(wanted: Iterable[str]) -> list[PackFile]:
    """Packs by name, file or folder; all built-in ones when none is named. Where one isn't there or is wrong, the
    command says so and ends with 2."""
    try:
        return read_all(wanted)
    except (NoSuchPack, BadPack) as error:
        raise Failed(str(error), 2) from None
