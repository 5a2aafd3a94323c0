"""Weeks from Monday to Sunday, named as ISO 8601 does: `2026-W48`."""

import re
from datetime import date, timedelta
from typing import NamedTuple, Self

_NAME = re.compile(r"(\d{4})-W(\d\d)")


class Week(NamedTuple):
    """A week by its Monday; its days are local days of each shop."""

    monday: date

    @classmethod
    def named(cls, name: str) -> Self:
        """Raises ValueError for what names no week."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is no week like 2026-W48")
        try:
            return cls(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        except ValueError:
            raise ValueError(f"there is no week {name}") from None

    @classmethod
    def before(cls, day: date) -> Self:
        """The newest week that was over when a day began."""
        return cls(day - timedelta(days=day.weekday() + 7))

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    def has(self, day: str) -> bool:
        """Whether an ISO date lies in it."""
        return self.monday.isoformat() <= day <= self.sunday.isoformat()

    def __str__(self) -> str:
        year, week, _ = self.monday.isocalendar()
        return f"{year}-W{week:02}"
