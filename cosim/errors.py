"""Every error that cosim raises on purpose.

CosimError
├── InputError              something a person wrote is wrong; the command exits with 2
│   ├── ScenarioError       a scenario file, an override, a population table
│   ├── LibraryError        an entry of models/
│   ├── FeederError         a feeder file or table, an OpenDSS master, a pandapower net
│   ├── ResultsError        a result file of another kind or version, or not whole
│   ├── SweepError          a variation, a slice, a scheduler that does not answer
│   └── MissingExtraError   an optional package that the request needs
├── ConvergenceError        a power flow that was asked for once and did not settle
├── InterruptedRun          a run stopped by the user; names the partial file
└── InterruptedSweep        a sweep stopped by the user; its finished cases are kept

Errors are rebuilt from their positional arguments when they cross a process
border (SimPy and pickle both call ``type(e)(*e.args)``), so every constructor
takes what it needs by position and the sentence is made in ``__str__``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it stands, and what would be right.

    Parameters
    ----------
    message
        What is wrong and what would be right, as a sentence.
    file
        File the value came from; empty if it came from a call or a flag.
    key
        Dotted key or table cell, such as ``homes.solar.share``.
    value
        The offending value as written, if it helps.
    line
        One-based line in `file`, 0 if unknown.
    """

    message: str
    file: str = ""
    key: str = ""
    value: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        given = f" (got {self.value})" if self.value else ""
        head = ": ".join(part for part in (place, self.key) if part)
        return f"{head}: {self.message}{given}" if head else f"{self.message}{given}"


class CosimError(Exception):
    """Base of all errors raised by cosim."""


class InputError(CosimError):
    """Input that cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: Problem | str | Iterable[Problem | str]) -> None:
        if isinstance(problems, Problem | str):
            problems = (problems,)
        self.problems: tuple[Problem, ...] = tuple(
            p if isinstance(p, Problem) else Problem(p) for p in problems
        )
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ScenarioError(InputError):
    """A scenario, an override or a population table cannot be used."""


class LibraryError(InputError):
    """An entry of the models library is missing or malformed."""


class FeederError(InputError):
    """A feeder cannot be read, built or solved as given."""


class ResultsError(InputError):
    """A result file is of another kind or version, or is not whole."""


class SweepError(InputError):
    """A sweep cannot be started as asked."""


class MissingExtraError(InputError):
    """An optional package is needed and not installed."""


class ConvergenceError(CosimError):
    """A power flow did not settle.

    Parameters
    ----------
    what
        What was being solved.
    residual_pu
        Largest voltage change of the last iteration.
    """

    def __init__(self, what: str, residual_pu: float) -> None:
        self.what = what
        self.residual_pu = residual_pu
        super().__init__(what, residual_pu)

    def __str__(self) -> str:
        return f"{self.what} did not converge: last change {self.residual_pu:.3g} pu"


class InterruptedRun(CosimError):  # noqa: N818 (a person stopped it: no error)
    """The user stopped a run; what was done stands in `partial`, and `resumable` says whether it can go on."""

    def __init__(self, partial: Path, resumable: bool = False) -> None:
        self.partial = Path(partial)
        self.resumable = resumable
        super().__init__(partial, resumable)

    def __str__(self) -> str:
        more = "; give the command again with --resume to go on" if self.resumable else ""
        return f"interrupted; what was done is in {self.partial}{more}"


class InterruptedSweep(CosimError):  # noqa: N818 (a person stopped it: no error)
    """The user stopped a sweep; `done` of its `cases` are finished and stay."""

    def __init__(self, done: int, cases: int) -> None:
        self.done = done
        self.cases = cases
        super().__init__(done, cases)

    def __str__(self) -> str:
        return (
            f"interrupted; {self.done} of {self.cases} cases are done: give the command again for the others"
        )
