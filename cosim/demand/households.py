"""Household demand from the bottom up: houses, water heaters and what people do, home by home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.demand import home_kernels as home
from cosim.demand import house, house_kernels, house_weather, solar_kernels
from cosim.demand import tank_kernels as tanks
from cosim.demand import uses_kernels as uses
from cosim.demand.block import Bool, DemandBlock, State
from cosim.demand.calendar import DAY_US, Calendar
from cosim.demand.climate import design_temperatures, mains_temperature
from cosim.demand.habits import LAMPS, PLUGS
from cosim.demand.kit import HomeKit
from cosim.demand.solar import Module
from cosim.demand.traits import FACINGS, HomeTraits
from cosim.demand.weather import Weather, WeatherBlock
from cosim.randomness import stable_id, uniforms

Float = NDArray[np.float64]
Int = NDArray[np.int64]

EQUIPMENT = "single-speed"  # of models/hvac
WINDOW_SHARES = np.array([0.35, 0.15, 0.35, 0.15])  # front, right, back, left; engineering judgement
ALBEDO = 0.2
FAN_W_PER_W = (
    0.0375  # over rated cooling: 350 cfm a ton (OCHRE) at 0.375 W a cfm; engineering judgement, 0.02 to 0.05
)
FURNACE_FAN_W = 400.0  # where there is no air conditioner; engineering judgement, 200 to 700 W
FURNACE_OVERSIZE = 1.4  # of a furnace over the design load; engineering judgement
# Six changes of the air an hour through open windows, over the air node of a house, which holds three times its
# air; engineering judgement, 2 to 15 an hour.
OPEN_PER_AIR = 6.0 / 3600.0 / house.AIR_NODE
FRIDGE_BAND_K = 0.4  # where refrigerators stand at first, about the width of their thermostats' bands
SPIN_UP_US = DAY_US
SPIN_UP_STEPS = 120  # taken at once
END_USES = (
    "heating", "cooling", "resistance", "fan", "water heater", "refrigeration", "electronics", "lights",
)  # fmt: skip
SHOWN = ("indoor_temperature_c", "water_temperature_c", "shed_w", "motor_start_va")


@dataclass(frozen=True)
class _Uses:
    """Uses of some consecutive days: begins, stops and kinds (h, d, e), their numbers (h, d)."""

    first_day: int
    end_min: Float
    shift_min: Float
    weekend: Bool
    start: Float
    stop: Float
    kind: Int
    count: Int

    def hold(self, first: int, last: int) -> bool:
        """Whether these days are among them."""
        return self.first_day <= first and last < self.first_day + len(self.end_min)


class HouseholdDemand:
    """Demand of homes from their traits, the calendar and the weather; rooms, tanks and habits remember.

    A home's bits are a function of (seed, home id, weather, what it lived through): they depend neither on the
    cut into blocks, nor on threads, nor on which other homes are there.

    Parameters
    ----------
    calendar, weather
        The scenario's clock, and its weather.
    traits
        Homes.
    seed
        Seed of the scenario.
    module
        Kind of PV array, common to all homes.
    scale
        Factor on all panel demand.
    parallel
        Whether homes are spread over threads; workers that are parallel already say no.
    """

    def __init__(
        self,
        calendar: Calendar,
        weather: Weather,
        traits: HomeTraits,
        seed: int,
        *,
        module: Module | None = None,
        scale: float = 1.0,
        parallel: bool = True,
    ) -> None:
        self.calendar = calendar
        self.weather = weather
        self.traits = traits
        self.seed = seed
        self.scale = scale
        self.parallel = parallel
        self.kit = HomeKit(weather, traits, module=module, parallel=parallel)
        restart = uniforms(seed, "demand.restart", traits.id)
        self.houses = _houses(traits, restart, *design_temperatures(weather))
        self.habits = np.array(traits.habits)
        self.habits[:, uses.SUN_M2] = self.houses.aperture_m2
        cooled = self.houses.rows[:, house_kernels.COOL_W] > 0.0
        open_w_per_k = OPEN_PER_AIR * self.houses.rows[:, house_kernels.AIR_J_PER_K]
        self.habits[:, uses.OPEN_W_PER_K] = np.where(cooled, 0.0, open_w_per_k)
        parts = -(-calendar.step_us // round(home.PART_S * 1e6))
        self._usual_s = calendar.step_us * 1e-6 / parts
        self._weekday = traits.per_day * 7.0 / (5.0 + 2.0 * traits.weekend)
        most = np.minimum(self._weekday * np.maximum(traits.weekend, 1.0), uses.MAX_USES)
        self._most_uses = max(int(np.ceil(most).sum(axis=1).max(initial=1.0)), 1)
        self._uses: _Uses | None = None

    def initial(self) -> State:
        """State before the first step, after a day of the weather before it."""
        traits, step_us = self.traits, self.calendar.step_us
        group = max(round(home.PART_S * 1e6) // step_us, 1)  # short steps are taken together
        count = -(-SPIN_UP_US // (group * step_us))
        first = -count * group
        sky = self.weather.block(first, count * group)
        sky = WeatherBlock(np.ascontiguousarray(sky.rows[:, group // 2 :: group]))
        state = np.zeros((len(traits.id), home.ENERGY_AT + home.USES + len(traits.kinds)))
        phase = uniforms(self.seed, "demand.phase", traits.id)
        heat_c, cool_c = self.habits[:, uses.HEAT_SET_C], self.habits[:, uses.COOL_SET_C]
        state[:, home.HOUSE_AT : home.HOUSE_AT + house_kernels.HOUSE_STATE] = house.initial(
            self.houses.rows, float(sky.ambient_c[0]), heat_c, cool_c, phase
        )
        water = traits.tank[:, tanks.SET_C] - phase * traits.tank[:, tanks.DEADBAND_K]
        state[:, home.TANK_AT + tanks.UPPER_C] = state[:, home.TANK_AT + tanks.LOWER_C] = water
        for column, draw in ((uses.INSIDE_C, "fridge-phase"), (uses.SECOND_INSIDE_C, "second-fridge-phase")):
            begin = uniforms(self.seed, f"demand.{draw}", traits.id) - 0.5
            state[:, home.FRIDGE_AT + column] = uses.FRIDGE_C + FRIDGE_BAND_K * begin
        now = {"at_us": np.full(len(traits.id), first * step_us), "homes": state}
        powered = np.ones(len(traits.id), dtype=bool)
        for a in range(0, count, SPIN_UP_STEPS):
            part = WeatherBlock(np.ascontiguousarray(sky.rows[:, a : a + SPIN_UP_STEPS]))
            lengths = np.full(part.rows.shape[1], group * step_us, dtype=np.int64)
            now = self._advance(now, part, lengths, powered, None)[1]
        now["homes"][:, home.ENERGY_AT :] = 0.0
        return now

    def energy_kwh(self, state: State) -> dict[str, Float]:
        """(h,) energy since the first step [kWh], before `scale`, by end use: `END_USES` and names of appliances."""
        drawn = state["homes"][:, home.ENERGY_AT :].T / 3.6e6
        return dict(zip((*END_USES, *self.traits.appliances), drawn, strict=True))

    def block(
        self,
        state: State,
        first_step: int,
        seconds: Float,
        powered: Bool,
        limit_w: Float | None = None,
    ) -> DemandBlock:
        """Demand of consecutive steps; see `Demand.block`.

        Parameters
        ----------
        state, first_step, seconds, powered
            As there. The state knows its own time; `first_step` tells which weather holds: at the end of a run that
            of the last step.
        limit_w
            (h,) largest power of the panel [W], inf for none; None: nobody has one. Where home and limit meet,
            the water heater is held off first, then electric strips, then heating and cooling; what people use
            is never shed. Each minute (or shorter step) is decided anew. ``shown["shed_w"]`` is what the home
            would have drawn less what it draws. A car's share is its charger's to give up: a service limit
            minus the panel's demand is left to it.

        Raises
        ------
        ValueError
            If the state stands neither in `first_step` nor at its end.
        """
        step_us = self.calendar.step_us
        at_us = state["at_us"]
        if len(at_us) and not (
            first_step * step_us <= at_us.min() and at_us.max() <= (first_step + 1) * step_us
        ):
            raise ValueError(f"the state stands at {at_us[0] / step_us:g} steps, not in step {first_step}")
        sky = self.weather.block(first_step, len(seconds))
        lengths = np.rint(np.asarray(seconds) * 1e6).astype(np.int64)
        if limit_w is not None and self.scale != 1.0:
            limit_w = limit_w / self.scale if self.scale > 0.0 else np.full_like(limit_w, np.inf)
        (w, var, zw, zvar, shown), end = self._advance(state, sky, lengths, powered, limit_w)
        if self.scale != 1.0:
            for values in (w, var, zw, zvar, shown[:, home.SHED_W], shown[:, home.START]):
                values *= self.scale
        pv_w = self.kit.pv_w(first_step, len(seconds), sky)
        names = {name: shown[:, i] for i, name in enumerate(SHOWN)}
        return DemandBlock(w, var, pv_w, zw, zvar, end, names)

    def _advance(
        self, state: State, sky: WeatherBlock, lengths_us: Int, powered: Bool, limit_w: Float | None
    ) -> tuple[tuple[Float, Float, Float, Float, Float], State]:
        """Powers (h, 3, steps), what is shown (h, shown, steps), and the state after."""
        traits, count, steps = self.traits, len(self.traits.id), len(lengths_us)
        at_us = np.array(state["at_us"])
        rows = np.array(state["homes"])
        powers = tuple(np.empty((count, 3, steps)) for _ in range(4))
        shown = np.empty((count, home.SHOWN, steps))
        end = {"at_us": at_us + lengths_us.sum(), "homes": rows}
        if count == 0 or steps == 0:
            return (*powers, shown), end  # type: ignore[return-value]
        origin_us = self.calendar.start_utc_us + self.calendar.standard_offset_us
        day_of = self._days(int(at_us[0]) + origin_us, int(end["at_us"][0]) + origin_us)
        sun = np.empty((FACINGS, steps))
        shine: Callable[..., None] = home.window_sun
        east, north = sky.rows[solar_kernels.EAST], sky.rows[solar_kernels.NORTH]
        shine(sky.ghi, sky.dni, sky.dhi, east, north, WINDOW_SHARES, ALBEDO, sun)
        instants = origin_us + at_us[0] + np.cumsum(lengths_us) - lengths_us
        days, place = np.unique(instants // DAY_US, return_inverse=True)
        run: Callable[..., None] = home.homes_parallel if self.parallel else home.homes_serial
        run(
            np.uint64(self.seed),
            np.uint64(stable_id("demand.habits")),
            traits.id,
            rows,
            self.habits,
            np.array(self.houses.rows),
            self.houses.kind,
            traits.tank,
            traits.legs,
            traits.facing,
            traits.kinds,
            PLUGS,
            LAMPS,
            at_us,
            origin_us * home.PER_MIN,
            lengths_us,
            self._usual_s,
            day_of.end_min,
            day_of.shift_min,
            day_of.weekend,
            day_of.start,
            day_of.stop,
            day_of.kind,
            day_of.count,
            house_weather.conditions(self.houses.equipment, sky.ambient_c, sky.humidity_percent / 100.0),
            sun,
            sky.sun_up,
            mains_temperature(self.weather, days)[place.reshape(-1)],
            np.asarray(powered),
            np.full(count, np.inf) if limit_w is None else np.asarray(limit_w, dtype=np.float64),
            np.empty((count, day_of.start.shape[2]), dtype=np.int64),
            np.empty((count, tanks.TANK_STATE)),
            *powers,
            shown,
        )
        return (*powers, shown), end  # type: ignore[return-value]

    def _days(self, begin_us: int, end_us: int) -> _Uses:
        """Uses of the days that instants of local standard time touch; a day of uses starts at 4:00."""
        first, last = begin_us // DAY_US - 1, end_us // DAY_US + 1
        if self._uses is None or not self._uses.hold(first, last):
            self._uses = self._draw(first, max(last, first + 3))
        return self._uses

    def _draw(self, first: int, last: int) -> _Uses:
        traits, count = self.traits, len(self.traits.id)
        days = np.arange(first, last + 2)
        shift = self.calendar.day_shift_minutes(days)
        border = 1440.0 * days + uses.USE_DAY_MIN - shift
        weekend = (days[:-1] + 3) % 7 >= 5
        shape = (count, len(days) - 1, self._most_uses)
        start, stop, kind = np.empty(shape), np.empty(shape), np.zeros(shape, dtype=np.int64)
        number = np.zeros(shape[:2], dtype=np.int64)
        run: Callable[..., None] = uses.days_parallel if self.parallel else uses.days_serial
        run(
            np.uint64(self.seed),
            np.uint64(stable_id("demand.uses")),
            traits.id,
            self._weekday,
            self._weekday * traits.weekend,
            traits.kinds,
            traits.cdfs,
            days[:-1],
            border,
            weekend,
            np.empty((count, uses.MAX_USES)),
            start,
            stop,
            kind,
            number,
        )
        return _Uses(first, border[1:], shift[:-1], weekend, start, stop, kind, number)


def _houses(traits: HomeTraits, restart: Float, cold_c: float, warm_c: float) -> house.Houses:
    """Houses sized for a cold and a warm hour: pumps and air conditioners by cooling, strips and furnaces by heat."""
    area, heating = traits.floor_area_m2, traits.heating
    shell = house.envelope([str(name) for name in traits.envelope], area)
    cooling = house.design_cooling_w(shell, area, warm_c)
    design = house.design_heating_w(shell, cold_c)
    pumped, furnace = heating == "heat-pump", heating == "gas"
    cool_w = np.where(traits.cooled | pumped, cooling, 0.0)
    strips = np.isin(heating.astype(str), ("heat-pump", "resistance"))
    fan_w = np.where(cool_w > 0.0, FAN_W_PER_W * cool_w, 0.0)
    heat_fan: Any = np.where(
        pumped, fan_w, np.where(furnace, np.where(fan_w > 0.0, fan_w, FURNACE_FAN_W), 0.0)
    )
    return house.houses(
        shell,
        [EQUIPMENT] * len(area),
        pump_heat_w=np.where(pumped, cooling, 0.0),
        heating_cop=traits.heat_pump_cop,
        furnace_heat_w=np.where(furnace, FURNACE_OVERSIZE * design, 0.0),
        strip_w=np.where(strips, design, 0.0),
        cool_w=cool_w,
        cooling_cop=traits.cooling_cop,
        heat_fan_w=heat_fan,
        cool_fan_w=fan_w,
        restart=restart,
    )
