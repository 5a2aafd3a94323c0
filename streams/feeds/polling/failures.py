"""The ways a call can fail. None of the texts holds a secret."""


class Refused(Exception):
    """The platform refuses this call."""


class Unavailable(Exception):
    """The platform didn't answer, or asked to slow down, as often as it was asked."""


class QuotaSpent(Exception):
    """No more calls are answered before `until_ms`."""

    def __init__(self, until_ms: int) -> None:
        super().__init__("the day's calls are used up")
        self.until_ms = until_ms
