"""What stands in a result file: one table that writer, reader and docs/results.md derive from.

Every array of a result file is a `Variable` of a `Group`. The quantities of homes,
transformers and feeder are listed once by name; their envelope and full-resolution
datasets follow from the list by `envelope` and `full`.

Signs: at homes and transformers the load convention holds (positive power and current flow
grid -> home); a device that produces counts its production positive (`pv_power_w`). NaN in a
number and `NO_TIME` in a time mean that there is nothing to report.
"""

from __future__ import annotations

from dataclasses import replace

# Names that are passed on.
# isort: off
from cosim.results.quantities import (
    BUS_QUANTITIES as BUS_QUANTITIES,
    FEEDER_QUANTITIES as FEEDER_QUANTITIES,
    HOME_QUANTITIES as HOME_QUANTITIES,
    INVERTER_QUANTITIES as INVERTER_QUANTITIES,
    LINE_QUANTITIES as LINE_QUANTITIES,
    TRANSFORMER_QUANTITIES as TRANSFORMER_QUANTITIES,
)
from cosim.results.study_layout import (
    AGED_JAWS as AGED_JAWS,
    BACKFEED_DECAY as BACKFEED_DECAY,
    BACKFEED_ENERGISED as BACKFEED_ENERGISED,
    BACKFEED_HAZARD as BACKFEED_HAZARD,
    BREAKER_ONLY as BREAKER_ONLY,
    BUS_FAULTS as BUS_FAULTS,
    CAR_DAYS as CAR_DAYS,
    COMFORT as COMFORT,
    CONTROL_POSITIONS as CONTROL_POSITIONS,
    CONTROL_WORK as CONTROL_WORK,
    DER_PLACEMENT as DER_PLACEMENT,
    FAULT_DEVICES as FAULT_DEVICES,
    FAULT_DUTY as FAULT_DUTY,
    FAULT_PARTS as FAULT_PARTS,
    FAULT_SOURCES as FAULT_SOURCES,
    INVERTER_EFFECT as INVERTER_EFFECT,
    OVER as OVER,
    ROW as ROW,
    SITE_RULES as SITE_RULES,
    STUDIES as STUDIES,
    UNKNOWN as UNKNOWN,
    WITHIN as WITHIN,
)
from cosim.results.variables import (
    ANSI_B_HIGH_PU as ANSI_B_HIGH_PU,
    ANSI_B_LOW_PU as ANSI_B_LOW_PU,
    ANSI_HIGH_PU as ANSI_HIGH_PU,
    ANSI_LOW_PU as ANSI_LOW_PU,
    BUS_BAR_LIMIT_K as BUS_BAR_LIMIT_K,
    FACTORY_TERMINAL_LIMIT_K as FACTORY_TERMINAL_LIMIT_K,
    FIELD_TERMINAL_LIMIT_K as FIELD_TERMINAL_LIMIT_K,
    JAW_LIMIT_K as JAW_LIMIT_K,
    NO_TIME as NO_TIME,
    PHASES as PHASES,
    ROOM_HIGH_C as ROOM_HIGH_C,
    ROOM_LOW_C as ROOM_LOW_C,
    STATISTICS as STATISTICS,
    TIME_UNITS as TIME_UNITS,
    WATER_LOW_C as WATER_LOW_C,
    Group as Group,
    Variable as Variable,
    of_home as of_home,
)
# isort: on

KIND = "cosim-results"
VERSION = 6
LEFT_OUT = "steps without convergence, steps in which current flows into a short circuit"


def envelope(quantity: Variable) -> tuple[Variable, Variable]:
    """Statistics and time-of-maximum datasets of a home or transformer quantity."""
    item = quantity.dims[-1]
    span = " while energised" if quantity.energised else ""
    return (
        replace(quantity, dims=("interval", item, "statistic"), long_name=quantity.long_name + span),
        Variable(
            quantity.name + "_time_of_max",
            ("interval", item),
            "i8",
            TIME_UNITS,
            f"start of the step with the largest {quantity.name}",
        ),
    )


def full(quantity: Variable, step: str = "step", home: str = "full_home") -> Variable:
    """Full-resolution dataset of a home quantity."""
    return replace(quantity, dims=(step, home))


COORDINATES: tuple[Variable, ...] = (
    Variable("home", ("home",), "str", "", "home"),
    Variable("transformer", ("transformer",), "str", "", "service transformer"),
    Variable("line", ("line",), "str", "", "line of the feeder map"),
    Variable("bus", ("bus",), "str", "", "three-phase bus"),
    Variable(
        "inverter", ("inverter",), "str", "", "inverter that acts on the voltage: its home and what it serves"
    ),
    Variable("phase", ("phase",), "str", "", "phase of the feeder head"),
    Variable("statistic", ("statistic",), "str", "", "minimum, duration-weighted mean, maximum"),
    Variable("interval", ("interval",), "i8", TIME_UNITS, "start of the recording interval"),
    Variable("step", ("step",), "i8", TIME_UNITS, "start of the step"),
    Variable("full_home", ("full_home",), "str", "", "home recorded in full"),
    Variable("event", ("event",), "i8", "", "number of the event, in the order in which things happened"),
)


HOMES = Group(
    "homes",
    "Who lives where: one row a home.",
    (
        of_home("group", "str", "", "group of the scenario, empty for the rest"),
        of_home("kind", "str", "", "service: split (120/240 V three-wire), single or three"),
        of_home("bus", "str", "", "bus of the feeder"),
        of_home("transformer_row", "i8", "", "row of its service transformer, -1 for none"),
        of_home("socket", "str", "", "meter socket"),
        of_home("adapter", "str", "", "library name of its adapter, empty for none"),
        of_home("nominal_v", "f8", "V", "nominal voltage of voltage_l1_v and voltage_l2_v"),
        of_home("service_rating_a", "f8", "A", "rating of the service"),
        of_home("temperature_limit_c", "f8", "degC", "smallest known material limit of its adapter"),
        of_home("drop_limit_c", "f8", "degC", "what the insulation of its service drop bears"),
        of_home("pv_kw", "f8", "kW", "solar power installed"),
        of_home("ev_kw", "f8", "kW", "charger power installed"),
        of_home("battery_kw", "f8", "kW", "battery power installed"),
        of_home("x", "f8", "", "place on the feeder map"),
        of_home("y", "f8", "", "place on the feeder map"),
    ),
)

TRANSFORMERS = Group(
    "transformers",
    "One row a service transformer.",
    (
        Variable("bus", ("transformer",), "str", "", "bus of its secondary"),
        Variable("rated_kva", ("transformer",), "f8", "kVA", "rated power"),
        Variable("x", ("transformer",), "f8", "", "place on the feeder map"),
        Variable("y", ("transformer",), "f8", "", "place on the feeder map"),
    ),
)

MAP = Group(
    "map",
    "The feeder as drawn: one row a line, coordinates in the units of the feeder.",
    (
        Variable("level", ("line",), "str", "", "primary, secondary or drop"),
        Variable("phases", ("line",), "str", "", "nodes it carries, such as 1.2.3"),
        Variable("rating_a", ("line",), "f8", "A", "rating of a conductor"),
        Variable("x1", ("line",), "f8", "", "first end"),
        Variable("y1", ("line",), "f8", "", "first end"),
        Variable("x2", ("line",), "f8", "", "second end"),
        Variable("y2", ("line",), "f8", "", "second end"),
    ),
)

BUSES = Group(
    "buses",
    "One row a three-phase bus, the feeder as it is, loads off.",
    (
        Variable("z0_over_z1", ("bus",), "f8", "1", "zero over positive sequence impedance, magnitude"),
        Variable(
            "ground_fault_pu",
            ("bus",),
            "f8",
            "1",
            "largest voltage of a sound phase during a bolted line-ground fault at the bus, over that before it",
        ),
    ),
)

INVERTERS = Group(
    "inverters",
    "One row an inverter that acts on the voltage (none if the scenario asks for none).",
    (
        Variable("home", ("inverter",), "str", "", "home"),
        Variable("serves", ("inverter",), "str", "", "solar or battery"),
        Variable("rated_va", ("inverter",), "f8", "V A", "rated apparent power"),
        Variable("functions", ("inverter",), "str", "", "functions that are on"),
    ),
)

INTERVALS = Group(
    "intervals",
    "How much of each recording interval was simulated.",
    (
        Variable(
            "simulated_s", ("interval",), "f8", "s", "duration of the steps that statistics are made of"
        ),
        Variable(
            "faulted_s",
            ("interval",),
            "f8",
            "s",
            "duration of those left out because a short circuit was fed",
        ),
        Variable(
            "unconverged_steps", ("interval",), "i8", "1", "steps left out because they did not converge"
        ),
    ),
)

HOME_ENVELOPE = Group(
    "home_envelope",
    "Statistics of every home quantity by interval.",
    tuple(v for q in HOME_QUANTITIES for v in envelope(q)),
)

TRANSFORMER_ENVELOPE = Group(
    "transformer_envelope",
    "Statistics of every service transformer by interval.",
    tuple(v for q in TRANSFORMER_QUANTITIES for v in envelope(q)),
)

LINE_ENVELOPE = Group(
    "line_envelope",
    "Statistics of every line by interval; NaN for a line without a rating.",
    tuple(v for q in LINE_QUANTITIES for v in envelope(q)),
)

BUS_ENVELOPE = Group(
    "bus_envelope",
    "Statistics of every three-phase bus by interval.",
    tuple(v for q in BUS_QUANTITIES for v in envelope(q)),
)

INVERTER_ENVELOPE = Group(
    "inverter_envelope",
    "Statistics of every inverter that acts on the voltage, by interval.",
    tuple(v for q in INVERTER_QUANTITIES for v in envelope(q)),
)

# What statistics are kept of, by kind of item.
ENVELOPES: dict[str, tuple[Group, tuple[Variable, ...]]] = {
    "home": (HOME_ENVELOPE, HOME_QUANTITIES),
    "transformer": (TRANSFORMER_ENVELOPE, TRANSFORMER_QUANTITIES),
    "line": (LINE_ENVELOPE, LINE_QUANTITIES),
    "bus": (BUS_ENVELOPE, BUS_QUANTITIES),
    "inverter": (INVERTER_ENVELOPE, INVERTER_QUANTITIES),
}

FULL = Group(
    "full",
    "Every step of the homes recorded in full (absent if none was named).",
    tuple(full(q) for q in HOME_QUANTITIES),
)

FEEDER = Group("feeder", "The feeder head at every step.", FEEDER_QUANTITIES)

SOLVER = Group(
    "solver",
    "Status of the power flow at every step.",
    (
        Variable("seconds", ("step",), "f8", "s", "duration of the step"),
        Variable("iterations", ("step",), "i4", "1", "iterations used"),
        Variable("converged", ("step",), "i1", "", "whether the step converged", flags=("no", "yes")),
        Variable(
            "newton",
            ("step",),
            "i1",
            "",
            "whether the fast iteration left the step to Newton's method",
            flags=("no", "yes"),
        ),
        Variable(
            "faulted",
            ("step",),
            "i1",
            "",
            "whether current flowed into a short circuit; such a step is in no statistic of loading or voltage",
            flags=("no", "yes"),
        ),
    ),
)

EVENTS = Group(
    "events",
    "The log: what happened, when, and because of what.",
    (
        Variable("time", ("event",), "i8", TIME_UNITS, "time of the event"),
        Variable("kind", ("event",), "str", "", "kind of event"),
        Variable("subject", ("event",), "str", "", "what it happened to"),
        Variable("detail", ("event",), "str", "", "particulars"),
        Variable("cause", ("event",), "i8", "", "number of the event that brought it about, -1 for none"),
    ),
)


def _backfeed(prefix: str, dims: tuple[str, ...], where: str) -> tuple[Variable, ...]:
    return (
        Variable(prefix + "energy_wh", dims, "f8", "W h", f"energy flowing back {where}"),
        Variable(prefix + "peak_w", dims, "f8", "W", f"largest power flowing back {where}"),
        Variable(prefix + "time_of_peak", dims, "i8", TIME_UNITS, f"start of the step of {prefix}peak_w"),
    )


BACKFEED = Group(
    "backfeed",
    "What flowed towards the source over the whole run; positive numbers, 0 for none.",
    (
        *_backfeed("home_", ("home",), "from the home into the service"),
        *_backfeed("transformer_", ("transformer",), "from secondary to primary"),
        *_backfeed("phase_", ("phase",), "from the feeder into the source in one phase"),
        *_backfeed("head_", (), "from the feeder into the source"),
    ),
)

INVERTER_ENERGY = Group(
    "inverter_energy",
    "What every inverter that acts on the voltage gave and held back over the whole run.",
    (
        Variable("given_wh", ("inverter",), "f8", "W h", "energy produced"),
        Variable("curtailed_wh", ("inverter",), "f8", "W h", "solar energy held back"),
        Variable("absorbed_varh", ("inverter",), "f8", "var h", "reactive energy absorbed"),
        Variable("injected_varh", ("inverter",), "f8", "var h", "reactive energy injected"),
    ),
)

SUPPLY = Group(
    "supply",
    "How long each home was dead.",
    (of_home("unsupplied_s", "f8", "s", "time with 0 V on the first leg"),),
)

ANSI = Group(
    "ansi",
    "How long either leg of each home stood outside the service voltage ranges of ANSI C84.1 while energised.",
    (
        of_home("outside_a_s", "f8", "s", f"time outside range A, {ANSI_LOW_PU} to {ANSI_HIGH_PU} pu"),
        of_home(
            "outside_b_s", "f8", "s", f"time outside range B, {ANSI_B_LOW_PU:.3f} to {ANSI_B_HIGH_PU:.3f} pu"
        ),
    ),
)

WINDOW = Group(
    "window/NAME",
    "Steps of some homes in full.",
    (
        Variable("window_step", ("window_step",), "i8", TIME_UNITS, "start of the step"),
        Variable("window_home", ("window_home",), "str", "", "home"),
        *(full(q, "window_step", "window_home") for q in HOME_QUANTITIES),
    ),
)

# Grown while the run goes on, by the dimension that grows.
GROWING: dict[str, tuple[Group, ...]] = {
    "interval": (INTERVALS, *(group for group, _ in ENVELOPES.values())),
    "step": (SOLVER, FEEDER, FULL),
    "event": (EVENTS,),
}

GROUPS: tuple[Group, ...] = (
    HOMES,
    TRANSFORMERS,
    BUSES,
    INVERTERS,
    MAP,
    INTERVALS,
    HOME_ENVELOPE,
    TRANSFORMER_ENVELOPE,
    LINE_ENVELOPE,
    BUS_ENVELOPE,
    INVERTER_ENVELOPE,
    FULL,
    FEEDER,
    SOLVER,
    EVENTS,
    BACKFEED,
    INVERTER_ENERGY,
    SUPPLY,
    ANSI,
)


def growing() -> dict[str, str]:
    """Path of every dataset that grows while the run goes on -> the dimension along which it does."""
    paths = {dim: dim for dim in GROWING}
    return paths | {
        f"{g.path}/{v.name}": dim for dim, groups in GROWING.items() for g in groups for v in g.variables
    }


# Attributes of the file itself.
ATTRIBUTES: dict[str, str] = {
    "kind": f'"{KIND}"',
    "version": "version of this layout",
    "status": '"complete", or "partial" for what an interrupted run left',
    "title": "title of the scenario",
    "scenario_json": "the whole scenario as run, overrides applied",
    "seed": "seed of every random draw",
    "step_s": "study step [s]",
    "interval_s": "recording interval [s]",
    "quantised": "1 if values are rounded to the quantisation step of their quantity, else 0",
    "duration_s": "duration asked for [s]",
    "statistics_leave_out": "what no statistic, extreme or time outside a range counts",
    "start": "start of the run, local clock of `timezone`",
    "timezone": "IANA name; times in the file count elapsed time, without daylight-saving jumps",
    "feeder": "name of the feeder",
    "feeder_digest": "digest of the feeder's tables and matrices",
    "versions": "JSON object: package -> version",
    "library": "JSON object: kind/name -> entry of models/ as used, with its sources",
    "Conventions": "CF-1.11",
}
