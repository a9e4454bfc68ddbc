"""The answers at the top of the page: one card a question, judged against its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cosim.report.answer import CLOSE_K, FULL_SHARE, Answer
from cosim.report.figures import Figures
from cosim.report.formatting import counted, moment, number, span
from cosim.report.home_answers import cars, comfort, jaws, rules
from cosim.results.findings import REJECTION_NOTICED_PU
from cosim.results.grid_heat_findings import LIMIT_C
from cosim.results.layout import (
    ANSI_B_HIGH_PU,
    ANSI_B_LOW_PU,
    ANSI_HIGH_PU,
    ANSI_LOW_PU,
)
from cosim.results.summary import NOTICED_W, UNBALANCE_LIMIT, Extreme, Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosim.results.outage_findings import OutageFindings


def answers(summary: Summary, found: Figures, heat_note: str = "") -> list[Answer]:
    """Every question the page answers, most important first; `heat_note` is added to the first."""
    return [
        _heat(summary, heat_note),
        *_temperature(summary, found),
        _faults(summary, found),
        *_clearing(summary),
        _service(summary),
        _voltage(summary),
        *_unbalance(summary),
        *_inverters(summary),
        *_backfeed(summary, found),
        *_overvoltage(summary),
        *_sources(summary),
        _transformers(summary),
        *_grid_heat(summary),
        *_lines(summary),
        *rules(summary),
        *jaws(summary),
        *cars(summary),
        *comfort(summary),
        *_supply(summary, found),
        *_short_circuits(summary),
        *_hazards(summary),
        _solver(summary),
    ]


def _place(extreme: Extreme) -> str:
    """Where and, if known, when an extreme stood."""
    when = moment(extreme.time)
    return f"{extreme.item}, {when}" if when else extreme.item


def _heat(summary: Summary, note: str) -> Answer:
    question = "Does any adapter run too hot?"
    if summary.heat is None:
        figure = "not simulated" if summary.adapters else "no adapters"
        return Answer(question, figure, "There is no rise of an adapter to judge.", "plain")
    heat, over = summary.heat, summary.homes_over_heat_limit
    margin = summary.heat_margin_k
    state = "bad" if over else "watch" if margin < CLOSE_K else "good"
    figure = f"{number(abs(margin))} K {'left' if margin >= 0 else 'too much'}"
    detail = (
        f"The {heat.what} of {_place(heat)}, rose {number(heat.value)} K over local air; UL 414 allows "
        f"{number(heat.limit)} K. {over:,} of {counted(summary.adapters, 'adapter')} exceed a limit. {note}"
    )
    return Answer(question, figure, detail.strip(), state)


def _temperature(summary: Summary, found: Figures) -> Iterator[Answer]:
    """How far every part stays below what its material bears, under sun and wind."""
    hottest, over = summary.temperature, summary.homes_over_temperature_limit
    if hottest is None:
        return
    question = "Do materials bear it?"
    highest = f"Under sun and wind the hottest part of any adapter, at {_place(hottest)}, is {number(hottest.value)} °C"
    margins = found.smallest["material_margin_k"]
    unknown = int((np.isnan(margins) & (found.homes["adapter"] != "")).sum())
    if not np.isfinite(margins).any():
        yield Answer(question, "not known", f"{highest}; no limit of any of its materials is known.", "plain")
        return
    worst = int(np.nanargmin(margins))
    margin = float(margins[worst])
    detail = (
        f"Least margin of any part to the limit of its material, at {found.name(worst)}. {highest}. "
        f"{counted(over, 'home')} over a known limit"
    )
    detail += f", {counted(unknown, 'adapter')} without one." if unknown else "."
    state = "bad" if over else "watch" if margin < CLOSE_K else "good"
    yield Answer(question, f"{number(abs(margin))} K {'left' if margin >= 0 else 'too much'}", detail, state)


def _faults(summary: Summary, found: Figures) -> Answer:
    question = "Is any socket's fault current above what is installed there?"
    if not summary.studies:
        return Answer(question, "not studied", "The scenario asks for no fault-duty study.", "plain")
    if summary.fault is None:
        return Answer(question, "no fed socket", "Every socket was dead when the study was made.", "plain")
    over, unknown, fault = summary.sockets_over_rating, summary.sockets_of_unknown_rating, summary.fault
    rating = (
        "no rating known there" if np.isnan(fault.limit) else f"rated {number(fault.limit / 1e3)} kA there"
    )
    detail = (
        f"Largest against its rating, symmetrical, at {_place(fault)}; {rating}. "
        f"{counted(over, 'socket')} over the "
        f"smaller of adapter and breaker rating, {unknown:,} without a known rating, of {summary.homes:,}."
    )
    unrated = int(
        (np.isnan(np.asarray(found.fault["adapter_rating_a"], float)) & (found.homes["adapter"] != "")).sum()
    )
    if unrated:
        detail += (
            f" {counted(unrated, 'adapter')} without a public rating: there the breaker's alone is compared."
        )
    state = "bad" if over else "watch" if unknown or unrated else "good"
    return Answer(question, f"{number(fault.value / 1e3)} kA", detail, state)


def _service(summary: Summary) -> Answer:
    question = "Is any service overloaded?"
    service, over = summary.service, summary.homes_over_service_rating
    if service is None:
        return Answer(question, "not simulated", "No service carried a current.", "plain")
    if np.isnan(service.limit):
        detail = f"Largest current, at {_place(service)}. No service rating is known."
        return Answer(question, f"{number(service.value)} A", detail, "plain")
    share = service.value / service.limit
    detail = (
        f"{number(service.value)} A of {number(service.limit)} A at {_place(service)}. "
        f"{counted(over, 'home')} above the service rating."
    )
    state = "bad" if over else "watch" if share > FULL_SHARE else "good"
    return Answer(question, f"{number(100 * share)} %", detail, state)


def _voltage(summary: Summary) -> Answer:
    question = "Do voltages stay in range?"
    low, high, outside = summary.low_voltage, summary.high_voltage, summary.homes_outside_voltage
    if low is None or high is None:
        return Answer(question, "not known", "No home of known nominal voltage was energised.", "plain")
    detail = (
        f"Lowest at {low.item}, highest at {_place(high)}. ANSI C84.1 range A is {ANSI_LOW_PU} to "
        f"{ANSI_HIGH_PU} pu; "
        f"{counted(outside, 'home')} outside it at some step"
    )
    detail += f", {number(summary.home_hours_outside_a)} home-hours in all" if outside else ""
    detail += f"; {summary.homes_outside_b:,} outside range B ({ANSI_B_LOW_PU:.3f} to {ANSI_B_HIGH_PU:.3f})"
    detail += f", {number(summary.home_hours_outside_b)} home-hours." if summary.homes_outside_b else "."
    figure = f"{low.value:.3f} to {high.value:.3f} pu"
    tolerable = low.value >= ANSI_B_LOW_PU and high.value <= ANSI_B_HIGH_PU
    state = "good" if not outside else "watch" if tolerable else "bad"
    return Answer(question, figure, detail, state, "outside" if state == "bad" else "")


def _unbalance(summary: Summary) -> Iterator[Answer]:
    """Where phases stand furthest from balance, if there is a three-phase bus at all."""
    worst = summary.unbalance
    if worst is None:
        return
    detail = (
        f"Negative over positive sequence voltage, largest at bus {_place(worst)}. ANSI C84.1 asks "
        "for less than "
        f"{number(100 * UNBALANCE_LIMIT)} %."
    )
    state = "watch" if worst.value > UNBALANCE_LIMIT else "good"
    yield Answer("Are the phases balanced?", f"{number(100 * worst.value)} %", detail, state)


def _inverters(summary: Summary) -> Iterator[Answer]:
    """What the voltage costs in sun, and what it brings."""
    found = summary.inverters
    if found is None:
        return
    figure = f"{number(100 * found.curtailed_share)} % held back"
    detail = (
        f"{counted(found.count, 'inverter')} act on the voltage: {number(found.curtailed_kwh)} kWh of "
        "sun held back, "
        f"{number(found.absorbed_kvarh)} kvarh absorbed."
    )
    if found.high_home:
        detail += (
            f" At most sun the highest voltage is {found.high_pu:.3f} pu ({found.high_home}); without "
            "them it would be "
            f"{found.high_without_pu:.3f}."
        )
    if found.curtailed_kwh > 0.0:
        detail += f" Most was held back at {found.worst}, {number(found.worst_kwh)} kWh."
    yield Answer("What do smart inverters do?", figure, detail, "plain")


def _clearing(summary: Summary) -> Iterator[Answer]:
    """Whether devices and metal bear a fault until it is cleared."""
    found = summary.clearing
    if found is None:
        return
    detail = (
        f"{found.over:,} of {counted(found.devices, 'device')} over their rating, {found.unknown:,} "
        "without a public one."
    )
    if np.isfinite(found.rise_k):
        detail += (
            f" The metal that heats most is {found.rise_part} at {found.rise_home}, by "
            f"{number(found.rise_k)} K."
        )
    if found.judged:
        detail += (
            f" The smallest fault is never cleared by the main breaker at {found.uncleared:,} of "
            f"{counted(found.judged, 'socket')}."
        )
    state = "bad" if found.over else "watch" if found.unknown or found.uncleared else "good"
    figure = f"{number(found.i2t_a2s / 1e6)} MA²s"
    detail = f"Largest let-through of a main breaker, at {found.i2t_home}. {detail}"
    yield Answer("Do devices bear a fault until it is cleared?", figure, detail, state)


def _overvoltage(summary: Summary) -> Iterator[Answer]:
    """What a sudden cut would do; nothing where nothing runs behind one."""
    found = summary.overvoltage
    if found is None or found.unit_pu <= 1.0:
        return
    detail = (
        f"Estimate for {found.unit} if it were cut off with what runs behind it, until inverters "
        f"trip; {counted(found.units, 'service transformer')} "
        f"above {REJECTION_NOTICED_PU:g} pu, the whole feeder {number(found.head_pu)} pu."
    )
    if found.bus:
        detail += (
            f" A ground fault lifts sound phases to {found.ground_fault_pu:.2f} pu at most ({found.bus})."
        )
    state = "watch" if found.units else "good"
    yield Answer("How high if it is cut off?", f"{number(found.unit_pu)} pu", detail, state)


def _sources(summary: Summary) -> Iterator[Answer]:
    """Sources that nothing isolates."""
    found = summary.sources
    if found is None:
        return
    question = "What if a source is not isolated?"
    if found.isolated == found.studied:
        detail = f"The adapters of all {counted(found.studied, 'home')} studied isolate them."
        yield Answer(question, "nothing is alive", detail, "good")
        return
    detail = (
        f"Through a body on the primary, from {found.home}, where it stands at "
        f"{number(found.primary_v)} V: {found.hazard}. Dangerous at "
        f"{found.dangerous:,} of {counted(found.studied, 'home')} studied; up to {found.most_nodes:,} "
        "conductors and "
        f"{found.most_homes:,} other homes are alive; neither breaker nor fuse ends it within ten "
        f"minutes at {found.unprotected:,}."
    )
    state = "bad" if found.dangerous else "watch"
    yield Answer(
        question, f"{number(found.contact_a)} A", detail, state, "dangerous" if found.dangerous else ""
    )


def _backfeed(summary: Summary, found: Figures) -> list[Answer]:
    if not summary.homes_back:
        return [Answer("What flows back?", "nothing", "No home sent power to the grid.", "plain")]
    worst = int(np.argmax(found.back_w))
    units = int((found.transformer_back_w >= NOTICED_W).sum())
    detail = (
        f"Largest, at {found.name(worst)}. {counted(summary.homes_back, 'home')} sent back "
        f"{number(float(found.back_wh.sum()) / 1e3)} kWh together."
    )
    if unit := summary.transformer_back:
        detail += (
            f" {counted(units, 'service transformer')} of {len(found.transformer_back_w):,} fed "
            "backwards, at most "
            f"{number(unit.value / 1e3)} kW ({_place(unit)})."
        )
    sockets = Answer(
        "What flows back at the sockets?", f"{number(found.back_w[worst] / 1e3)} kW", detail, "plain"
    )
    return [sockets, _head(summary)]


def _head(summary: Summary) -> Answer:
    question = "And at the feeder head?"
    if summary.head_back is None:
        return Answer(question, "nothing", "The feeder absorbed all of it.", "plain")
    when = moment(summary.head_back.time)
    detail = (
        f"Largest, {when}. {number(summary.head_back_wh / 1e3)} kWh flowed from the feeder into the source."
    )
    if phase := summary.phase_back:
        detail += f" Most in one phase: {number(phase.value / 1e3)} kW in {phase.item}."
    return Answer(question, f"{number(summary.head_back.value / 1e3)} kW", detail, "watch")


def _transformers(summary: Summary) -> Answer:
    question = "Are service transformers overloaded?"
    load, over = summary.transformer_load, summary.transformers_over_rating
    if load is None:
        return Answer(question, "not known", "The loading of no service transformer is known.", "plain")
    detail = (
        f"Highest loading, {_place(load)}. {counted(over, 'transformer')} above the nameplate at some step."
    )
    return Answer(question, f"{number(100 * load.value)} %", detail, "watch" if over else "good")


def _grid_heat(summary: Summary) -> Iterator[Answer]:
    """How fast the hottest transformer ages, and what the hottest drop has left."""
    found = summary.grid_heat
    if found is None:
        return
    if found.units:
        detail = (
            f"Hot spot of {found.unit}, {moment(found.unit_time)}; over the run it ages {number(found.ageing_factor)} "
            f"times as fast as at 110 °C. {counted(found.over_110, 'transformer')} above 110 °C, {found.over_120:,} "
            "above 120 °C. IEEE C57.91 clause 7, which runs hot for 25 kVA units."
        )
        if found.hot_spot_c > LIMIT_C:
            detail += (
                f" Beyond {LIMIT_C:.0f} °C, the guide's limit, read that it would fail, not how fast it ages."
            )
        state = "bad" if found.ageing_factor > 1.0 else "watch" if found.over_110 else "good"
        said = "fast" if state == "bad" else ""
        yield Answer(
            "Do service transformers age early?", f"{number(found.hot_spot_c)} °C", detail, state, said
        )
    if found.drops:
        left, over = found.drop_margin_k, found.drops_over
        detail = (
            f"Conductor of the drop of {found.drop}; {counted(over, 'drop')} above what its insulation bears"
        )
        detail += f", {number(left)} K left here." if left >= 0 else "."
        state = "bad" if over else "watch" if left < CLOSE_K else "good"
        yield Answer("Do service drops stay cool?", f"{number(found.drop_c)} °C", detail, state)


def _lines(summary: Summary) -> Iterator[Answer]:
    """The most loaded line, if any line has a rating."""
    load, over = summary.line_load, summary.lines_over_rating
    if load is None:
        return
    detail = (
        f"Largest share of a conductor's rating, {_place(load)}. {counted(over, 'line')} above it at "
        "some step."
    )
    yield Answer("Are lines overloaded?", f"{number(100 * load.value)} %", detail, "bad" if over else "good")


def _supply(summary: Summary, found: Figures) -> Iterator[Answer]:
    dead, out = int((found.unsupplied_s > 0).sum()), summary.outages
    if out is not None:
        yield _outages(out)
    elif dead:
        hours = number(summary.unsupplied_home_hours)
        yield Answer("Who was without power?", counted(dead, "home"), f"{hours} home-hours in all.", "plain")


def _outages(out: OutageFindings) -> Answer:
    """What the outages did."""
    caidi = f" of {number(out.caidi_min)} min on average" if out.sustained else ""
    detail = (
        f"{counted(out.sustained, 'sustained interruption')}{caidi}, {out.momentary:,} momentary; SAIFI "
        f"{number(out.saifi)} and SAIDI {number(out.saidi_min)} min in this run. Most at once: "
        f"{counted(out.most_out, 'home')} at {moment(np.datetime64(out.most_out_at), seconds=True)}; longest "
        f"{out.longest_home}, {span(out.longest_s)}. Without power {number(out.power_home_hours)} of "
        f"{number(out.grid_home_hours)} home-hours without the grid; not served: {number(out.unserved_kwh)} kWh "
        "(an estimate)."
    )
    if out.own_homes:
        detail += (
            f" {counted(out.own_homes, 'home')} had power of their own for {number(out.own_home_hours)} home-hours "
            f"and took {number(out.own_kwh)} kWh, {number(out.left_off_kwh)} kWh left off."
        )
    figure = f"{out.homes:,} of {counted(out.of_homes, 'home')} lost the grid"
    return Answer("What did the outages do?", figure, detail, "watch")


def _short_circuits(summary: Summary) -> Iterator[Answer]:
    """Short circuits of the run itself."""
    found = summary.short_circuits
    if found is None:
        return
    detail = (
        f"Largest current of any line, for the fault at {found.where}; fed for {span(found.longest_s)} at most. "
        f"Up to {counted(found.most_sagged, 'home')} at once below 0.9 of nominal voltage. "
        f"{counted(found.faults, 'short circuit')} in all; protection's own verdicts stand in the tables."
    )
    figure = f"{number(found.current_a)} A" if found.current_a >= 0.0 else "not known"
    yield Answer("What did short circuits do?", figure, detail, "watch")


def _hazards(summary: Summary) -> Iterator[Answer]:
    """Sources on the dead grid in the run itself."""
    found = summary.hazards
    if found is None:
        return
    detail = (
        f"Time with a primary that is dangerous to touch, {span(found.exposure_s)} of it while a crew was at work. "
        f"A source stood on the dead grid {counted(found.spells, 'time')}, at {counted(found.homes, 'home')}. Up to "
        f"{number(found.contact_a)} A through a body, from {found.home}; the primary at up to "
        f"{number(found.primary_v)} V, up to {counted(found.most_homes, 'other home')} alive."
    )
    state = "bad" if found.danger_s > 0.0 else "watch"
    yield Answer(
        "Who fed the dead grid?", span(found.danger_s), detail, state, "dangerous" if found.danger_s else ""
    )


def _solver(summary: Summary) -> Answer:
    question = "Did every power flow settle?"
    if not summary.steps:
        return Answer(question, "nothing run", "The run ended before its first step.", "plain")
    failed = summary.unconverged_steps
    if not failed:
        return Answer(question, "yes", f"{counted(summary.steps, 'step')}.", "good")
    detail = f"Of {counted(summary.steps, 'step')}; they are left out of every figure on this page."
    return Answer(question, f"{failed:,} did not", detail, "bad")
