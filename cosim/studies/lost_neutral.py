"""A home whose neutral is lost: voltages of its legs, what they harm, who notices, and what stands on its metal.

Without its neutral the two legs' loads are in series across 240 V and divide it by their impedances; what does not
fit returns through the ground rod and the earth. Loads are impedances here: at voltages this far off, no other law of
theirs is known. Meters of form 2S have no neutral and measure leg to leg, which stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cosim import library
from cosim.electrical.circuit import Circuit, Complex, Element, Float, LoadModel
from cosim.electrical.network import Network
from cosim.errors import FeederError, Problem
from cosim.feeder.openings import Openings
from cosim.studies.backfeed_hazard import BODY_OHM, split_home, verdict

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder
    from cosim.tolerance_entry import ToleranceEntry

Place = Literal["drop", "socket", "tail"]
PLACES: tuple[Place, ...] = ("drop", "socket", "tail")
LEG_V = 120.0
OPEN_OHM = 1e6
"""What is left of a neutral that is lost behind the rod: metal pipes and other bonds are not counted."""
METERS = ("2S", "12S")
NEUTRAL_METERS = ("12S",)  # forms with a neutral, which measure leg to neutral
MOST_W, MOST_BODY_OHM = 1e6, 1e9


@dataclass(frozen=True)
class LostNeutral:
    """Result.

    Parameters
    ----------
    home, place
        Which, and where the neutral is lost: "drop", "socket" (between the rod and the panel) or "tail" (the
        adapter's own neutral wire).
    seconds
        (t,) length of each step.
    leg_v
        (2, t) voltages of the legs to the panel's neutral.
    before_v
        (2, t) the same with the neutral whole.
    service_v
        (t,) leg to leg.
    neutral_v
        (t,) of the panel's neutral and all metal bonded to it to earth: prospective touch voltage.
    rod_a, contact_a
        (t,) currents through the ground rod, and through a body between that metal and earth.
    hazard
        By the largest current through a body: "none", "startling", "cannot let go", "lethal".
    tolerance
        By leg: "borne", "stops" (below the envelope: equipment stops) or "damage" (above it).
    lamp_life
        (2,) life of filament lamps over nominal, by the mean wear of the steps.
    fails
        (2,) whether equipment of a leg fails within minutes.
    meter
        "leg to leg: sees nothing", "leg to leg: alarm", "leg to neutral: alarm" or "leg to neutral: within limits".
    seen
        Whether people see it: one leg brighter, the other dimmer than before.
    """

    home: str
    place: str
    seconds: Float
    leg_v: Float
    before_v: Float
    service_v: Float
    neutral_v: Float
    rod_a: Float
    contact_a: Float
    hazard: str
    tolerance: tuple[str, str]
    lamp_life: tuple[float, float]
    fails: tuple[bool, bool]
    meter: str
    seen: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(self).items()}


def lost_neutral(
    feeder: Feeder,
    home: str,
    power_w: Float,
    seconds: Float | None = None,
    *,
    place: Place = "drop",
    contact_ohm: float = OPEN_OHM,
    body_ohm: float = BODY_OHM,
    meter_form: str = "2S",
    tolerance: str = "household",
    compiled: CompiledFeeder | None = None,
) -> LostNeutral:
    """Take a home's neutral away and see what its legs do.

    Parameters
    ----------
    feeder, compiled
        The feeder, and its compiled form if there is one already. The other homes stand at their nominal load.
    home
        A split-phase home with a neutral of its own.
    power_w
        (3, t) leg 1, leg 2 and leg to leg, each at its nominal voltage.
    seconds
        (t,) length of each step; an hour if not given.
    place
        Where it is lost. A tail's loss leaves the home as it was: the branch's electronics alone lose their zero.
    contact_ohm
        Resistance of a poor contact instead of an open one; at the socket only.
    body_ohm
        Resistance of whoever touches metal of the home and earth.
    meter_form, tolerance
        Form of the meter, and entry of models/tolerances.

    Raises
    ------
    FeederError
        No such home, one without legs or neutral, or powers, a body or a meter that cannot be.
    """
    power = np.asarray(power_w, dtype=np.float64)
    if wrong := list(_wrong(power, body_ohm, meter_form)):
        raise FeederError(wrong)
    found = feeder.compile() if compiled is None else compiled
    row = split_home(feeder, found, home)
    one, two, neutral = (int(node) for node in found.home_nodes[row])
    if neutral < 0:
        raise FeederError(Problem("has no neutral of its own: nothing can be lost", key="home", value=home))
    whole, panel = _with_panel(found, row, neutral, 1e-6 if place != "socket" else contact_ohm)
    hurt = whole
    if place == "drop":
        openings = Openings(feeder, found)
        hurt = whole.with_blocks(openings.blocks(openings.cuts(f"home:{home}@n")))
    sound, _ = _with_panel(found, row, neutral, 1e-6)
    before = _voltages(sound, found, row, power)
    after = _voltages(hurt, found, row, power)
    nodes = [one, two, panel]
    legs, were = _legs(after[nodes]), _legs(before[nodes])
    step_s = np.full(power.shape[1], 3600.0) if seconds is None else np.asarray(seconds, dtype=np.float64)
    rod_v, metal_v = np.abs(after[neutral]), np.abs(after[panel])
    contact = _contact_a(hurt, panel, after[panel], body_ohm)
    entry = library.load("tolerances", tolerance)
    pu = legs / LEG_V
    service = np.abs(after[one] - after[two])
    return LostNeutral(
        home, place, step_s, legs, were, service, metal_v, rod_v * _rod_siemens(hurt, neutral), contact,
        verdict(float(contact.max(initial=0.0))), (_borne(entry, pu[0], step_s), _borne(entry, pu[1], step_s)),
        (_lamp_life(entry, pu[0], step_s), _lamp_life(entry, pu[1], step_s)),
        (bool((pu[0] > entry.fails_pu.value).any()), bool((pu[1] > entry.fails_pu.value).any())),
        _meter(entry, meter_form, pu, service / (2.0 * LEG_V), step_s),
        bool((np.abs(legs - were) / LEG_V > entry.seen_pu.value).any()),
    )  # fmt: skip


def _wrong(power_w: Float, body_ohm: float, meter_form: str) -> Iterator[Problem]:
    """What cannot be of the powers, the body and the meter."""
    if power_w.ndim != 2 or len(power_w) != 3:
        yield Problem("should be (3, t): leg 1, leg 2, leg to leg", key="power_w", value=str(power_w.shape))
        return
    for key, powers in zip(("leg1_w", "leg2_w", "line_w"), power_w, strict=True):
        if (bad := powers[~((powers >= 0.0) & (powers <= MOST_W))]).size:
            yield Problem(f"should be powers from 0 to {MOST_W:g} W", key=key, value=f"{bad[0]:g}")
    if not 1.0 <= body_ohm <= MOST_BODY_OHM:
        yield Problem(
            f"should be a number from 1 to {MOST_BODY_OHM:g}", key="body_ohm", value=f"{body_ohm:g}"
        )
    if meter_form.upper() not in METERS:
        yield Problem(f"should be one of {', '.join(METERS)}", key="meter_form", value=meter_form)


def _with_panel(found: CompiledFeeder, row: int, neutral: int, ohm: float) -> tuple[Circuit, int]:
    """The circuit with a panel's neutral of its own behind a contact of `ohm`; its number."""
    circuit = found.circuit
    panel = len(circuit.nodes)
    y = 1.0 / ohm
    lug = Element(
        "neutral.lug", np.array([neutral, panel]), y * np.array([[1, -1], [-1, 1]], np.complex128), (1, 1)
    )
    loads = circuit.injectors
    mine = loads.owner == row
    moved = {
        name: np.where(mine & (getattr(loads, name) == neutral), panel, getattr(loads, name))
        for name in ("node_a", "node_b")
    }
    model = np.where(mine, np.int8(LoadModel.IMPEDANCE), loads.model).astype(np.int8)
    return replace(
        circuit,
        nodes=(*circuit.nodes, "panel.neutral"),
        base_v=np.append(circuit.base_v, circuit.base_v[neutral]),
        elements=(*circuit.elements, lug),
        injectors=replace(loads, model=model, **moved),
    ), panel


def _voltages(circuit: Circuit, found: CompiledFeeder, row: int, power: Float) -> Complex:
    """(nodes, t) with the home's panel at `power` and everything else nominal."""
    loads, steps = circuit.injectors, power.shape[1]
    p = np.repeat(loads.p_w[:, None], steps, axis=1)
    q = np.repeat(loads.q_var[:, None], steps, axis=1)
    mine = loads.owner == row
    p[mine], q[mine] = found.share[mine] @ power, 0.0
    solved = Network(circuit).solve(np.ascontiguousarray(p), np.ascontiguousarray(q), parallel=False)
    if not solved.converged.all():
        raise FeederError(
            Problem("the feeder has no solution with its neutral lost", key="home", value=str(row))
        )
    v: Complex = solved.v
    return v


def _legs(v: Complex) -> Float:
    """(2, t) leg voltages of (leg 1, leg 2, neutral)."""
    return np.asarray(np.abs(v[:2] - v[2]))


def _rod_siemens(circuit: Circuit, node: int) -> float:
    """Conductance between a node and earth of what stands there alone: the ground rod."""
    alone = [e for e in circuit.elements if e.nodes.tolist() == [node] and e.conductors == (1,)]
    return float(sum(abs(e.y_siemens[0, 0]) for e in alone))


def _contact_a(circuit: Circuit, node: int, v: Complex, body_ohm: float) -> Float:
    """Current through a body from a node to earth, the loads as they stand."""
    unit = np.zeros((len(circuit.nodes), 1), dtype=np.complex128)
    unit[node] = 1.0
    z = Network(circuit).respond(unit, loads="admittance")[node, 0]
    return np.asarray(np.abs(v) / np.abs(z + body_ohm))


def _borne(entry: ToleranceEntry, pu: Float, seconds: Float) -> str:
    """What the envelope says of a leg: each run of steps beyond a level against the time it allows."""
    if any(_longest(pu > level, seconds) > limit for limit, level in _allowed(entry.most)):
        return "damage"
    if any(_longest(pu < level, seconds) > limit for limit, level in _allowed(entry.least)):
        return "stops"
    return "borne"


def _allowed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """For each level, how long a voltage may lie beyond it: until the time of the point before."""
    return [(0.0 if k == 0 else points[k - 1][0], level) for k, (_, level) in enumerate(points)]


def _longest(beyond: np.ndarray[Any, Any], seconds: Float) -> float:
    """Longest time without a break."""
    longest = current = 0.0
    for out, length in zip(beyond, seconds, strict=True):
        current = current + float(length) if out else 0.0
        longest = max(longest, current)
    return longest


def _lamp_life(entry: ToleranceEntry, pu: Float, seconds: Float) -> float:
    """Life of filament lamps over nominal: the inverse of the mean wear."""
    wear = float(np.average(pu**entry.lamp_exponent.value, weights=seconds))
    return 1.0 / wear if wear > 0.0 else float("inf")


def _meter(entry: ToleranceEntry, form: str, pu: Float, service_pu: Float, seconds: Float) -> str:
    """Whether the meter tells: leg to leg without a neutral, leg to neutral with one."""
    high, low, long = entry.alarm_high_pu.value, entry.alarm_low_pu.value, entry.alarm_s.value
    with_neutral = form.upper() in NEUTRAL_METERS
    seen = pu if with_neutral else service_pu[None]
    tells = any(_longest((leg > high) | (leg < low), seconds) >= long for leg in seen)
    if with_neutral:
        return "leg to neutral: alarm" if tells else "leg to neutral: within limits"
    return "leg to leg: alarm" if tells else "leg to leg: sees nothing"
