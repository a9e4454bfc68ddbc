"""Home batteries: state of charge, power limits, and what they do hour by hour.

Generator convention: positive power is produced (discharging). Over a step the stored energy falls by
``power * seconds / efficiency_discharge`` when discharging and rises by
``-power * seconds * efficiency_charge`` when charging; power is the mean over the step, cut where the
battery is full or at its reserve, so energy balances exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cosim.devices import battery_kernels as kernels

if TYPE_CHECKING:
    from cosim.demand.calendar import Calendar
    from cosim.devices.periods import Periods
    from cosim.entries import BatteryEntry

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Mode = Literal["self-consumption", "backup", "tariff", "export", "dispatch"]
MODES: tuple[Mode, ...] = ("self-consumption", "backup", "tariff", "export", "dispatch")
TIMED = ("tariff", "export", "dispatch")


@dataclass(frozen=True)
class Order:
    """A call for power from `start_us` to `end_us` [us of the scenario]: positive to give, negative to take [W]."""

    start_us: int
    end_us: int
    power_w: float


@dataclass(frozen=True, eq=False)
class Usage:
    """What a battery is for.

    Parameters
    ----------
    mode
        ``"self-consumption"``: charge from the home's surplus, serve its net load down to the reserve.
        ``"backup"``: charge from surplus and grid, stay full while the grid is there.
        ``"tariff"``: fill up in the cheapest hours of a day, serve the home in the dearest, take the surplus always.
        ``"export"``: give all it can in a window, down to the reserve; fill up outside it, in the cheapest hours of
        `periods` if they are given.
        ``"dispatch"``: follow `orders`; between them as ``"tariff"`` if `periods` are given, else as
        ``"self-consumption"``.
    periods
        Price ranks.
    window
        Rank 0 inside the window of ``"export"``.
    orders
        In any order, none over another.
    calendar
        Needed by all but the first two modes.
    """

    mode: Mode = "self-consumption"
    periods: Periods | None = None
    window: Periods | None = None
    orders: tuple[Order, ...] = ()
    calendar: Calendar | None = None

    def __post_init__(self) -> None:
        wrong = []
        if self.mode not in MODES:
            wrong.append(f"mode must be one of {', '.join(MODES)}")
        if self.mode in ("tariff", "export") and self.calendar is None:
            wrong.append(f"mode {self.mode!r} needs a calendar")
        if self.mode == "tariff" and self.periods is None:
            wrong.append("mode 'tariff' needs periods")
        if self.mode == "export" and self.window is None:
            wrong.append("mode 'export' needs a window")
        if any(order.end_us <= order.start_us for order in self.orders):
            wrong.append("orders must end after they begin")
        if wrong:
            raise ValueError("; ".join(wrong))

    def actions(self, start_us: Int) -> tuple[Int, Float]:
        """(steps,) what to do in steps that begin at `start_us`, and the power asked for [W]."""
        action, asked = self._between(start_us), np.zeros(len(start_us))
        if self.mode == "export":
            assert self.window is not None
            assert self.calendar is not None
            inside = self.window.at(self.calendar, start_us)[0] == 0
            action[inside], asked[inside] = kernels.GIVE, np.inf
        for order in self.orders if self.mode == "dispatch" else ():
            inside = (start_us >= order.start_us) & (start_us < order.end_us)
            action[inside] = kernels.GIVE if order.power_w >= 0.0 else kernels.TAKE
            asked[inside] = abs(order.power_w)
        return action, asked

    def _between(self, start_us: Int) -> Int:
        """What to do where nothing is asked for."""
        always = {"self-consumption": kernels.SERVE, "backup": kernels.FILL, "export": kernels.FILL}
        plain = np.full(len(start_us), always.get(self.mode, kernels.SERVE))
        if self.mode not in TIMED or self.periods is None:
            return plain
        assert self.calendar is not None
        rank, top = self.periods.at(self.calendar, start_us)
        dear = kernels.HOLD if self.mode == "export" else kernels.SERVE
        action = np.where(rank == 0, kernels.FILL, np.where(rank == top, dear, kernels.HOLD))
        return np.where(top == 0, plain, action)


@dataclass(frozen=True)
class BatteryBlock:
    """A block of steps.

    Parameters
    ----------
    power_w
        (k, steps) mean power at the terminals, positive discharging [W].
    charge_j
        (k, steps) stored energy at the end of each step [J].
    """

    power_w: Float
    charge_j: Float


@dataclass(frozen=True, eq=False)
class BatteryFleet:
    """Batteries side by side; the object holds no state: stored energy goes in and comes out.

    Parameters
    ----------
    capacity_j
        (k,) usable energy [J].
    charge_w, discharge_w
        (k,) limits at the terminals [W].
    charge_efficiency, discharge_efficiency
        (k,) one way, above 0 and at most 1.
    reserve
        (k,) share of the capacity that is left for an outage.
    usage
        (k,) what each is for; a mode's name alone stands for a usage of that mode.
    grid_charge_w
        (k,) power that it takes from the grid where it fills up [W].
    initial_soc
        (k,) stored share at the start.
    standby_w
        (k,) what the stored energy loses all the time [W]; none if not given.

    Raises
    ------
    ValueError
        If a value is impossible; names all of them.
    """

    capacity_j: Float
    charge_w: Float
    discharge_w: Float
    charge_efficiency: Float
    discharge_efficiency: Float
    reserve: Float
    usage: Sequence[Usage | Mode]
    grid_charge_w: Float
    initial_soc: Float
    standby_w: Float | None = None

    def __post_init__(self) -> None:
        count = len(self.capacity_j)
        bounds = {
            "capacity_j": (0.0, np.inf),
            "charge_w": (0.0, np.inf),
            "discharge_w": (0.0, np.inf),
            "charge_efficiency": (1e-6, 1.0),
            "discharge_efficiency": (1e-6, 1.0),
            "reserve": (0.0, 1.0),
            "grid_charge_w": (0.0, np.inf),
            "initial_soc": (0.0, 1.0),
            "standby_w": (0.0, np.inf),
        }
        wrong = []
        for name, (low, high) in bounds.items():
            values: Float | None = getattr(self, name)
            if values is not None and not (
                values.shape == (count,) and np.all((values >= low) & (values <= high))
            ):
                wrong.append(f"{name} must hold {count} numbers between {low:g} and {high:g}")
        named = [usage.mode if isinstance(usage, Usage) else usage for usage in self.usage]
        if len(named) != count or any(mode not in MODES for mode in named):
            wrong.append(f"usage must name {count} of {', '.join(MODES)}")
        if wrong:
            raise ValueError("; ".join(wrong))

    def __len__(self) -> int:
        return len(self.capacity_j)

    @classmethod
    def from_entries(
        cls,
        entries: Sequence[BatteryEntry],
        *,
        usage: Sequence[Usage | Mode] | Mode = "self-consumption",
        reserve: float | Float = 0.2,
        initial_soc: float | Float = 0.5,
        grid_charge_w: float | Float = 0.0,
    ) -> BatteryFleet:
        """Fleet of library entries; usable energy is what lies between an entry's soc_min and soc_max.

        `usage`, `reserve`, `initial_soc` and `grid_charge_w` are of all batteries or of each.
        """

        def column(values: list[float]) -> Float:
            return np.array(values, dtype=np.float64)

        count = len(entries)
        return cls(
            capacity_j=column(
                [e.capacity_kwh.value * (e.soc_max.value - e.soc_min.value) * 3.6e6 for e in entries]
            ),
            charge_w=column([e.charge_kw.value * 1e3 for e in entries]),
            discharge_w=column([e.discharge_kw.value * 1e3 for e in entries]),
            charge_efficiency=column([e.efficiency_charge.value for e in entries]),
            discharge_efficiency=column([e.efficiency_discharge.value for e in entries]),
            reserve=np.full(count, reserve),
            usage=[usage] * count if isinstance(usage, str) else usage,
            grid_charge_w=np.full(count, grid_charge_w),
            initial_soc=np.full(count, initial_soc),
            standby_w=column([0.0 if e.standby_w is None else e.standby_w.value for e in entries]),
        )

    @cached_property
    def _usages(self) -> tuple[list[Usage], Int]:
        """Distinct usages, and the one of each battery."""
        distinct: dict[int | str, int] = {}
        found: list[Usage] = []
        rows = []
        for usage in self.usage:
            key = usage if isinstance(usage, str) else id(usage)
            if key not in distinct:
                distinct[key] = len(found)
                found.append(Usage(usage) if isinstance(usage, str) else usage)
            rows.append(distinct[key])
        return found, np.array(rows, dtype=np.int64)

    @property
    def timed(self) -> bool:
        """Whether what the batteries do depends on the clock."""
        return any(usage.mode in TIMED for usage in self._usages[0])

    def initial(self) -> Float:
        """Stored energy at the start (k,) [J]."""
        charge: Float = self.initial_soc * self.capacity_j
        return charge

    def soc(self, charge_j: Float) -> Float:
        """Stored share of (k,) or (k, steps) energies."""
        capacity = self.capacity_j if charge_j.ndim == 1 else self.capacity_j[:, None]
        share: Float = charge_j / capacity
        return share

    def advance(
        self,
        charge_j: Float,
        net_w: Float,
        seconds: Float,
        running: Bool | None = None,
        *,
        start_us: Int | None = None,
        grid_limit_w: Float | None = None,
        alone: Bool | None = None,
        parallel: bool = True,
    ) -> BatteryBlock:
        """Move the fleet over a block of steps.

        Parameters
        ----------
        charge_j
            (k,) stored energy at the start [J].
        net_w
            (k, steps) net power of the rest of each home, load convention: negative is PV surplus [W].
        seconds
            (steps,) length of each step [s].
        running
            (k,) whether the battery may work; one that may not keeps its energy. All if not given.
        start_us
            (steps,) starts of the steps [us of the scenario]; needed if `timed`.
        grid_limit_w
            (k, steps) most that the service leaves for charging from the grid [W]; no limit if not given.
        alone
            (k,) whether the battery holds its home up without a grid: it serves it down to nothing. None if not given.
        parallel
            Whether to use threads.
        """
        count, steps = net_w.shape
        limit = np.full((count, 1), np.inf) if grid_limit_w is None else np.ascontiguousarray(grid_limit_w)
        fits = grid_limit_w is None or limit.shape == (count, steps)
        if charge_j.shape != (count,) or len(self) != count or seconds.shape != (steps,) or not fits:
            raise ValueError(
                f"{len(self)} batteries need charge_j ({len(self)},), net_w ({len(self)}, steps) and seconds "
                f"(steps,), got {charge_j.shape}, {net_w.shape}, {seconds.shape}"
            )
        if start_us is None and self.timed:
            raise ValueError("these batteries go by the clock: start_us is needed")
        usages, usage = self._usages
        told = [
            found.actions(np.zeros(steps, np.int64) if start_us is None else start_us) for found in usages
        ]
        power_w, out_j = np.empty((count, steps)), np.empty((count, steps))
        run: Callable[..., None] = kernels.advance_parallel if parallel else kernels.advance_serial
        run(
            charge_j,
            np.ascontiguousarray(net_w),
            seconds,
            np.ones(count, dtype=np.bool_) if running is None else running,
            np.zeros(count, dtype=np.bool_) if alone is None else alone,
            usage,
            np.array([action for action, _ in told], dtype=np.int64).reshape(len(told), steps),
            np.array([asked for _, asked in told], dtype=np.float64).reshape(len(told), steps),
            np.stack([self.reserve * self.capacity_j, self.capacity_j], axis=1),
            np.stack([self.charge_w, self.discharge_w], axis=1),
            np.stack([self.charge_efficiency, self.discharge_efficiency], axis=1),
            self.grid_charge_w,
            limit,
            np.zeros(count) if self.standby_w is None else self.standby_w,
            power_w,
            out_j,
        )
        return BatteryBlock(power_w, out_j)
