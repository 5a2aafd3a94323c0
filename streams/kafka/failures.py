"""Errors that end the worker."""


class PlainError(RuntimeError):
    """Ends the worker with its text as the only line of output: it says where, why and what to do, so a traceback would
    add nothing."""
