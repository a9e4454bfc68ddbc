"""What inverters do for the grid: settings of their voltage functions, and when they may produce at all.

The default curves are those of IEEE 1547-2018 (tables 8 and 10), category A and B, as carried by EPRI's OpenDER 2.2.0.
What an inverter then draws at a voltage is the electrical model's to say, see `cosim.electrical.voltage_laws`.

When inverters may produce is the enter-service rule of clause 4.10.
After voltage is back, an inverter waits until it has been inside the window for the whole delay,
and then rises linearly from nothing. Defaults are those of the standard as carried by EPRI's
OpenDER 2.2.0: 0.917 to 1.05 pu, 300 s, 300 s. The delay itself is kept by the events, which count;
this module says how much an inverter may give and when its voltage leaves or enters the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import Inverters

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

ALWAYS = np.iinfo(np.int64).min  # in service since before the run: no ramp
CEASED = np.iinfo(np.int64).max  # not in service


def _check_curve(name: str, v_pu: tuple[float, ...], y_pu: tuple[float, ...]) -> None:
    for (v1, y1), (v2, y2) in pairwise(zip(v_pu, y_pu, strict=True)):
        if not (v2 > v1 or (v2 == v1 and y2 == y1)):
            raise ValueError(f"{name}: voltages must ascend (equal only where nothing changes), got {v_pu}")


@dataclass(frozen=True)
class VoltVar:
    """Reactive power by voltage, constant beyond the outer points.

    Parameters
    ----------
    v_pu, q_pu
        Four points: voltage ascending [pu of nominal], reactive power produced [pu of rated apparent power].
    """

    v_pu: tuple[float, float, float, float]
    q_pu: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        _check_curve("volt-var", self.v_pu, self.q_pu)


@dataclass(frozen=True)
class VoltWatt:
    """Limit of active power by voltage, constant beyond the points.

    Parameters
    ----------
    v_pu, p_pu
        Two points: voltage ascending [pu of nominal], active power [pu of rated active power].
    """

    v_pu: tuple[float, float]
    p_pu: tuple[float, float]

    def __post_init__(self) -> None:
        _check_curve("volt-watt", self.v_pu, self.p_pu)
        if min(self.p_pu) < 0.0:
            raise ValueError(f"volt-watt limits production: its powers must not be negative, got {self.p_pu}")


VOLT_VAR_A = VoltVar((0.90, 1.0, 1.0, 1.10), (0.25, 0.0, 0.0, -0.25))
VOLT_VAR_B = VoltVar((0.92, 0.98, 1.02, 1.08), (0.44, 0.0, 0.0, -0.44))
VOLT_WATT = VoltWatt((1.06, 1.10), (1.0, 0.2))
WATT_FIRST, VAR_FIRST, STANDARD_FIRST = 0.0, 1.0, 0.44


@dataclass(frozen=True)
class InverterSettings:
    """Functions that are on.

    Parameters
    ----------
    volt_var, volt_watt
        Curves; none for off.
    power_factor
        Fixed power factor, 1 for none: positive injects reactive power with active power, negative absorbs. Excludes
        volt-var.
    q_first_pu
        Reactive power that goes before active power where the rating does not hold both [pu of rated apparent power]:
        `WATT_FIRST`, `VAR_FIRST`, or `STANDARD_FIRST`, the capability that IEEE 1547-2018 asks for in any case.
    q_absorb_pu, q_inject_pu
        Largest reactive power of volt-var [pu of rated apparent power]; the standard's least are 0.44, and 0.25 for
        absorbing in category A.
    """

    volt_var: VoltVar | None = None
    volt_watt: VoltWatt | None = None
    power_factor: float = 1.0
    q_first_pu: float = STANDARD_FIRST
    q_absorb_pu: float = 0.44
    q_inject_pu: float = 0.44

    def __post_init__(self) -> None:
        if not 0.0 < abs(self.power_factor) <= 1.0:
            raise ValueError(f"the power factor must be within -1 to 1 and not 0, got {self.power_factor}")
        if self.volt_var is not None and self.power_factor != 1.0:
            raise ValueError("volt-var and a fixed power factor exclude each other")
        for name in ("q_first_pu", "q_absorb_pu", "q_inject_pu"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)}")

    def inverters(self, injector: Int, rating_va: Float, rated_w: Float | None = None) -> Inverters:
        """Inverters with these settings for the electrical model.

        Parameters
        ----------
        injector : (k,)
            Their rows in the circuit's injectors.
        rating_va, rated_w : (k,)
            Rated apparent and active power; the same by default.
        """
        k = len(injector)
        var = self.volt_var or VoltVar((0.9, 1.0, 1.0, 1.1), (0.0, 0.0, 0.0, 0.0))
        watt = self.volt_watt or VoltWatt((1.0, 1.1), (math.inf, math.inf))
        ratio = math.copysign(math.sqrt(1.0 / self.power_factor**2 - 1.0), self.power_factor)
        return Inverters(
            injector=np.asarray(injector, dtype=np.int64),
            rating_va=np.asarray(rating_va, dtype=np.float64),
            rated_w=np.asarray(rating_va if rated_w is None else rated_w, dtype=np.float64),
            volt_var=np.tile(np.stack([var.v_pu, var.q_pu], axis=1), (k, 1, 1)),
            volt_watt=np.tile(np.stack([watt.v_pu, watt.p_pu], axis=1), (k, 1, 1)),
            q_per_p=np.full(k, ratio),
            q_first=np.full(k, self.q_first_pu),
            q_absorb=np.full(k, self.q_absorb_pu),
            q_inject=np.full(k, self.q_inject_pu),
        )


@dataclass(frozen=True)
class EnterServiceRule:
    """Settings of the rule.

    Parameters
    ----------
    v_min_pu, v_max_pu
        Window of voltage at the DER, borders included [pu of nominal].
    delay_s
        Time inside the window before service [s].
    ramp_s
        Duration of the linear rise [s]; 0 for a step.
    """

    v_min_pu: float = 0.917
    v_max_pu: float = 1.05
    delay_s: float = 300.0
    ramp_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0.0 < self.v_min_pu < self.v_max_pu:
            raise ValueError(f"the voltage window {self.v_min_pu} to {self.v_max_pu} pu is empty")
        if not (self.delay_s >= 0.0 and self.ramp_s >= 0.0):
            raise ValueError(f"delay ({self.delay_s} s) and ramp ({self.ramp_s} s) must not be negative")

    def inside(self, v_pu: Float) -> Bool:
        """Whether each voltage [pu] is inside the window; a voltage that is not a number is not."""
        return EnterServiceRules.of([self]).inside(np.atleast_1d(v_pu))

    def share(self, entered_us: Int, start_us: Int, seconds: Float) -> Float:
        """As `EnterServiceRules.share`, one rule for all."""
        return EnterServiceRules.of([self] * len(entered_us)).share(entered_us, start_us, seconds)

    def first_change(self, v_pu: Float, inside: Bool) -> tuple[int, Int]:
        """As `EnterServiceRules.first_change`, one rule for all."""
        return EnterServiceRules.of([self] * len(inside)).first_change(v_pu, inside)


@dataclass(frozen=True)
class EnterServiceRules:
    """Rules of k inverters, as arrays (k,): windows [pu], both borders inside, and ramps [s]."""

    v_min_pu: Float
    v_max_pu: Float
    ramp_s: Float

    @classmethod
    def of(cls, rules: Sequence[EnterServiceRule]) -> EnterServiceRules:
        """Those of a list."""
        return cls(*(np.array([getattr(rule, name) for rule in rules], dtype=np.float64) for name in
                     ("v_min_pu", "v_max_pu", "ramp_s")))  # fmt: skip

    def take(self, rows: Int) -> EnterServiceRules:
        """Those of some."""
        return EnterServiceRules(self.v_min_pu[rows], self.v_max_pu[rows], self.ramp_s[rows])

    def inside(self, v_pu: Float) -> Bool:
        """Whether each voltage [pu], inverters last, is inside its window; one that is not a number is not."""
        return np.asarray((v_pu >= self.v_min_pu) & (v_pu <= self.v_max_pu))

    def share(self, entered_us: Int, start_us: Int, seconds: Float) -> Float:
        """Share of its available power that each inverter may give, averaged over each step.

        The average is exact, so the energy given does not depend on the length of the steps.

        Parameters
        ----------
        entered_us : (k,)
            When each entered service [us of the scenario], `ALWAYS` or `CEASED`.
        start_us : (steps,)
            Starts of the steps [us].
        seconds : (steps,)
            Lengths of the steps [s].

        Returns
        -------
        (k, steps)
            0 to 1.
        """
        share = np.zeros((len(entered_us), len(start_us)))
        share[entered_us == ALWAYS] = 1.0
        rising = np.flatnonzero((entered_us != ALWAYS) & (entered_us != CEASED))
        if len(rising):
            since_s: Float = (start_us[None, :] - entered_us[rising, None]) / np.float64(
                1e6
            )  # at the step's start
            share[rising] = _ramp_average(since_s, since_s + seconds, self.ramp_s[rising, None])
        return share

    def first_change(self, v_pu: Float, inside: Bool) -> tuple[int, Int]:
        """First step in which any inverter is on the other side of the window's border than before.

        Parameters
        ----------
        v_pu : (k, steps)
            Voltage in each step [pu], for the inverters that await service.
        inside : (k,)
            Whether each was inside the window before the block.

        Returns
        -------
        step, rows
            The step and the rows that change in it; (-1, empty) if none does.
        """
        changed = inside[:, None] != self.inside(v_pu.T).T
        steps = np.flatnonzero(changed.any(axis=0))
        if not len(steps):
            return -1, np.empty(0, np.int64)
        return int(steps[0]), np.flatnonzero(changed[:, steps[0]])


def _ramp_average(begin_s: Float, end_s: Float, ramp_s: Float) -> Float:
    """Mean over begin..end (seconds since entering service) of clip(t / ramp, 0, 1).

    The part before 0 gives nothing, the part after the ramp gives 1, and the part on the ramp
    gives its value at the middle.
    """
    low, high = np.clip(begin_s, 0.0, ramp_s), np.clip(end_s, 0.0, ramp_s)
    on_ramp = (high - low) * ((low + high) / (2.0 * np.where(ramp_s > 0.0, ramp_s, 1.0)))
    after = np.maximum(end_s, ramp_s) - np.maximum(begin_s, ramp_s)
    average = (on_ramp + after) / (end_s - begin_s)
    return np.asarray(np.where(begin_s >= ramp_s, 1.0, np.where(end_s <= 0.0, 0.0, average)))
