"""How a command ends when it can't do what was asked."""

from typing import IO, Any

import click


class Failed(click.ClickException):
    """One line on stderr and an exit code: 1, a check or test failed; 2, wrong use or unreadable input."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=file is None)
