"""What an entry of ``models/protection`` may hold: fuses, reclosers, relays and sectionalizers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cosim.devices.curves import RELAYS, Curve, DefiniteTime, InverseTime, TimeCurrentCurve
from cosim.devices.protection import Element, Shot
from cosim.entries import Confidence, Entry, Frozen, Quantity, of

DEFINITE = "definite-time"
Times = Annotated[Quantity, of("1", 0.01, 1000.0)]


class FuseEntry(Entry):
    """A family of fuses: one curve per unit of rating, and the ratings that are made.

    Parameters
    ----------
    curve
        Of ``models/curves``.
    ratings_a
        Rated currents, rising.
    load_multiple
        Rating over the load current (of a transformer: its rated current) from which one is chosen.
    cooling_s
        From just before melting back to cold without current; the way back is taken as linear.
    interrupting_a
        Largest symmetrical current that it breaks.
    """

    kind: Literal["fuse"]
    curve: str
    ratings_a: tuple[float, ...]
    source: str = Field(min_length=3)
    confidence: Confidence
    load_multiple: Times
    cooling_s: Annotated[Quantity, of("s", 0.0, 86_400.0)]
    interrupting_a: Annotated[Quantity, of("A", known=False)]

    @model_validator(mode="after")
    def _ratings(self) -> FuseEntry:
        if not self.ratings_a or not all(a < b for a, b in pairwise((0.0, *self.ratings_a))):
            raise ValueError("ratings_a must rise from above 0")
        return self

    def references(self) -> list[tuple[str, str]]:
        """The curve of its links."""
        return [("curves", self.curve)]

    def misfit(self, kind: str, name: str) -> str:
        """A link melts by a link's curve."""
        return _other_device(name, "fuse-link")

    def rating_for(self, load_a: float) -> float:
        """The smallest rating that bears a load, or the largest there is."""
        asked = self.load_multiple.value * load_a
        return next((rating for rating in self.ratings_a if rating >= asked), self.ratings_a[-1])

    def link(self, rating_a: float) -> Element:
        """The link of one rating, whether made or not."""
        kind = self.curve.removesuffix("-link")
        name = f"{rating_a:g}{kind.upper()}" if kind != self.curve else f"{rating_a:g} {kind}"
        curve = TimeCurrentCurve.load(self.curve)
        return Element(name, rating_a, curve, reset_s=self.cooling_s.value)


class ShotEntry(Frozen):
    """One opening of a sequence.

    Parameters
    ----------
    fast
        Whether it is there to save fuses; left out where fuses are to blow, its delayed successor in its place.
    curve, dial
        Of the phases: a curve of ``models/curves`` or a law of `cosim.devices.curves.RELAYS`, times the dial; for
        ``definite-time`` the dial is the time in seconds.
    ground_curve, ground_dial
        Of the sum of the phases; none if left out.
    dead_s
        Until it closes again; left out for the last.
    """

    fast: bool = False
    curve: str
    dial: Annotated[Quantity, of("1", 0.001, 1000.0)]
    ground_curve: str = ""
    ground_dial: Annotated[Quantity, of("1", 0.001, 1000.0)] | None = None
    dead_s: Annotated[Quantity, of("s", 0.05, 3600.0)] | None = None

    @model_validator(mode="after")
    def _ground(self) -> ShotEntry:
        if bool(self.ground_curve) != (self.ground_dial is not None):
            raise ValueError("give ground_curve and ground_dial together, or neither")
        return self


class ReclosingEntry(Entry):
    """A recloser, or a relay with its breaker.

    Parameters
    ----------
    pickup_multiple
        Phase pick-up over load current.
    ground_share
        Ground pick-up over phase pick-up.
    least_pickup_a
        No phase pick-up is set below.
    opening_s
        From the decision to the end of the current.
    reset_s
        Closed without pick-up for so long, the sequence begins anew.
    interrupting_a
        Largest symmetrical current that it breaks.
    instantaneous_multiple
        Of the phase pick-up, for an instantaneous unit on every shot; none if left out.
    """

    kind: Literal["recloser", "relay"]
    pickup_multiple: Times
    ground_share: Annotated[Quantity, of("1", 0.01, 1.0)]
    least_pickup_a: Annotated[Quantity, of("A")]
    opening_s: Annotated[Quantity, of("s", 0.0, 1.0)]
    reset_s: Annotated[Quantity, of("s", 0.0, 3600.0)]
    interrupting_a: Annotated[Quantity, of("A", known=False)]
    instantaneous_multiple: Times | None = None
    shots: tuple[ShotEntry, ...]

    @model_validator(mode="after")
    def _sequence(self) -> ReclosingEntry:
        if not self.shots or any((shot.dead_s is None) != (shot is self.shots[-1]) for shot in self.shots):
            raise ValueError("every shot but the last needs dead_s, the last has none")
        if self.shots[-1].fast:
            raise ValueError("the last shot must not be fast: fuses could never blow")
        return self

    def references(self) -> list[tuple[str, str]]:
        """Curves of its shots that are no laws."""
        named = {name for shot in self.shots for name in (shot.curve, shot.ground_curve) if name}
        return [("curves", name) for name in sorted(named - {DEFINITE, *RELAYS})]

    def misfit(self, kind: str, name: str) -> str:
        """A control times by a control's curve."""
        return _other_device(name, "recloser")

    def sequence(self, pickup_a: float, ground_a: float, saving: bool) -> tuple[Shot, ...]:
        """Its shots with pick-ups in amperes; with `saving` false, without fast ones."""
        delayed = next(shot for shot in self.shots if not shot.fast)
        return tuple(
            self._shot(shot if saving or not shot.fast else delayed, shot.dead_s, pickup_a, ground_a)
            for shot in self.shots
        )

    def _shot(self, shot: ShotEntry, dead_s: Quantity | None, pickup_a: float, ground_a: float) -> Shot:
        word = "fast" if shot.fast else "delayed"
        elements = [Element(word, pickup_a, curve_of(shot.curve), dial=shot.dial.value)]
        if shot.ground_dial is not None:
            elements.append(
                Element(
                    f"ground {word}",
                    ground_a,
                    curve_of(shot.ground_curve),
                    "ground",
                    shot.ground_dial.value,
                )
            )
        if self.instantaneous_multiple is not None:
            at = self.instantaneous_multiple.value * pickup_a
            elements.append(Element("instantaneous", at, DefiniteTime()))
        return Shot(tuple(elements), None if dead_s is None else round(dead_s.value * 1e6))


class SectionalizerEntry(Entry):
    """Counts the openings of what stands before it, and opens in a dead time.

    Parameters
    ----------
    actuating_share
        Actuating current over the least pick-up of the device before it.
    counts
        It opens in this dead time.
    memory_s
        For how long it remembers a count.
    opening_s
        From the loss of voltage to parted contacts.
    """

    kind: Literal["sectionalizer"]
    actuating_share: Annotated[Quantity, of("1", 0.1, 1.0)]
    counts: int = Field(ge=1, le=5)
    memory_s: Annotated[Quantity, of("s", 1.0, 3600.0)]
    opening_s: Annotated[Quantity, of("s", 0.0, 1.0)]


ProtectionEntry = Annotated[FuseEntry | ReclosingEntry | SectionalizerEntry, Field(discriminator="kind")]


def _other_device(curve: str, wanted: str) -> str:
    from cosim import library

    device = library.load("curves", curve).device
    return "" if device == wanted else f"is the curve of a {device}, not of a {wanted}"


def curve_of(name: str) -> Curve:
    """A curve by the name that a shot gives it.

    Raises
    ------
    LibraryError
        If there is none of this name.
    """
    if name == DEFINITE:
        return DefiniteTime(1.0)
    return InverseTime(name) if name in RELAYS else TimeCurrentCurve.load(name)


SCHEMAS: Mapping[str, object] = {"protection": ProtectionEntry}
