"""What stands in a result file: one table that writer, reader and docs/results.md derive from.

Every array of a result file is a `Variable` of a `Group`. The quantities of homes,
transformers and feeder are listed once by name; their envelope and full-resolution
datasets follow from the list by `envelope` and `full`.

Signs: at homes and transformers the load convention holds (positive power and current flow
grid -> home); a device that produces counts its production positive (`pv_power_w`). NaN in a
number and `NO_TIME` in a time mean that there is nothing to report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

KIND = "cosim-results"
VERSION = 5

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


def _of_home(name: str, dtype: str, units: str, long_name: str, **more: object) -> Variable:
    return replace(Variable(name, ("home",), dtype, units, long_name), **more)  # type: ignore[arg-type]


HOMES = Group(
    "homes",
    "Who lives where: one row a home.",
    (
        _of_home("group", "str", "", "group of the scenario, empty for the rest"),
        _of_home("kind", "str", "", "service: split (120/240 V three-wire), single or three"),
        _of_home("bus", "str", "", "bus of the feeder"),
        _of_home("transformer_row", "i8", "", "row of its service transformer, -1 for none"),
        _of_home("socket", "str", "", "meter socket"),
        _of_home("adapter", "str", "", "library name of its adapter, empty for none"),
        _of_home("nominal_v", "f8", "V", "nominal voltage of voltage_l1_v and voltage_l2_v"),
        _of_home("service_rating_a", "f8", "A", "rating of the service"),
        _of_home("temperature_limit_c", "f8", "degC", "smallest known material limit of its adapter"),
        _of_home("drop_limit_c", "f8", "degC", "what the insulation of its service drop bears"),
        _of_home("pv_kw", "f8", "kW", "solar power installed"),
        _of_home("ev_kw", "f8", "kW", "charger power installed"),
        _of_home("battery_kw", "f8", "kW", "battery power installed"),
        _of_home("x", "f8", "", "place on the feeder map"),
        _of_home("y", "f8", "", "place on the feeder map"),
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
        Variable("simulated_s", ("interval",), "f8", "s", "duration of the converged steps in the interval"),
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
    (_of_home("unsupplied_s", "f8", "s", "time with 0 V on the first leg"),),
)

ANSI = Group(
    "ansi",
    "How long either leg of each home stood outside the service voltage ranges of ANSI C84.1 while energised.",
    (
        _of_home("outside_a_s", "f8", "s", f"time outside range A, {ANSI_LOW_PU} to {ANSI_HIGH_PU} pu"),
        _of_home(
            "outside_b_s", "f8", "s", f"time outside range B, {ANSI_B_LOW_PU:.3f} to {ANSI_B_HIGH_PU:.3f} pu"
        ),
    ),
)

_CONTRIBUTIONS = "NaN unless contributions are asked for"
_LET_THROUGH = "nothing unless let-through is asked for"
_MINIMUM = "NaN unless a fault resistance is given"

FAULT_DUTY = Group(
    "study/NAME (fault_duty)",
    "A fault-duty study; the attribute `time_us` says when.",
    (
        _of_home("i_l1n_a", "f8", "A", "fault current first leg to neutral, symmetrical r.m.s."),
        _of_home("i_l2n_a", "f8", "A", "fault current second leg to neutral, symmetrical r.m.s."),
        _of_home("i_l1l2_a", "f8", "A", "fault current leg to leg, symmetrical r.m.s."),
        _of_home("x_over_r_l1n", "f8", "1", "reactance over resistance, first leg to neutral"),
        _of_home("x_over_r_l2n", "f8", "1", "reactance over resistance, second leg to neutral"),
        _of_home("x_over_r_l1l2", "f8", "1", "reactance over resistance, leg to leg"),
        _of_home("peak_a", "f8", "A", "largest instantaneous fault current at the worst closing angle"),
        _of_home(
            "adapter_rating_a", "f8", "A", "smallest short-circuit rating known of any part of the adapter"
        ),
        _of_home("breaker_rating_a", "f8", "A", "interrupting rating of the breaker, symmetrical r.m.s."),
        _of_home(
            "verdict",
            "i1",
            "",
            "largest fault current against the smallest rating known; breaker_only: the breaker holds, its adapter "
            "has no known rating",
            flags=("within", "over", "unknown", "breaker_only"),
        ),
        _of_home("own_a", "f8", "A", f"what the home's own devices add at most; {_CONTRIBUTIONS}"),
        _of_home(
            "neighbours_a", "f8", "A", f"what those on the same transformer add at most; {_CONTRIBUTIONS}"
        ),
        _of_home("bound_a", "f8", "A", "largest fault current with all these added, what the verdict judges"),
        _of_home("minimum_a", "f8", "A", f"smallest leg-to-neutral fault; {_MINIMUM}"),
        _of_home("clearing_s", "f8", "s", f"until the main breaker clears a fault behind it; {_LET_THROUGH}"),
        _of_home("i2t_a2s", "f8", "A2 s", f"what it lets through until then; {_LET_THROUGH}"),
        _of_home("let_through_peak_a", "f8", "A", f"largest instantaneous current of that; {_LET_THROUGH}"),
        _of_home("minimum_clearing_s", "f8", "s", f"the same for the smallest fault; {_MINIMUM}"),
        _of_home(
            "fuse_clearing_s",
            "f8",
            "s",
            f"until the transformer's fuse clears a fault at the socket; {_LET_THROUGH}",
        ),
        _of_home("minimum_fuse_clearing_s", "f8", "s", f"the same for the smallest fault; {_MINIMUM}"),
        _of_home("hottest_part", "str", "", f"part of the adapter that this heats most; {_LET_THROUGH}"),
        _of_home("hottest_rise_k", "f8", "K", f"its adiabatic rise; {_LET_THROUGH}"),
    ),
)

ROW = Variable("row", ("row",), "i8", "", "number of the row")


def _row(name: str, dtype: str, units: str, long_name: str) -> Variable:
    return Variable(name, ("row",), dtype, units, long_name)


FAULT_SOURCES = Group(
    "study/NAME (fault_sources)",
    "What feeds a leg-to-leg fault at each socket, source by source.",
    (
        ROW,
        _row("home", "str", "", "home whose socket is faulted"),
        _row("source", "str", "", "utility, inverter, battery or generator"),
        _row("entry", "str", "", "entry of models/der, empty for the utility"),
        _row("at", "str", "", "home where it stands, empty for the utility"),
        _row("limit_a", "f8", "A", "current it gives at most, symmetrical r.m.s."),
        _row("adds_a", "f8", "A", "what arrives at the fault, symmetrical r.m.s."),
        _row("seconds", "f8", "s", "how long it gives it"),
    ),
)

FAULT_DEVICES = Group(
    "study/NAME (fault_devices)",
    "Every device at each socket against the largest fault there.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("device", "str", "", "breaker or part of the adapter"),
        _row("fault_a", "f8", "A", "largest fault current, every source added"),
        _row("rating_a", "f8", "A", "its own rating, NaN if none is public"),
        _row("effective_a", "f8", "A", "its rating with the device ahead of it, where the pair is tested"),
        _row("verdict", "str", "", "within, within by series rating, over or unknown"),
    ),
)

FAULT_PARTS = Group(
    "study/NAME (fault_parts)",
    "Adiabatic rise of the metal of each kind of adapter, at the socket where its main breaker lets most through.",
    (
        ROW,
        _row("adapter", "str", "", "library name"),
        _row("home", "str", "", "home"),
        _row("part", "str", "", "part of the adapter"),
        _row("role", "str", "", "jaw, bus bar, terminal or conductor"),
        _row("material", "str", "", "of models/materials"),
        _row("section_mm2", "f8", "mm2", "metal that carries the current"),
        _row("rise_k", "f8", "K", "rise if no heat leaves"),
        _row("confidence", "str", "", "of the section"),
    ),
)

BUS_FAULTS = Group(
    "study/NAME (bus_faults)",
    "Faults of the kinds asked for at every bus.",
    (
        ROW,
        _row("bus", "str", "", "bus"),
        _row("kind", "str", "", "kind of fault"),
        _row("conductors", "str", "", "conductors faulted"),
        _row("symmetrical_a", "f8", "A", "largest conductor current, symmetrical r.m.s."),
        _row("asymmetrical_a", "f8", "A", "true r.m.s. of the first cycle at the worst closing angle"),
        _row("peak_a", "f8", "A", "largest instantaneous current"),
        _row("x_over_r", "f8", "1", "reactance over resistance"),
        _row("minimum_a", "f8", "A", f"symmetrical current through the resistance; {_MINIMUM}"),
    ),
)

BACKFEED_HAZARD = Group(
    "study/NAME (backfeed_hazard)",
    "What a source that nothing isolates does to the dead feeder, a row a home; see docs/backfeed.md.",
    (
        ROW,
        _row("home", "str", "", "home whose source runs"),
        _row("source", "str", "", "entry of models/der"),
        _row("adapter", "str", "", "adapter of the home, empty for none"),
        _row("isolated", "i1", "", "1 if the adapter isolates: nothing below happens"),
        _row("hazard", "str", "", "none, startling, cannot let go or lethal, by the first contact current"),
        _row("energised_nodes", "i8", "1", "conductors at more than a touch voltage"),
        _row("energised_homes", "i8", "1", "other homes that stand under voltage"),
        _row("source_a", "f8", "A", "first current of the source"),
        _row("source_v", "f8", "V", "first voltage at its terminals"),
        _row("primary_v", "f8", "V", "largest voltage to ground on the primary"),
        _row("transformer_a", "f8", "A", "current of the home's transformer on its primary side"),
        _row("contact_a", "f8", "A", "largest first current through a body that touches that primary"),
        _row("contact_node", "str", "", "where that is"),
        _row("late_contact_a", "f8", "A", "the same after ten seconds"),
        _row("breaker_s", "f8", "s", "until the source's own breaker opens, infinite if never"),
        _row("fuse_a", "f8", "A", "fuse assumed ahead of the transformer"),
        _row("fuse_s", "f8", "s", "until it melts, infinite if never"),
        _row(
            "rejection_pu", "f8", "1", "overvoltage if the rated power meets only the load left; an estimate"
        ),
    ),
)

BACKFEED_DECAY = Group(
    "study/NAME (backfeed_decay)",
    "How that decays, a row a home and time.",
    (
        ROW,
        _row("home", "str", "", "home whose source runs"),
        _row("seconds", "f8", "s", "time since the source stands on the feeder"),
        _row("source_a", "f8", "A", "current of the source"),
        _row("source_v", "f8", "V", "voltage at its terminals"),
        _row("primary_v", "f8", "V", "largest voltage to ground on the primary"),
        _row("transformer_a", "f8", "A", "current of the home's transformer on its primary side"),
        _row("line_a", "f8", "A", "largest current in any line"),
        _row("contact_a", "f8", "A", "largest current through a body that touches the primary"),
    ),
)

BACKFEED_ENERGISED = Group(
    "study/NAME (backfeed_energised)",
    "Everything that it energises at first.",
    (
        ROW,
        _row("home", "str", "", "home whose source runs"),
        _row("what", "str", "", "conductor (to ground) or home (leg to leg)"),
        _row("name", "str", "", "node or home"),
        _row("voltage_v", "f8", "V", "voltage"),
    ),
)

INVERTER_EFFECT = Group(
    "study/NAME (inverter_effect)",
    "The step with most sun solved twice: with the inverters' functions, and with unity power factor and no limit.",
    (
        _of_home("high_pu", "f8", "1", "voltage of the higher leg, over nominal"),
        _of_home("high_without_pu", "f8", "1", "the same without the functions"),
        _of_home("service_a", "f8", "A", "current of the larger service leg"),
        _of_home("service_without_a", "f8", "A", "the same without the functions"),
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

SITE_RULES = Group(
    "study/NAME (site_rules)",
    "Homes held against the rules of their utility: a row a rule that is broken or cannot be judged.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("rule", "str", "", "short name of the rule, see docs/adapters.md"),
        Variable(
            "verdict",
            ("row",),
            "i1",
            "",
            "broken: by the adapter there; unjudged: a number is missing; barred: the socket could take no adapter",
            flags=("broken", "unjudged", "barred"),
        ),
        _row("text", "str", "", "what was found"),
        _row("source", "str", "", "who asks for it"),
    ),
)

DER_PLACEMENT = Group(
    "study/NAME (der_placement)",
    "Homes with solar or a battery against NEC 705, a row each; see docs/placement.md.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("tapped_a", "f8", "A", "continuous current of sources on the adapter's tap"),
        _row("panel_a", "f8", "A", "continuous current of sources in the panel"),
        _row(
            "tap_breaker_a", "f8", "A", "breaker of the tap: the adapter's own, else the next standard size"
        ),
        _row("panel_breaker_a", "f8", "A", "breakers of sources in the panel, next standard sizes"),
        _row("service_a", "f8", "A", "service rating, taken as the main breaker"),
        _row("bus_a", "f8", "A", "smallest bus bar of a panel with this main"),
        _row("room_a", "f8", "A", "continuous current that this bus takes from sources by 705.12"),
        *(
            Variable(name, ("row",), "i1", "", meaning, flags=("within", "over", "unjudged", "not-meant"))
            for name, meaning in (
                ("supply", "705.11: breakers of all sources within the service rating, at a tap"),
                ("breaker", "125 % of the tapped current within the tap's breaker"),
                ("busbar", "705.12: 125 % of the panel's sources and the main within 120 % of the bus"),
                ("as_backfed", "705.12 if the tapped sources were in the panel: a comparison"),
            )
        ),
        _row("text", "str", "", "what was found"),
    ),
)

COMFORT = Group(
    "study/NAME (comfort)",
    "How homes fared indoors, a row each; limits are those of public health and housing rules, see docs/demand.md.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("cold_h", "f8", "h", f"rooms below {ROOM_LOW_C:g} degC"),
        _row("hot_h", "f8", "h", f"rooms above {ROOM_HIGH_C:g} degC"),
        _row("coldest_c", "f8", "degC", "lowest air of the rooms"),
        _row("hottest_c", "f8", "degC", "highest air of the rooms"),
        _row("cool_water_h", "f8", "h", f"water at the top of the tank below {WATER_LOW_C:g} degC"),
        _row("shed_kwh", "f8", "kWh", "energy of loads held off to stay within the service"),
    ),
)

AGED_JAWS = Group(
    "study/NAME (aged_jaws)",
    "Homes whose jaws are not as new, one row each: their worst contact. Drawn and aged by models/contacts: estimates.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("joint", "str", "", "contact: leg and the two parts it joins"),
        _row("force_share", "f8", "1", "normal force over that of its entry as new"),
        _row("ohm", "f8", "ohm", "resistance at 20 degC; of one that glows, that at which it just melts"),
        _row("new_ohm", "f8", "ohm", "resistance of the adapter's entry as new"),
        _row("years", "f8", "1", "years since adapter and meter were put in"),
        Variable(
            "state",
            ("row",),
            "i1",
            "",
            "poor: less than half of its force, or more than four times its resistance; glowing: at its usual current",
            flags=("ordinary", "poor", "glowing"),
        ),
        _row("poor_jaws", "i8", "1", "contacts of the home that are poor or glowing"),
    ),
)

CAR_DAYS = Group(
    "study/NAME (car_days)",
    "Every car at its departures; see docs/der.md.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("charger_kw", "f8", "kW", "its charger"),
        _row("departures", "i8", "1", "how often it left"),
        _row("short", "i8", "1", "departures with more than a hundredth of the battery missing"),
        _row("missing_kwh", "f8", "kWh", "what was missing then, in all"),
        _row("worst_kwh", "f8", "kWh", "most that was missing at one departure"),
        _row("worst_time", "i8", TIME_UNITS, "when; -1 if none was short"),
    ),
)

CONTROL_POSITIONS = Group(
    "study/NAME (control_positions)",
    "Where regulators and capacitor banks stood: a row a device and move, the first of each where it began.",
    (
        ROW,
        _row("kind_of", "str", "", "regulator or capacitor"),
        _row("device", "str", "", "its control"),
        _row("time", "i8", TIME_UNITS, "from when it stood so"),
        _row("position", "f8", "1", "tap in per unit, or steps on"),
    ),
)

CONTROL_WORK = Group(
    "study/NAME (control_work)",
    "What following taps and capacitor steps took, in one row.",
    (
        ROW,
        _row("factorisations", "i8", "1", "factors made from nothing"),
        _row("updates", "i8", "1", "factors updated along the elimination tree"),
        _row("updated_rows", "i8", "1", "rows of all updates"),
    ),
)

STUDIES: dict[str, Group] = {
    "fault_duty": FAULT_DUTY,
    "fault_sources": FAULT_SOURCES,
    "fault_devices": FAULT_DEVICES,
    "fault_parts": FAULT_PARTS,
    "bus_faults": BUS_FAULTS,
    "backfeed_hazard": BACKFEED_HAZARD,
    "backfeed_decay": BACKFEED_DECAY,
    "backfeed_energised": BACKFEED_ENERGISED,
    "inverter_effect": INVERTER_EFFECT,
    "control_positions": CONTROL_POSITIONS,
    "control_work": CONTROL_WORK,
    "site_rules": SITE_RULES,
    "der_placement": DER_PLACEMENT,
    "aged_jaws": AGED_JAWS,
    "comfort": COMFORT,
    "car_days": CAR_DAYS,
}
WITHIN, OVER, UNKNOWN, BREAKER_ONLY = 0, 1, 2, 3

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
    "start": "start of the run, local clock of `timezone`",
    "timezone": "IANA name; times in the file count elapsed time, without daylight-saving jumps",
    "feeder": "name of the feeder",
    "feeder_digest": "digest of the feeder's tables and matrices",
    "versions": "JSON object: package -> version",
    "library": "JSON object: kind/name -> entry of models/ as used, with its sources",
    "Conventions": "CF-1.11",
}
