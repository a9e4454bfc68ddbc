"""Home batteries: state of charge, power limits, self-consumption and backup.

Generator convention: positive power is produced (discharging). Over a step the stored energy falls by
``power * seconds / efficiency_discharge`` when discharging and rises by
``-power * seconds * efficiency_charge`` when charging; power is the mean over the step, cut where the
battery is full or at its reserve, so energy balances exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cosim.devices import battery_kernels as kernels

if TYPE_CHECKING:
    from cosim.entries import BatteryEntry

Float = NDArray[np.float64]
Mode = Literal["self-consumption", "backup"]

MODES: dict[Mode, int] = {"self-consumption": kernels.SELF_CONSUMPTION, "backup": kernels.BACKUP}


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
        (k,) share of the capacity that self-consumption leaves for an outage.
    mode
        (k,) ``"self-consumption"``: charge from the home's surplus, serve its net load down to the reserve;
        ``"backup"``: charge from surplus and from the grid, stay full while the grid is there.
    grid_charge_w
        (k,) power that backup mode takes from the grid while not full [W].
    initial_soc
        (k,) stored share at the start.

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
    mode: Sequence[Mode]
    grid_charge_w: Float
    initial_soc: Float

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
        }
        wrong = []
        for name, (low, high) in bounds.items():
            values: Float = getattr(self, name)
            if values.shape != (count,) or not np.all((values >= low) & (values <= high)):
                wrong.append(f"{name} must hold {count} numbers between {low:g} and {high:g}")
        if len(self.mode) != count or any(mode not in MODES for mode in self.mode):
            wrong.append(f"mode must name {count} of {', '.join(MODES)}")
        if wrong:
            raise ValueError("; ".join(wrong))

    def __len__(self) -> int:
        return len(self.capacity_j)

    @classmethod
    def from_entries(
        cls,
        entries: Sequence[BatteryEntry],
        *,
        mode: Mode = "self-consumption",
        reserve: float = 0.2,
        initial_soc: float = 0.5,
        grid_charge_w: float = 0.0,
    ) -> BatteryFleet:
        """Fleet of library entries; usable energy is what lies between an entry's soc_min and soc_max."""

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
            mode=[mode] * count,
            grid_charge_w=np.full(count, grid_charge_w),
            initial_soc=np.full(count, initial_soc),
        )

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
        running: NDArray[np.bool_] | None = None,
        *,
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
        parallel
            Whether to use threads.
        """
        count, steps = net_w.shape
        if charge_j.shape != (count,) or len(self) != count or seconds.shape != (steps,):
            raise ValueError(
                f"{len(self)} batteries need charge_j ({len(self)},), net_w ({len(self)}, steps) and seconds "
                f"(steps,), got {charge_j.shape}, {net_w.shape}, {seconds.shape}"
            )
        power_w, out_j = np.empty((count, steps)), np.empty((count, steps))
        run: Callable[..., None] = kernels.advance_parallel if parallel else kernels.advance_serial
        run(
            charge_j,
            np.ascontiguousarray(net_w),
            seconds,
            np.ones(count, dtype=np.bool_) if running is None else running,
            np.array([MODES[mode] for mode in self.mode], dtype=np.int64),
            np.stack([self.reserve * self.capacity_j, self.capacity_j], axis=1),
            np.stack([self.charge_w, self.discharge_w], axis=1),
            np.stack([self.charge_efficiency, self.discharge_efficiency], axis=1),
            self.grid_charge_w,
            power_w,
            out_j,
        )
        return BatteryBlock(power_w, out_j)
