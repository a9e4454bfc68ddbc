"""What stands around an adapter: the utility and its rules, the socket, the meter, the panel."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cosim.entries import Confidence, Entry, Frozen, Quantity, of

Ampere = Annotated[Quantity, of("A", known=False)]
Metre = Annotated[Quantity, of("m", known=False)]
Celsius = Annotated[Quantity, of("degC", -100.0, 200.0, known=False)]
Jaws = Annotated[Quantity, of("1", 4, 7, known=False)]
Source = Annotated[str, Field(min_length=3)]
Service = Literal["120/240-split", "120/208-network"]
Model = Literal["utility", "joint-meet", "installer", "not found"]


class Stated(Frozen):
    """A word about a utility or product, and who says so."""

    value: str
    source: Source
    confidence: Confidence


class ProductApproval(Frozen):
    """What the utility says of one product; approval is per product, never per maker."""

    product: str
    status: Literal["approved", "pilot", "pending", "not approved"]
    source: Source
    confidence: Confidence


class Rules(Frozen):
    """What a utility asks of a site and of what is installed there; what it does not say is left out.

    Parameters
    ----------
    published_for
        Products the rules were published for; they are held against every other product of the utility
        too, and a finding says so.
    socket_min_a, socket_max_a
        Continuous ratings of sockets that may take an adapter.
    ringless_cover
        Whether the cover must be ringless: ``yes``.
    fifth_terminal
        What an adapter on a socket of five jaws must have.
    enclosure_height_m, clear_space_m
        Least height of the socket's enclosure, least distance from the property line to the meter's face.
    services
        Services that may take an adapter.
    fault_current_max_a
        Most fault current that may stand at the socket.
    panel_max_a, volts_max_v
        Largest panel and highest voltage that may stand behind one.
    der_breaker_min_a, der_breaker_max_a, der_interrupting_a
        Of the breaker between an adapter and a source of energy.
    """

    published_for: tuple[str, ...] = ()
    socket_min_a: Ampere | None = None
    socket_max_a: Ampere | None = None
    ringless_cover: Stated | None = None
    fifth_terminal: Stated | None = None
    enclosure_height_m: Metre | None = None
    clear_space_m: Metre | None = None
    services: tuple[Service, ...] = ()
    services_source: str = ""
    fault_current_max_a: Ampere | None = None
    panel_max_a: Ampere | None = None
    volts_max_v: Annotated[Quantity, of("V", known=False)] | None = None
    der_breaker_min_a: Ampere | None = None
    der_breaker_max_a: Ampere | None = None
    der_interrupting_a: Ampere | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Rules:
        for low, high in (("socket_min_a", "socket_max_a"), ("der_breaker_min_a", "der_breaker_max_a")):
            smallest, largest = getattr(self, low), getattr(self, high)
            if smallest and largest and smallest.known and largest.known and smallest.value > largest.value:
                raise ValueError(f"{low} is above {high}")
        if self.services and not self.services_source:
            raise ValueError("services needs services_source: the document that names them")
        return self


class UtilityEntry(Entry):
    """A utility: how adapters come to its meters, which it approves, what it asks.

    Parameters
    ----------
    states
        Where it serves, as postal codes.
    framework
        Whether approval rests on the utility's own engagement or on its regulator's framework.
    installed_by
        ``utility`` (only its staff remove the meter), ``joint-meet`` (it removes and resets the meter, an
        installer does the rest) or ``installer`` (qualified installers do all).
    window_days, outage_minutes
        Time within which the work is done, and for how long the home is dead.
    """

    states: tuple[str, ...]
    framework: Literal["own engagement", "regulation", "not found"] = "not found"
    installed_by: Model
    installation_source: Source
    window_days: Annotated[Quantity, of("d", known=False)] | None = None
    outage_minutes: Annotated[Quantity, of("min", known=False)] | None = None
    fee: Annotated[Quantity, of("USD", known=False)] | None = None
    approvals: tuple[ProductApproval, ...] = ()
    rules: Rules | None = None
    submission: tuple[str, ...] = ()
    conduit: str = ""

    def status_of(self, product: str) -> str:
        """``approved``, ``pilot``, ``pending``, ``not approved``, or ``not found`` if the utility says nothing."""
        return next((row.status for row in self.approvals if row.product == product), "not found")


class SocketEntry(Entry):
    """A meter socket: jaws, cover and enclosure.

    Parameters
    ----------
    rating_a
        Continuous; at most 125 % of it as the intermittent rating some sockets carry besides (UL 414).
    bypass
        How the home stays fed while the meter is out.
    """

    rating_a: Annotated[Quantity, of("A")]
    volts: Annotated[Quantity, of("V")]
    form: str
    jaws: Jaws
    cover: Literal["ring", "ringless"]
    enclosure_height_m: Metre
    bypass: Literal["none", "horn", "lever", "not found"] = "not found"
    short_circuit_a: Ampere


class MeterEntry(Entry):
    """A meter: its form and class, its own heat, and what it does when it gets hot.

    Parameters
    ----------
    class_a
        Largest current it measures continuously.
    loss_w
        Its electronics' heat, at no current.
    disconnect
        Whether it holds a switch of its own; only then can it trip.
    alarm_c, trip_c
        Readings of its temperature sensor at which it tells, and at which it opens.
    lowest_c, highest_c
        Ambient it is made for.
    """

    form: str
    class_a: Annotated[Quantity, of("A")]
    volts: Annotated[Quantity, of("V")]
    loss_w: Annotated[Quantity, of("W")]
    disconnect: bool
    alarm_c: Celsius
    trip_c: Celsius
    lowest_c: Celsius
    highest_c: Celsius

    @model_validator(mode="after")
    def _trips(self) -> MeterEntry:
        if self.trip_c.known and not self.disconnect:
            raise ValueError("trip_c: a meter without a disconnect cannot trip; mark it 'not found'")
        if self.trip_c.known and self.alarm_c.known and self.alarm_c.value > self.trip_c.value:
            raise ValueError("alarm_c is above trip_c")
        return self


class PanelEntry(Entry):
    """A panel: its bus, its main breaker, and what it withstands.

    Parameters
    ----------
    main
        Entry of ``models/breakers``; empty for main lugs only.
    backfeed_share
        Bus rating times this bounds the main breaker plus the sources' breakers (NEC 705.12).
    """

    construction: Literal["load-centre", "meter-main", "sub-panel"]
    bus_a: Annotated[Quantity, of("A")]
    main: str = ""
    main_a: Ampere
    spaces: Annotated[Quantity, of("1", known=False)]
    short_circuit_a: Ampere
    backfeed_share: Annotated[Quantity, of("1", 1.0, 2.0)]

    @property
    def source_breaker_a(self) -> float:
        """Largest sum of breakers of sources the bus takes [A]: its share less the main; NaN if unknown."""
        main = self.main_a.value if self.main_a.known else float("nan")
        return self.bus_a.value * self.backfeed_share.value - main

    def references(self) -> list[tuple[str, str]]:
        """Other entries this one needs, as (kind, name)."""
        return [("breakers", self.main)] if self.main else []


SCHEMAS: dict[str, Any] = {
    "utilities": UtilityEntry,
    "sockets": SocketEntry,
    "meters": MeterEntry,
    "panels": PanelEntry,
}
