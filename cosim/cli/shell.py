"""What every command shares: errors as one message and an exit code, JSON, progress on a terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer
import typer.core

from cosim.errors import CosimError, InputError, InterruptedRun

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


class Commands(typer.core.TyperGroup):
    """A group that turns cosim's errors into a message on stderr and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            count = len(error.problems)
            head = "error: " if count == 1 else f"{count} problems, nothing was done:\n  "
            _fail(head + str(error).replace("\n", "\n  "), BAD_INPUT)
        except InterruptedRun as error:
            _fail(str(error), INTERRUPTED)
        except CosimError as error:
            _fail(f"error: {error}", FAILED)
        except KeyboardInterrupt:
            _fail("interrupted", INTERRUPTED)
        except (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            if error.filename is None:
                raise
            _fail(f"error: {error.filename}: {(error.strerror or 'cannot be used').lower()}", BAD_INPUT)


def _fail(message: str, code: int) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def print_json(data: Any) -> None:
    """One JSON document on stdout; numbers JSON cannot hold become null."""
    typer.echo(json.dumps(_plain(data), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """Data of Python's own types, NumPy scalars and arrays unpacked."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A plain table on stdout, columns as wide as their widest cell."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in (columns, *cells):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


class Meter:
    """Progress with rate and time left on stderr, if that is a terminal; silent otherwise.

    Call it with (done, total).
    """

    def __init__(self, what: str, unit: str, quiet: bool = False) -> None:
        self.what, self.unit = what, unit
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.shown = not quiet and sys.stderr.isatty()

    def __enter__(self) -> Meter:
        if self.shown:
            from rich import progress
            from rich.console import Console

            self.bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.TaskProgressColumn(),
                progress.TextColumn("{task.fields[rate]}"),
                progress.TimeElapsedColumn(),
                progress.TextColumn("left"),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.task = self.bar.add_task(self.what, total=None, rate="")
            self.bar.start()
        return self

    def __call__(self, done: float, total: float) -> None:
        """Show that `done` of `total` units are done."""
        if self.bar is None or self.task is None:
            return
        elapsed = self.bar.tasks[0].elapsed or 0.0
        rate = f"{done / elapsed:,.0f} {self.unit}/s" if elapsed > 0.0 else ""
        self.bar.update(self.task, completed=done, total=total, rate=rate)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
