"""Faust's tables, started without its wait for more of them."""

from faust.tables import TableManager


class Tables(TableManager):
    """Each start of a worker would take a second longer: for so long Faust lets an app add tables to those it begins
    with. This app has made all of its own before it starts."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()
