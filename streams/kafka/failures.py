"""What ends the worker."""


class PlainError(RuntimeError):
    """Ends the worker with its text as the one line to read: it says where, why and what to do, so a traceback would
    add nothing."""
