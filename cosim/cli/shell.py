"""What every command shares: errors as one message and an exit code, JSON, progress on a terminal."""

from __future__ import annotations

import _thread
import json
import math
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import typer
import typer.core

from cosim.errors import CosimError, InputError, InterruptedRun, InterruptedSweep, LibraryError, Problem

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MOST_SEED, MOST_YEARS = 2**63 - 1, 1_000_000
BAD_INPUT, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143  # the last two: 128 + the signal


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does but for the exit code."""


def obey_signals() -> None:
    """Let SIGTERM, from a job scheduler, end the command as Ctrl-C does, and let neither be lost."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    def once_more(lost: sys.UnraisableHookArgs) -> None:
        # A signal that falls into a finaliser or a weak reference's callback is dropped by Python.
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        number = signal.SIGTERM if lost.exc_type is Terminated else signal.SIGINT
        threading.Timer(0.02, _thread.interrupt_main, (number,)).start()

    signal.signal(signal.SIGTERM, stop)
    sys.unraisablehook = once_more


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
        except (InterruptedRun, InterruptedSweep) as error:
            _fail(str(error), _signalled(error))
        except CosimError as error:
            _fail(f"error: {error}", FAILED)
        except KeyboardInterrupt as error:
            _fail("interrupted", _signalled(error))
        except (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            if error.filename is None:
                raise
            _fail(f"error: {error.filename}: {(error.strerror or 'cannot be used').lower()}", BAD_INPUT)


def _signalled(error: BaseException | None) -> int:
    """Exit code of an interruption: by the signal that it came from."""
    while error is not None:
        if isinstance(error, Terminated):
            return TERMINATED
        error = error.__context__
    return INTERRUPTED


def _fail(message: str, code: int) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def wrong_entries(*named: tuple[str, str]) -> list[Problem]:
    """What is wrong with entries of the library, each a kind and a name."""
    from cosim import library

    found: list[Problem] = []
    for kind, name in dict.fromkeys(named):
        try:
            library.load(kind, name)
        except LibraryError as error:
            found += error.problems
    return found


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
