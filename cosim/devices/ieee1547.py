"""Inverters under IEEE 1547-2018: when they trip, cease, come back, and what they give meanwhile.

`GridProfile` holds the settings of abnormal conditions: trip settings (clause 6.4.1 and 6.5.1), cessation and
ride-through (6.4.2, 6.5.2), enter service (4.10), frequency droop (6.5.2.7). `Ieee1547Fleet` advances inverters from
step to step, at any length from a millisecond to a quarter of an hour: voltage, frequency and available power stand
still within a step, so trips and returns fall on their microsecond and lags are exponentials. Where EPRI's OpenDER
2.2.0 and the standard's text leave a choice, OpenDER's is taken: trip conditions are strict, a timer starts anew when
its condition ends, volt-var starts from nothing after a return. Production is positive.

No inverter of this model trips on the rate of change of frequency or on a jump of phase: it rides through any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cosim.devices import ieee1547_kernels as k
from cosim.devices.inverter import EnterServiceRule, InverterSettings

if TYPE_CHECKING:
    from cosim.grid_profile_entry import GridProfileEntry

Float = NDArray[np.float64]
Int = NDArray[np.int64]

US = 1_000_000
STAGE_NAMES = ("UV1", "UV2", "UV3", "OV1", "OV2", "OV3", "UF1", "UF2", "OF1", "OF2")
NEVER_US = np.iinfo(np.int64).max // 4
OLRT = math.log(10.0)  # open-loop response time is the time to 90 % of a step

Mode = Literal["mandatory", "permissive", "cessation"]


@dataclass(frozen=True)
class TripPoint:
    """A trip setting: voltage [pu] or frequency [Hz] beyond which it counts, and clearing time [s]."""

    limit: float
    clearing_s: float


@dataclass(frozen=True)
class Region:
    """Voltages from `low_pu` (inside) to `high_pu` (outside), and how long they must be ridden through there.

    The time is `seconds`, plus `seconds_per_pu` for each pu above `low_pu`.
    """

    low_pu: float
    high_pu: float
    mode: Mode
    seconds: float
    seconds_per_pu: float = 0.0


@dataclass(frozen=True)
class FrequencyDroop:
    """Frequency-watt: dead bands [Hz], slopes [pu frequency for pu power], open-loop response time [s]."""

    under_hz: float = 0.036
    over_hz: float = 0.036
    under_slope: float = 0.05
    over_slope: float = 0.05
    response_s: float = 5.0


@dataclass(frozen=True)
class GridProfile:
    """Settings for abnormal conditions.

    Parameters
    ----------
    under_v, over_v
        Up to three trip settings each, the nearest to nominal first.
    under_hz, over_hz
        Up to two each.
    cease_below_pu, cease_above_pu
        At or below, and above, an in-service inverter gives no current, and goes on at once when voltage is back;
        -1 and infinity for never.
    cease_s
        Time until it has ceased.
    regions
        What must be ridden through, for `must_ride`.
    enter
        When it may come back, and how.
    enter_hz
        Window of frequency for that.
    randomised_s
        Most of a delay of its own that each inverter adds, drawn evenly; 0 for none.
    droop
        Frequency droop; none for off.
    rocof_hz_per_s
        Rate of change of frequency that must be ridden through.
    """

    name: str
    under_v: tuple[TripPoint, ...]
    over_v: tuple[TripPoint, ...]
    under_hz: tuple[TripPoint, ...]
    over_hz: tuple[TripPoint, ...]
    cease_below_pu: float
    cease_above_pu: float
    cease_s: float
    regions: tuple[Region, ...]
    enter: EnterServiceRule
    enter_hz: tuple[float, float]
    randomised_s: float = 0.0
    droop: FrequencyDroop | None = None
    rocof_hz_per_s: float = 0.0

    @classmethod
    def of(cls, entry: GridProfileEntry) -> GridProfile:
        """Settings of an entry of models/grid-profiles."""
        v, f, enter, droop = (
            entry.trip_voltage, entry.trip_frequency, entry.enter_service, entry.frequency_droop,
        )  # fmt: skip
        rest = entry.cessation
        return cls(
            name=entry.name,
            under_v=_points(v.under_pu, v.under_s),
            over_v=_points(v.over_pu, v.over_s),
            under_hz=_points(f.under_hz, f.under_s),
            over_hz=_points(f.over_hz, f.over_s),
            cease_below_pu=-1.0 if rest is None else rest.below_pu,
            cease_above_pu=math.inf if rest is None else rest.above_pu,
            cease_s=0.0 if rest is None else rest.within_s,
            regions=tuple(
                Region(r.low_pu, r.high_pu, r.mode, r.seconds, r.seconds_per_pu) for r in entry.ride_through.regions
            ),
            enter=EnterServiceRule(*enter.v_pu, enter.delay_s, enter.ramp_s),
            enter_hz=enter.hz,
            randomised_s=enter.randomised_s,
            droop=None
            if droop is None
            else FrequencyDroop(
                droop.under_hz, droop.over_hz, droop.under_slope, droop.over_slope, droop.response_s
            ),
            rocof_hz_per_s=entry.ride_through.rocof_hz_per_s,
        )  # fmt: skip

    def must_ride(self, v_pu: float) -> tuple[Mode | Literal["continuous", ""], float]:
        """Mode of ride-through at a voltage, and the least time in it [s]; an empty mode where none is asked for."""
        for region in self.regions:
            if region.low_pu <= v_pu < region.high_pu:
                return region.mode, region.seconds + region.seconds_per_pu * (v_pu - region.low_pu)
        inside = all(v_pu >= p.limit for p in self.under_v) and all(v_pu <= p.limit for p in self.over_v)
        return ("continuous", math.inf) if inside else ("", 0.0)

    def clearing_s(self, v_pu: float) -> float:
        """Time to the trip at a voltage that stays [s]; infinite for none."""
        found = [p.clearing_s for p in self.under_v if v_pu < p.limit]
        return min(found + [p.clearing_s for p in self.over_v if v_pu > p.limit], default=math.inf)


def _points(limits: tuple[float, ...], clearing_s: tuple[float, ...]) -> tuple[TripPoint, ...]:
    return tuple(TripPoint(*pair) for pair in zip(limits, clearing_s, strict=True))


class TripTable:
    """Trip settings of inverters as arrays, for timers that count.

    Attributes
    ----------
    limit, clearing_us : (k, STAGES)
        A stage that an inverter has not lies out of reach.
    low_pu, high_pu : (k,)
        Voltages within which nothing happens.
    """

    def __init__(self, profiles: Sequence[GridProfile]) -> None:
        count = len(profiles)
        self.limit = np.full((count, k.STAGES), -np.inf)
        self.limit[:, k.HIGH_V : k.LOW_F] = self.limit[:, k.HIGH_F :] = np.inf
        self.clearing_us = np.full((count, k.STAGES), NEVER_US, dtype=np.int64)
        for row, profile in enumerate(profiles):
            for first, points in (
                (k.LOW_V, profile.under_v), (k.HIGH_V, profile.over_v),
                (k.LOW_F, profile.under_hz), (k.HIGH_F, profile.over_hz),
            ):  # fmt: skip
                for stage, point in enumerate(points, first):
                    self.limit[row, stage] = point.limit
                    self.clearing_us[row, stage] = round(point.clearing_s * US)
        cease_low = np.array([p.cease_below_pu for p in profiles], dtype=np.float64)
        cease_high = np.array([p.cease_above_pu for p in profiles], dtype=np.float64)
        self.cease_low, self.cease_high = cease_low, cease_high
        low, high = self.limit[:, : k.HIGH_V], self.limit[:, k.HIGH_V : k.LOW_F]
        self.low_pu = np.maximum(low.max(axis=1, initial=-np.inf), np.nextafter(cease_low, np.inf))
        self.high_pu = np.minimum(high.min(axis=1, initial=np.inf), cease_high)


def drawn_delays_us(profiles: Sequence[GridProfile], draw: Float) -> Int:
    """(k,) enter-service delays [us], each with its own part of the randomised delay; draw (k,) from 0 to 1."""
    own = [p.enter.delay_s + p.randomised_s * d for p, d in zip(profiles, draw, strict=True)]
    return np.round(np.array(own, dtype=np.float64) * US).astype(np.int64)


@dataclass
class FleetState:
    """What the inverters remember: counter (k, COUNTERS) [us], lag (k, LAGS) [pu]; columns of the kernels."""

    counter: Int
    lag: Float

    def copy(self) -> FleetState:
        """One that later steps do not touch."""
        return FleetState(self.counter.copy(), self.lag.copy())

    @property
    def in_service(self) -> NDArray[np.bool_]:
        """(k,) whether each is."""
        return np.asarray(self.counter[:, k.SERVING] > 0)


@dataclass(frozen=True)
class FleetBlock:
    """What the inverters do in a block of steps.

    Parameters
    ----------
    p_w, q_var
        (k, steps) means over the steps, produced.
    status
        (k, steps) at the end of each: `OFF`, `RUNNING` or `CEASED` of the kernels.
    trip_us
        (k,) when each first tripped [us of the block], -1 for never.
    trip_stage
        (k,) by which of `STAGE_NAMES`, -1.
    end
        State after the last step.
    """

    p_w: Float
    q_var: Float
    status: NDArray[np.int8]
    trip_us: Int
    trip_stage: Int
    end: FleetState


class Ieee1547Fleet:
    """k inverters, each with its profile and its functions.

    Parameters
    ----------
    profiles
        One an inverter.
    settings
        Volt-var, volt-watt, fixed power factor, priority; one an inverter.
    rating_va, rated_w
        (k,) apparent and active power.
    var_response_s, watt_response_s
        Open-loop response times [s], the standard's by default (volt-var 5 s in category B, 10 s in A).
    current_pu
        Largest current [pu of rated]; OpenDER's default is 1.2. Active current gives way first.
    draw
        (k,) numbers from 0 to 1 that decide the randomised delays; 0 by default.
    """

    def __init__(
        self,
        profiles: Sequence[GridProfile],
        settings: Sequence[InverterSettings],
        rating_va: Float,
        rated_w: Float | None = None,
        *,
        var_response_s: float = 5.0,
        watt_response_s: float = 10.0,
        current_pu: float = 1.2,
        draw: Float | None = None,
    ) -> None:
        count = len(profiles)
        self.rating_va = np.asarray(rating_va, dtype=np.float64)
        self.rated_w = self.rating_va if rated_w is None else np.asarray(rated_w, dtype=np.float64)
        if not (len(settings) == count == len(self.rating_va) == len(self.rated_w)):
            raise ValueError("profiles, settings and ratings need one entry an inverter each")
        if not ((self.rated_w > 0.0) & (self.rated_w <= self.rating_va)).all():
            raise ValueError("rated_w must lie above 0 and not above rating_va")
        self.trips = TripTable(profiles)
        row_zero = np.zeros(1, dtype=np.int64)
        laws = [s.inverters(row_zero, self.rating_va[i : i + 1]) for i, s in enumerate(settings)]
        self._var = np.array([law.volt_var[0] for law in laws], dtype=np.float64).reshape(count, 4, 2)
        self._watt = np.array([law.volt_watt[0] for law in laws], dtype=np.float64).reshape(count, 2, 2)
        self._setting = np.zeros((count, k.SETTINGS))
        self._time_us = np.zeros((count, k.TIMES), dtype=np.int64)
        self._time_us[:, k.CEASE_US] = [round(p.cease_s * US) for p in profiles]
        self._time_us[:, k.ENTER_US] = drawn_delays_us(profiles, np.zeros(count) if draw is None else draw)
        for row, (profile, own) in enumerate(zip(profiles, settings, strict=True)):
            droop, enter = profile.droop or FrequencyDroop(), profile.enter
            functions = (
                k.HAS_VAR * (own.volt_var is not None)
                + k.HAS_WATT * (own.volt_watt is not None)
                + k.HAS_DROOP * (profile.droop is not None)
            )
            self._setting[row] = (
                profile.cease_below_pu, profile.cease_above_pu, enter.v_min_pu, enter.v_max_pu, *profile.enter_hz,
                enter.ramp_s, droop.under_hz, droop.over_hz, droop.under_slope, droop.over_slope,
                droop.response_s / OLRT, var_response_s / OLRT, watt_response_s / OLRT, laws[row].q_per_p[0],
                own.q_first_pu, own.q_absorb_pu, own.q_inject_pu, self.rated_w[row] / self.rating_va[row],
                current_pu, functions,
            )  # fmt: skip

    def __len__(self) -> int:
        return len(self.rating_va)

    def initial(
        self, available_w: Float, v_pu: Float | float = 1.0, *, in_service: bool = True
    ) -> FleetState:
        """In service since long ago at a voltage, functions settled, giving what there is; or off and waiting."""
        count = len(self)
        counter = np.zeros((count, k.COUNTERS), dtype=np.int64)
        lag = np.zeros((count, k.LAGS))
        lag[:, k.WATT_NOW] = 1.0
        if in_service:
            v = np.broadcast_to(np.asarray(v_pu, dtype=np.float64), (count,))
            counter[:, k.SERVING], counter[:, k.SINCE] = 1, k.LONG_AGO
            for row in range(count):
                s = self._setting[row]
                q = float(np.interp(v[row], self._var[row, :, 0], self._var[row, :, 1]))
                lag[row, k.VAR_NOW] = max(min(q, s[k.Q_INJECT]), -s[k.Q_ABSORB])
                lag[row, k.WATT_NOW] = np.interp(v[row], self._watt[row, :, 0], self._watt[row, :, 1])
            watt = np.where(np.isfinite(lag[:, k.WATT_NOW]), lag[:, k.WATT_NOW], 1.0)
            lag[:, k.WATT_NOW] = watt
            lag[:, k.P_NOW] = np.minimum(np.minimum(available_w / self.rated_w, 1.0), watt)
        return FleetState(counter, lag)

    def advance(
        self,
        state: FleetState,
        v_pu: Float,
        frequency_hz: Float,
        available_w: Float,
        step_us: Int,
        *,
        high_pu: Float | None = None,
        parallel: bool = True,
    ) -> FleetBlock:
        """A block of steps from a state, which is left as it is.

        Parameters
        ----------
        v_pu, high_pu : (k, steps)
            Lowest and highest applicable voltage at the terminals [pu]; the same by default. Curves take their mean.
        frequency_hz, step_us : (steps,)
            Frequency [Hz] and length [us] of the steps.
        available_w : (k, steps)
            Active power that could be given at the terminals; negative for a battery that charges.

        Raises
        ------
        ValueError
            A voltage or frequency that is not a number.
        """
        shape = v_pu.shape
        high = v_pu if high_pu is None else high_pu
        if not (np.isfinite(v_pu).all() and np.isfinite(high).all() and np.isfinite(frequency_hz).all()):
            raise ValueError("voltages and frequencies must be finite numbers")
        end = state.copy()
        p_pu, q_pu, status = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int8)
        first = np.full((len(self), 2), -1, dtype=np.int64)
        run: Callable[..., None] = k.advance_parallel if parallel else k.advance_serial
        run(
            np.ascontiguousarray(v_pu), np.ascontiguousarray(high), np.ascontiguousarray(frequency_hz),
            np.ascontiguousarray(step_us), np.ascontiguousarray(available_w / self.rated_w[:, None]),
            self.trips.limit, self.trips.clearing_us, self._setting, self._time_us, self._var, self._watt,
            end.counter, end.lag, p_pu, q_pu, status, first,
        )  # fmt: skip
        scale = self.rating_va[:, None]
        return FleetBlock(p_pu * scale, q_pu * scale, status, first[:, 0], first[:, 1], end)


def with_enter_service(profile: GridProfile, **changes: float) -> GridProfile:
    """The profile with some of its enter-service rule changed."""
    return replace(profile, enter=replace(profile.enter, **changes))
