"""Quantities of homes, transformers, inverters, lines, buses and the feeder, listed once by name."""

from __future__ import annotations

from dataclasses import replace

from cosim.results.variables import (
    BUS_BAR_LIMIT_K,
    FACTORY_TERMINAL_LIMIT_K,
    FIELD_TERMINAL_LIMIT_K,
    JAW_LIMIT_K,
    PHASES,
    Variable,
)


def _home(name: str, units: str, long_name: str, step: float, **more: object) -> Variable:
    return replace(Variable(name, ("step", "home"), "f4", units, long_name, step=step), **more)  # type: ignore[arg-type]


_WATT, _AMPERE, _KELVIN, _VOLT = 1.0, 2.0**-7, 2.0**-7, 2.0**-7
_TO_HOME = "positive: grid to home"
_CONSUMED = "positive: consumed"

HOME_QUANTITIES: tuple[Variable, ...] = (
    _home("voltage_l1_v", "V", "voltage of the first leg to neutral at the meter", _VOLT, energised=True),
    _home("voltage_l2_v", "V", "voltage of the second leg to neutral at the meter", _VOLT, energised=True),
    _home("service_power_w", "W", "power through the service at the meter", _WATT, sign=_TO_HOME),
    _home("service_current_a", "A", "current of the larger service leg, r.m.s.", _AMPERE),
    _home(
        "panel_power_w", "W", "power of the panel without what hangs on the adapter", _WATT, sign=_CONSUMED
    ),
    _home("branch_power_w", "W", "power of what hangs on the adapter", _WATT, sign=_CONSUMED),
    _home("pv_power_w", "W", "solar power", _WATT, sign="positive: produced"),
    _home("ev_power_w", "W", "vehicle charging power", _WATT, sign=_CONSUMED),
    _home("jaw_rise_k", "K", "rise of the hottest jaw over local air", _KELVIN, limit=JAW_LIMIT_K),
    _home(
        "bus_bar_rise_k", "K", "rise of the hottest bus bar over local air", _KELVIN, limit=BUS_BAR_LIMIT_K
    ),
    _home(
        "factory_terminal_rise_k",
        "K",
        "rise of the hottest factory terminal over local air",
        _KELVIN,
        limit=FACTORY_TERMINAL_LIMIT_K,
    ),
    _home(
        "field_terminal_rise_k",
        "K",
        "rise of the hottest field terminal over local air",
        _KELVIN,
        limit=FIELD_TERMINAL_LIMIT_K,
    ),
    _home(
        "adapter_temperature_c",
        "degC",
        "temperature of the hottest node of the adapter, under sun and wind",
        _KELVIN,
    ),
    _home(
        "heat_margin_k",
        "K",
        "smallest limit minus rise of the adapter",
        _KELVIN,
        sign="negative: over a limit",
    ),
    _home(
        "material_margin_k",
        "K",
        "smallest limit of a material of the adapter minus its temperature, under sun and wind",
        _KELVIN,
        sign="negative: over a limit",
    ),
    _home("drop_temperature_c", "degC", "temperature of the hotter conductor of the service drop", _KELVIN),
    _home("indoor_temperature_c", "degC", "air of the home's rooms", _KELVIN),
    _home("water_temperature_c", "degC", "water at the top of its water heater's tank", _KELVIN),
    _home("shed_w", "W", "power of loads held off to stay within the service", _WATT),
    _home("ev_charge_pu", "1", "stored energy of the car over its capacity", 2.0**-13),
    _home("battery_charge_pu", "1", "stored energy of the battery over its usable capacity", 2.0**-13),
)


def _transformer(name: str, units: str, long_name: str, step: float, sign: str = "") -> Variable:
    return Variable(name, ("step", "transformer"), "f4", units, long_name, sign=sign, step=step)


_PRODUCED = "positive: produced"
_REJECTION = (
    "voltage if it were cut off with what runs behind it, production over load; an estimate, at most 2"
)

_TO_SECONDARY = "positive: primary to secondary"

TRANSFORMER_QUANTITIES: tuple[Variable, ...] = (
    _transformer("power_w", "W", "active power into the service transformer", _WATT, _TO_SECONDARY),
    _transformer("power_var", "var", "reactive power into the service transformer", _WATT, _TO_SECONDARY),
    _transformer("loading_pu", "1", "apparent power over rated power of the service transformer", 2.0**-13),
    _transformer("loss_w", "W", "loss of the service transformer, core and windings", 2.0**-4),
    _transformer("rejection_pu", "1", f"service transformer: {_REJECTION}", 2.0**-13),
    _transformer("top_oil_c", "degC", "temperature of the service transformer's top oil", _KELVIN),
    _transformer(
        "hot_spot_c", "degC", "temperature of the hottest spot of the service transformer's winding", _KELVIN
    ),
    _transformer("ageing_factor", "1", "ageing of its insulation over that at a hot spot of 110 degC", 0.0),
    _transformer("loss_of_life_pu", "1", "share of 180,000 h at 110 degC aged since the run began", 0.0),
)


def _inverter(name: str, units: str, long_name: str, sign: str = "") -> Variable:
    return Variable(name, ("step", "inverter"), "f4", units, long_name, sign=sign, step=_WATT)


INVERTER_QUANTITIES: tuple[Variable, ...] = (
    _inverter("inverter_power_w", "W", "active power of the inverter", _PRODUCED),
    _inverter("inverter_power_var", "var", "reactive power of the inverter", _PRODUCED),
    _inverter("curtailed_w", "W", "solar power the inverter held back for the voltage or for reactive power"),
)

LINE_QUANTITIES: tuple[Variable, ...] = (
    Variable(
        "line_loading_pu",
        ("step", "line"),
        "f4",
        "1",
        "current of the most loaded conductor of the line over its rating",
        step=2.0**-13,
    ),
)

BUS_QUANTITIES: tuple[Variable, ...] = (
    Variable(
        "unbalance_pu",
        ("step", "bus"),
        "f4",
        "1",
        "voltage unbalance of a three-phase bus, negative over positive sequence",
        step=2.0**-16,
    ),
)

_INTO_FEEDER = "positive: source into feeder"

FEEDER_QUANTITIES: tuple[Variable, ...] = (
    Variable("power_w", ("step",), "f8", "W", "active power at the feeder head", sign=_INTO_FEEDER),
    Variable("power_var", ("step",), "f8", "var", "reactive power at the feeder head", sign=_INTO_FEEDER),
    *(
        Variable(
            f"power_{p}_w", ("step",), "f8", "W", f"active power of phase {p} at the head", sign=_INTO_FEEDER
        )
        for p in PHASES
    ),
    Variable("pv_power_w", ("step",), "f8", "W", "solar power of all homes", sign=_PRODUCED),
    Variable("curtailed_w", ("step",), "f8", "W", "solar power that inverters held back"),
    Variable(
        "inverter_var",
        ("step",),
        "f8",
        "var",
        "reactive power of inverters that act on the voltage",
        sign=_PRODUCED,
    ),
    Variable("rejection_pu", ("step",), "f8", "1", f"feeder: {_REJECTION}"),
    Variable("loss_w", ("step",), "f8", "W", "losses of the feeder"),
    Variable("loss_primary_w", ("step",), "f8", "W", "losses of primary lines"),
    Variable("loss_secondary_w", ("step",), "f8", "W", "losses of secondary lines"),
    Variable("loss_drop_w", ("step",), "f8", "W", "losses of service drops"),
    Variable("loss_noload_w", ("step",), "f8", "W", "losses in the cores of transformers"),
    Variable("loss_load_w", ("step",), "f8", "W", "the rest: windings of transformers, fixed elements"),
    Variable("unbalance_pu", ("step",), "f8", "1", "largest voltage unbalance of any three-phase bus"),
)
