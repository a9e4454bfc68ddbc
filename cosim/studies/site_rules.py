"""Homes held against their utility's rules: what an adapter there breaks, and what cannot be judged.

A finding is a result, not an error: a study may well ask what a rule costs. Numbers that are estimates are
judged only where their whole range lies on one side of a limit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim import library

if TYPE_CHECKING:
    from cosim.adapter_entry import AdapterEntry
    from cosim.entries import Quantity
    from cosim.scenario.population import Population
    from cosim.utility_entry import Rules, SocketEntry, UtilityEntry

Float = NDArray[np.float64]

BROKEN, UNJUDGED, BARRED = 0, 1, 2
VERDICTS = ("broken", "unjudged", "barred")

NETWORK_V = 225.0  # a line-to-line voltage below it is that of a 120/208 V network
Said = tuple[str, int, str, str]  # rule, verdict, sentence, source


@dataclass(frozen=True)
class Finding:
    """One rule at one home.

    Parameters
    ----------
    home
        Row of the home.
    rule
        Its short name, such as ``socket-rating``.
    verdict
        ``BROKEN`` by the adapter that stands there, ``UNJUDGED`` for want of a number, or ``BARRED``: nothing
        stands there, and the socket could take no adapter.
    text, source
        What was found, and who asks for it.
    """

    home: int
    rule: str
    verdict: int
    text: str
    source: str


@dataclass(frozen=True)
class SiteCheck:
    """Every finding of a population at a utility; no utility: only what adapter and socket say of each other.

    Parameters
    ----------
    utility
        Name of its entry, empty for none.
    findings
        By home, then rule.
    unseen
        Rules of the utility that nothing in a study can judge, as sentences.
    """

    utility: str
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = ()

    def homes(self, verdict: int) -> int:
        """Number of homes with a finding of this verdict."""
        return len({finding.home for finding in self.findings if finding.verdict == verdict})

    def rules(self, verdict: int) -> dict[str, int]:
        """Homes by rule, most first."""
        return dict(Counter(f.rule for f in self.findings if f.verdict == verdict).most_common())

    def line(self) -> str:
        """One sentence for a summary."""
        broken = ", ".join(f"{rule} {count}" for rule, count in self.rules(BROKEN).items())
        return (
            f"{self.utility or 'no utility named'}: {self.homes(BROKEN)} homes break a rule"
            f"{f' ({broken})' if broken else ''}, {self.homes(UNJUDGED)} hold something not judged, "
            f"{self.homes(BARRED)} without an adapter could take none"
        )


def site_check(
    population: Population, line_v: Float, utility: str | None, fault_a: Float | None = None
) -> SiteCheck:
    """Hold every home against the rules of its utility.

    Parameters
    ----------
    population
        Who has what.
    line_v
        (homes,) voltage between the lines of the service [V].
    utility
        Entry of ``models/utilities``, None for none.
    fault_a
        (homes,) largest fault current at the sockets [A], NaN where unknown; None if it was not studied.
    """
    asking = library.load("utilities", utility) if utility else None
    adapters = {name: library.load("adapters", name) for name in _names(population.adapter)}
    known = library.names("sockets")  # an imported feeder may call its sockets anything
    sockets = {name: library.load("sockets", name) for name in _names(population.socket) if name in known}
    alike: dict[tuple[str, str, str, float], list[int]] = defaultdict(list)
    for home, kind in enumerate(population.kind):
        if kind in ("split", "single"):
            service = "120/208-network" if line_v[home] < NETWORK_V else "120/240-split"
            site = (str(population.adapter[home]), str(population.socket[home]), service)
            alike[(*site, float(population.service_rating_a[home]))].append(home)
    found: list[Finding] = []
    for (adapter, socket, service, rating_a), homes in alike.items():
        said = list(_site(adapters.get(adapter), sockets.get(socket), service, rating_a, asking))
        found += [Finding(home, *row) for home in homes for row in said]
        if asking is not None and asking.rules is not None:
            for home in homes:
                current = None if fault_a is None else float(fault_a[home])
                found += [Finding(home, *row) for row in _fault(asking.rules, current, bool(adapter))]
    found.sort(key=lambda finding: finding.home)
    return SiteCheck(utility or "", tuple(found), tuple(_unseen(asking)))


def _names(column: NDArray[np.object_]) -> list[str]:
    return sorted({str(name) for name in column} - {""})


def _unseen(utility: UtilityEntry | None) -> Iterator[str]:
    """What a utility asks that no study knows of."""
    if utility is None or utility.rules is None:
        return
    if (space := utility.rules.clear_space_m) is not None:
        yield f"{space.value:.2f} m from the property line to the meter's face: known of no home"
    if utility.conduit:
        yield f"{utility.conduit}: known of no home"


def _site(
    adapter: AdapterEntry | None,
    socket: SocketEntry | None,
    service: str,
    rating_a: float,
    utility: UtilityEntry | None,
) -> Iterator[Said]:
    """Every rule at homes that are alike."""
    mounted = adapter is not None and adapter.meter_mounted
    if adapter is not None and mounted:
        yield from _fit(adapter, socket)
    if utility is None:
        return
    if adapter is not None and mounted:
        yield from _approval(adapter, utility)
    rules = utility.rules
    if rules is None or (adapter is not None and not mounted):
        return
    verdict = BROKEN if mounted else BARRED
    other = (
        ""
        if adapter is None or not rules.published_for or adapter.name in rules.published_for
        else " (published for other products)"
    )
    for rule, worst, text, source in _place(rules, socket, service, rating_a):
        if worst == BROKEN:
            yield rule, verdict, text + other, source
        elif mounted:
            yield rule, UNJUDGED, text + other, source
    if adapter is not None:
        yield from ((r, v, t + other, s) for r, v, t, s in _device(rules, adapter, socket))


def _fit(adapter: AdapterEntry, socket: SocketEntry | None) -> Iterator[Said]:
    """What adapter and socket say of each other."""
    source = adapter.rating_a.source
    if socket is None:
        yield "adapter-rating", UNJUDGED, "the socket is not known", source
    elif adapter.rating_a.value > socket.rating_a.value:
        least = adapter.socket_min_a
        if least is None or not least.known or socket.rating_a.value < least.value:
            text = f"{adapter.name} of {adapter.rating_a.value:g} A stands on a socket of {socket.rating_a.value:g} A"
            yield "adapter-rating", BROKEN, text, source


def _approval(adapter: AdapterEntry, utility: UtilityEntry) -> Iterator[Said]:
    """Approval is per product, never per maker."""
    own = next((row for row in adapter.approvals if row.utility == utility.name), None)
    listed = next((row for row in utility.approvals if row.product == adapter.name), None)
    row = listed or own
    if adapter.kind in ("socket", "second-socket") or (row is not None and row.status == "approved"):
        return
    if row is not None:
        yield "approval", BROKEN, f"{adapter.name} is not approved but {row.status}", row.source
    elif utility.approvals:
        source = utility.approvals[0].source
        yield "approval", BROKEN, f"{adapter.name} is not on the utility's list", source
    else:
        yield "approval", UNJUDGED, "the utility's list was not found", utility.installation_source


def _place(rules: Rules, socket: SocketEntry | None, service: str, rating_a: float) -> Iterator[Said]:
    """Socket, cover, enclosure, service and panel; verdicts are BROKEN or UNJUDGED."""
    asks_socket = (rules.socket_min_a, rules.socket_max_a, rules.ringless_cover, rules.enclosure_height_m)
    if socket is None:
        first = next((asked for asked in asks_socket if asked is not None), None)
        if first is not None:
            yield "socket-rating", UNJUDGED, "the socket is not known", first.source
    else:
        yield from _below("socket-rating", "socket", socket.rating_a, rules.socket_min_a)
        yield from _above("socket-rating", "socket", socket.rating_a, rules.socket_max_a)
        if rules.ringless_cover is not None and socket.cover != "ringless":
            yield "cover", BROKEN, "the cover is of ring type, not ringless", rules.ringless_cover.source
        yield from _below(
            "enclosure-height", "enclosure", socket.enclosure_height_m, rules.enclosure_height_m
        )
    if rules.services and service not in rules.services:
        text = f"service {service}; allowed are {' and '.join(rules.services)}"
        yield "service", BROKEN, text, rules.services_source
    most = rules.panel_max_a
    if most is not None and most.known:
        if np.isnan(rating_a):
            yield "panel", UNJUDGED, "the service rating is not known", most.source
        elif rating_a > most.value:
            yield "panel", BROKEN, f"service of {rating_a:g} A, at most {most.value:g} A allowed", most.source


def _device(rules: Rules, adapter: AdapterEntry, socket: SocketEntry | None) -> Iterator[Said]:
    """The adapter's own numbers: fifth terminal, and the breaker between it and a source of energy."""
    if rules.fifth_terminal is not None and socket is not None and socket.jaws.value >= 5:
        if adapter.jaws is None or not adapter.jaws.known:
            yield "jaws", UNJUDGED, "the adapter's jaws are not known", rules.fifth_terminal.source
        elif adapter.jaws.value < socket.jaws.value:
            text = f"a socket of {socket.jaws.value:g} jaws under an adapter of {adapter.jaws.value:g}"
            yield "jaws", BROKEN, text, rules.fifth_terminal.source
    if adapter.kind != "der-connection":
        return
    asked = (rules.der_breaker_min_a, rules.der_breaker_max_a, rules.der_interrupting_a)
    if not adapter.der_breaker:
        first = next((quantity for quantity in asked if quantity is not None), None)
        if first is not None:
            yield "der-breaker", UNJUDGED, "the adapter's breaker is not known", first.source
        return
    breaker = library.load("breakers", adapter.der_breaker)
    yield from _below("der-breaker", "breaker", breaker.rating_a, rules.der_breaker_min_a)
    yield from _above("der-breaker", "breaker", breaker.rating_a, rules.der_breaker_max_a)
    yield from _below(
        "der-interrupting",
        "breaker with an interrupting rating",
        breaker.interrupting_a,
        rules.der_interrupting_a,
    )


def _fault(rules: Rules, current_a: float | None, adapter: bool) -> Iterator[Said]:
    most = rules.fault_current_max_a
    if most is None or not most.known:
        return
    if current_a is None or np.isnan(current_a):
        if adapter:
            yield "fault-current", UNJUDGED, "no fault-duty study at this socket", most.source
    elif current_a > most.value:
        text = f"{current_a:,.0f} A may stand here, above {most.value:,.0f} A"
        yield "fault-current", BROKEN if adapter else BARRED, text, most.source


def _below(rule: str, what: str, given: Quantity, least: Quantity | None) -> Iterator[Said]:
    """A finding if `given` lies below `least`, or may."""
    if least is not None and least.known:
        yield from _compare(rule, what, given, least, -1.0, "at least")


def _above(rule: str, what: str, given: Quantity, most: Quantity | None) -> Iterator[Said]:
    """A finding if `given` lies above `most`, or may."""
    if most is not None and most.known:
        yield from _compare(rule, what, given, most, 1.0, "at most")


def _compare(
    rule: str, what: str, given: Quantity, limit: Quantity, sign: float, word: str
) -> Iterator[Said]:
    if not given.known:
        yield rule, UNJUDGED, f"{what}: not known; {word} {limit.value:g} {limit.unit} asked", limit.source
        return
    ends = given.range if given.range is not None and given.confidence == "estimate" else (given.value,) * 2
    over = [sign * (end - limit.value) > 0.0 for end in ends]
    asked = "asked" if sign < 0.0 else "allowed"
    text = f"{what} of {given.value:g} {given.unit}, {word} {limit.value:g} {limit.unit} {asked}"
    if all(over):
        yield rule, BROKEN, text, limit.source
    elif any(over):
        yield (
            rule,
            UNJUDGED,
            f"{text}; an estimate from {ends[0]:g} to {ends[1]:g} {given.unit}",
            limit.source,
        )


def largest_fault(studied: Mapping[str, tuple[str, int, Mapping[str, Any]]]) -> Float | None:
    """(homes,) largest fault current of all fault-duty studies, NaN where dead; None without a study.

    `studied` holds kind, time and columns of every study by name.
    """
    tables = [columns for kind, _, columns in studied.values() if kind == "fault_duty"]
    if not tables:
        return None
    currents = [np.asarray(t[name], float) for t in tables for name in ("i_l1n_a", "i_l2n_a", "i_l1l2_a")]
    largest: Float = np.fmax.reduce(currents, axis=0)
    return largest


def as_columns(check: SiteCheck, homes: Sequence[str]) -> dict[str, Any]:
    """Columns of the study group ``site_rules`` of a result file."""
    found = check.findings
    return {
        "home": [homes[finding.home] for finding in found],
        "rule": [finding.rule for finding in found],
        "verdict": np.array([finding.verdict for finding in found], dtype=np.int8),
        "text": [finding.text for finding in found],
        "source": [finding.source for finding in found],
    }
