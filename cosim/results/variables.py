"""What a dataset and a group of a result file are, and the limits that several of them name."""

from __future__ import annotations

from dataclasses import dataclass, replace

NO_TIME = -1
STATISTICS = ("min", "mean", "max")
PHASES = ("a", "b", "c")  # conductors 1, 2 and 3 of the source

# Rises over local air that a meter socket adapter may reach at its rated current, by UL 414.
JAW_LIMIT_K = 65.0
BUS_BAR_LIMIT_K = 65.0
FACTORY_TERMINAL_LIMIT_K = 60.0
FIELD_TERMINAL_LIMIT_K = 55.0

# Service voltage range A of ANSI C84.1, as a share of nominal.
ANSI_LOW_PU = 0.95
ANSI_HIGH_PU = 1.05
# And range B, in which voltages may stand for a limited time.
ANSI_B_LOW_PU = 110.0 / 120.0
ANSI_B_HIGH_PU = 127.0 / 120.0

# Indoors: least air that the WHO Housing and health guidelines (2018) ask for in cold seasons, most that the City of
# Phoenix lets rented rooms with air conditioning have (Code 39-5), and water that a shower can be mixed from.
ROOM_LOW_C = 18.0
ROOM_HIGH_C = 27.8
WATER_LOW_C = 40.0

TIME_UNITS = "microseconds since {start}"


@dataclass(frozen=True)
class Variable:
    """One dataset.

    Attributes
    ----------
    name
        Name in its group; carries the unit where the unit is not plain.
    dims
        Names of its dimensions, slowest first; () for a single number.
    dtype
        "f4", "f8", "i8", "i4", "i1" or "str" (variable-length UTF-8).
    units
        CF unit, "1" for a share; `TIME_UNITS` for a time; "" for names and flags.
    long_name
        What it is, in words.
    sign
        Which direction counts positive, where that is not plain.
    step
        Quantisation step, a power of two, used when a run asks for a smaller file; 0 for none.
    limit
        Largest permitted value, NaN if there is none.
    flags
        Meaning of 0, 1, 2 .. for flag variables.
    energised
        Statistics leave out zeros: a dead node has exactly 0 V, and an outage is no low voltage.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str
    units: str
    long_name: str
    sign: str = ""
    step: float = 0.0
    limit: float = float("nan")
    flags: tuple[str, ...] = ()
    energised: bool = False


@dataclass(frozen=True)
class Group:
    """A group of datasets: `path` in the file, what it holds, and its variables."""

    path: str
    about: str
    variables: tuple[Variable, ...]

    def names(self) -> tuple[str, ...]:
        """Names of its variables, in file order."""
        return tuple(v.name for v in self.variables)


def of_home(name: str, dtype: str, units: str, long_name: str, **more: object) -> Variable:
    """A value a home."""
    return replace(Variable(name, ("home",), dtype, units, long_name), **more)  # type: ignore[arg-type]
