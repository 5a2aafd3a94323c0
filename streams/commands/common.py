"""How a command ends when it can't do what was asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click
from click.exceptions import NoArgsIsHelpError

from rules.messages.text import visible


class Failed(click.ClickException):
    """One line on stderr and an exit code: 1, a check or test failed; 2, wrong use or unreadable input."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(visible(self.message, keep="\n"), file=file, err=file is None)


@contextmanager
def wrong_use_in_one_line() -> Iterator[None]:
    """click's error of four lines as a Failed of one line."""
    try:
        yield
    except NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "shipclock"
        raise Failed(f"{command}: {error.format_message()} ({command} --help says more)", 2) from None
