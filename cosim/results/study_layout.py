"""What stands in a result file of studies of an instant, and of what a run adds up by itself."""

from __future__ import annotations

from cosim.results.outage_layout import OUTAGE_STUDIES
from cosim.results.variables import (
    ROOM_HIGH_C,
    ROOM_LOW_C,
    TIME_UNITS,
    WATER_LOW_C,
    Group,
    Variable,
    of_home,
)

_CONTRIBUTIONS = "NaN unless contributions are asked for"
_LET_THROUGH = "nothing unless let-through is asked for"
_MINIMUM = "NaN unless a fault resistance is given"

FAULT_DUTY = Group(
    "study/NAME (fault_duty)",
    "A fault-duty study; the attribute `time_us` says when.",
    (
        of_home("i_l1n_a", "f8", "A", "fault current first leg to neutral, symmetrical r.m.s."),
        of_home("i_l2n_a", "f8", "A", "fault current second leg to neutral, symmetrical r.m.s."),
        of_home("i_l1l2_a", "f8", "A", "fault current leg to leg, symmetrical r.m.s."),
        of_home("x_over_r_l1n", "f8", "1", "reactance over resistance, first leg to neutral"),
        of_home("x_over_r_l2n", "f8", "1", "reactance over resistance, second leg to neutral"),
        of_home("x_over_r_l1l2", "f8", "1", "reactance over resistance, leg to leg"),
        of_home("peak_a", "f8", "A", "largest instantaneous fault current at the worst closing angle"),
        of_home(
            "adapter_rating_a", "f8", "A", "smallest short-circuit rating known of any part of the adapter"
        ),
        of_home("breaker_rating_a", "f8", "A", "interrupting rating of the breaker, symmetrical r.m.s."),
        of_home(
            "verdict",
            "i1",
            "",
            "largest fault current against the smallest rating known; breaker_only: the breaker holds, its adapter "
            "has no known rating",
            flags=("within", "over", "unknown", "breaker_only"),
        ),
        of_home("own_a", "f8", "A", f"what the home's own devices add at most; {_CONTRIBUTIONS}"),
        of_home(
            "neighbours_a", "f8", "A", f"what those on the same transformer add at most; {_CONTRIBUTIONS}"
        ),
        of_home("bound_a", "f8", "A", "largest fault current with all these added, what the verdict judges"),
        of_home("minimum_a", "f8", "A", f"smallest leg-to-neutral fault; {_MINIMUM}"),
        of_home("clearing_s", "f8", "s", f"until the main breaker clears a fault behind it; {_LET_THROUGH}"),
        of_home("i2t_a2s", "f8", "A2 s", f"what it lets through until then; {_LET_THROUGH}"),
        of_home("let_through_peak_a", "f8", "A", f"largest instantaneous current of that; {_LET_THROUGH}"),
        of_home("minimum_clearing_s", "f8", "s", f"the same for the smallest fault; {_MINIMUM}"),
        of_home(
            "fuse_clearing_s",
            "f8",
            "s",
            f"until the transformer's fuse clears a fault at the socket; {_LET_THROUGH}",
        ),
        of_home("minimum_fuse_clearing_s", "f8", "s", f"the same for the smallest fault; {_MINIMUM}"),
        of_home("hottest_part", "str", "", f"part of the adapter that this heats most; {_LET_THROUGH}"),
        of_home("hottest_rise_k", "f8", "K", f"its adiabatic rise; {_LET_THROUGH}"),
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
        of_home("high_pu", "f8", "1", "voltage of the higher leg, over nominal"),
        of_home("high_without_pu", "f8", "1", "the same without the functions"),
        of_home("service_a", "f8", "A", "current of the larger service leg"),
        of_home("service_without_a", "f8", "A", "the same without the functions"),
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
    **OUTAGE_STUDIES,
}
WITHIN, OVER, UNKNOWN, BREAKER_ONLY = 0, 1, 2, 3
