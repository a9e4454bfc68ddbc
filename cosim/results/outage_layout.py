"""What stands in a result file of interruptions: each of them, the indices, homes through them, who was out when."""

from __future__ import annotations

from cosim.results.variables import TIME_UNITS, Group, Variable

ROW = Variable("row", ("row",), "i8", "", "number of the row")


def _row(name: str, dtype: str, units: str, long_name: str, flags: tuple[str, ...] = ()) -> Variable:
    return Variable(name, ("row",), dtype, units, long_name, flags=flags)


INTERRUPTIONS = Group(
    "study/NAME (interruptions)",
    "Every loss of the grid at a home's service, a row each, whatever the home did about it.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("began", "i8", TIME_UNITS, "when the grid went, or a leg or phase of it"),
        _row("ended", "i8", TIME_UNITS, "when it came back, or the run ended"),
        _row("duration_s", "f8", "s", "how long it was away"),
        _row(
            "lasting",
            "i1",
            "",
            "by IEEE 1366: sustained if over five minutes; unended: still out when the run ended",
            flags=("momentary", "sustained", "unended"),
        ),
        _row("cause", "i8", "1", "number of the event that opened the way, -1 where none did at that moment"),
    ),
)
RELIABILITY = Group(
    "study/NAME (reliability)",
    "Interruption indices as IEEE 1366 defines them, of this run alone, whatever its length; one row.",
    (
        ROW,
        _row("homes", "i8", "1", "homes served"),
        _row("duration_h", "f8", "h", "length of the run"),
        _row("saifi", "f8", "1", "sustained interruptions a home"),
        _row("saidi_min", "f8", "min", "minutes of them a home"),
        _row("caidi_min", "f8", "min", "minutes of one; NaN without any"),
        _row("maifi", "f8", "1", "momentary interruptions a home"),
        _row("maifi_e", "f8", "1", "momentary events a home"),
        _row("availability", "f8", "1", "share of home-hours with the grid there"),
    ),
)
OUTAGE_HOMES = Group(
    "study/NAME (outage_homes)",
    "Every home that lost the grid or its power, through the whole run.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row(
            "without_grid_s",
            "f8",
            "s",
            "time without the grid at its service, or without a leg or phase of it",
        ),
        _row("without_power_s", "f8", "s", "time without power at its panel"),
        _row("on_own_s", "f8", "s", "time its panel had power and the grid was away"),
        _row("transfers", "i8", "1", "how often its panel got power of its own while the grid was away"),
        _row(
            "own_kwh",
            "f8",
            "kWh",
            "energy of its own source used while the grid was away, at the panel or by cord",
        ),
        _row("left_off_kwh", "f8", "kWh", "demand left off while on its own: not backed up, or shed"),
        _row(
            "unserved_kwh",
            "f8",
            "kWh",
            "what its loads would have taken in the time without power, at their mean with the grid; an estimate",
        ),
    ),
)
OUT_OVER_TIME = Group(
    "study/NAME (out_over_time)",
    "How many homes were out, a row for every change.",
    (
        ROW,
        _row("time", "i8", TIME_UNITS, "from when it was so"),
        _row("without_grid", "i8", "1", "homes without the grid, or a leg or phase of it"),
        _row("without_power", "i8", "1", "homes without power at the panel"),
        _row("on_own", "i8", "1", "homes with power of their own while the grid is away"),
    ),
)
RETURNS = Group(
    "study/NAME (returns)",
    "Homes that came back to the grid at one instant from sustained interruptions, a row each such instant: what they "
    "draw together in the hour after it (cold load pickup), against what they drew before. Steps in which a fault "
    "stands do not count.",
    (
        ROW,
        _row("time", "i8", TIME_UNITS, "when the grid came back"),
        _row("homes", "i8", "1", "homes it came back to"),
        _row("out_s", "f8", "s", "for how long the first of them had been out"),
        _row("transformers_kva", "f8", "kVA", "rating of the service transformers that feed them"),
        _row(
            "before_kw",
            "f8",
            "kW",
            "power through their services before each went out, a mean that forgets within 15 min",
        ),
        _row("first_kw", "f8", "kW", "the same in the first step after the return"),
        _row("peak_kw", "f8", "kW", "most of it within the hour after"),
        _row("peak_time", "i8", TIME_UNITS, "start of the step in which that was"),
        _row("unit", "str", "", "of their transformers that whose winding was hottest within the hour after"),
        _row("unit_first_c", "f8", "degC", "its hot spot at the end of the first step after the return"),
        _row("unit_c", "f8", "degC", "the highest of its hot spot"),
        _row(
            "adapter",
            "str",
            "",
            "of them the home whose adapter was hottest within the hour after, empty if none",
        ),
        _row(
            "adapter_first_c", "f8", "degC", "hottest part of that adapter after the first step, NaN if none"
        ),
        _row("adapter_c", "f8", "degC", "the highest of it"),
    ),
)
ISLAND_ENERGY = Group(
    "study/NAME (island_energy)",
    "Every home that was ever on power of its own, by cord, or on its neighbourhood's battery: energy over all such "
    "time, the minutes included in which the grid was back and its device still waited.",
    (
        ROW,
        _row("home", "str", "", "home"),
        _row("group", "str", "", "its group of the scenario"),
        _row("solar_kwh", "f8", "kWh", "served by its solar at once"),
        _row("battery_kwh", "f8", "kWh", "served by its battery"),
        _row("generator_kwh", "f8", "kWh", "served by its generator, at the panel or by cord"),
        _row(
            "section_kwh",
            "f8",
            "kWh",
            "taken through the service while its section was on a battery of its own",
        ),
        _row("charged_kwh", "f8", "kWh", "that solar put into its battery"),
        _row("curtailed_kwh", "f8", "kWh", "solar in service that was held back"),
        _row("left_off_kwh", "f8", "kWh", "demand left off: not backed up, or shed"),
        _row("fuel_kwh", "f8", "kWh", "heat of the fuel that its engine burnt, whatever it served"),
    ),
)
SECTION_ISLANDS = Group(
    "study/NAME (section_islands)",
    "Every time that a section of the feeder stood on a battery of its own; see docs/islands.md.",
    (
        ROW,
        _row("at", "str", "", "the switch that parted it"),
        _row("formed", "i8", TIME_UNITS, "when its battery began to hold it up"),
        _row("ended", "i8", TIME_UNITS, "when it ceased to, or the run ended"),
        _row("reason", "str", "", "what ended it"),
        _row("cause", "i8", "1", "number of the event that ended it, -1 if it goes on"),
        _row("homes", "i8", "1", "homes on it then"),
        _row("given_kwh", "f8", "kWh", "given at the battery's terminals"),
        _row("taken_kwh", "f8", "kWh", "taken there from solar"),
        _row("least_pu", "f8", "1", "least that was stored, over the battery's energy"),
        _row("left_pu", "f8", "1", "what was stored as it ended"),
    ),
)
BACKFEED_SPELLS = Group(
    "study/NAME (backfeed_spells)",
    "Every time that a home's source stood on the dead grid, which nothing isolated it from; see docs/backfeed.md. "
    "Extents, voltages and currents are the most of that time.",
    (
        ROW,
        _row("home", "str", "", "home whose source it was"),
        _row("began", "i8", TIME_UNITS, "since when"),
        _row("ended", "i8", TIME_UNITS, "until when, or the run ended"),
        _row("reason", "str", "", "what ended it"),
        _row("homes", "i8", "1", "other homes under voltage"),
        _row("nodes", "i8", "1", "conductors at more than a touch voltage"),
        _row("primary_m", "f8", "m", "length of live primary lines"),
        _row("primary_v", "f8", "V", "voltage of the primary to ground"),
        _row("contact_a", "f8", "A", "current through a body that touches it"),
        _row(
            "closing_a",
            "f8",
            "A",
            "worst current of the source when the utility came back out of phase, else 0",
        ),
        _row("hazard_s", "f8", "s", "time with a primary that is dangerous to touch"),
        _row("exposure_s", "f8", "s", "that time while crews worked on it"),
    ),
)
SHORT_CIRCUITS = Group(
    "study/NAME (short_circuits)",
    "Every short circuit into which current flowed, a row each: while it did, currents and voltages count here and "
    "neither as loading nor as service voltage. With several at once each has what all of them do.",
    (
        ROW,
        _row("name", "str", "", "fault"),
        _row("where", "str", "", "its place"),
        _row("fault", "str", "", "its kind"),
        _row("conductors", "str", "", "conductors"),
        _row("began", "i8", TIME_UNITS, "when current first flowed into it"),
        _row("live_s", "f8", "s", "for how long it did in all"),
        _row("spells", "i8", "1", "how often it began to: once, and once for every closing onto it"),
        _row("current_a", "f8", "A", "largest current of any line meanwhile, symmetrical r.m.s."),
        _row("line", "str", "", "that line"),
        _row("line_pu", "f8", "1", "that current over the line's rating, NaN without one"),
        _row("low_pu", "f8", "1", "lowest voltage of a leg at any home that was not dead, over nominal"),
        _row("home", "str", "", "that home"),
        _row(
            "sagged",
            "i8",
            "1",
            "most homes at once with a leg below 0.9 of nominal (a sag of IEEE 1159), not dead",
        ),
    ),
)
COORDINATION = Group(
    "study/NAME (coordination)",
    "What stands against the settings of protective devices, a row a finding; see docs/protection.md.",
    (
        ROW,
        _row(
            "kind",
            "str",
            "",
            "curves cross: the next device upstream opens first; margin: it opens later, but too soon for what is "
            "asked; blind: never operates at its smallest fault; saving fails: the link melts within the fast shot; "
            "inrush: opens on the current of a return; duty: fault above what it interrupts; count: counts too far",
        ),
        _row("device", "str", "", "the device"),
        _row(
            "backup",
            "str",
            "",
            "the next upstream; of blind the nearest that sees the fault, empty if none does",
        ),
        _row("place", "str", "", "section of the fault"),
        _row("fault", "str", "", "kind of fault"),
        _row("ohm", "f8", "ohm", "its resistance"),
        _row("crosses_a", "f8", "A", "where the curves cross inside the range of faults, NaN if they do not"),
        _row("from_a", "f8", "A", "least current through the device for which it holds"),
        _row("to_a", "f8", "A", "most"),
        _row("worst_a", "f8", "A", "current of the times"),
        _row("device_s", "f8", "s", "until the device has cleared (saving fails: melted), infinite if never"),
        _row("backup_s", "f8", "s", "until the backup decides (saving fails: the fast shot has cleared)"),
        _row("right", "str", "", "what would be right"),
    ),
)
OUTAGE_STUDIES = {
    "coordination": COORDINATION,
    "interruptions": INTERRUPTIONS,
    "reliability": RELIABILITY,
    "outage_homes": OUTAGE_HOMES,
    "out_over_time": OUT_OVER_TIME,
    "returns": RETURNS,
    "short_circuits": SHORT_CIRCUITS,
    "island_energy": ISLAND_ENERGY,
    "section_islands": SECTION_ISLANDS,
    "backfeed_spells": BACKFEED_SPELLS,
}
MOMENTARY, SUSTAINED, UNENDED = range(3)
