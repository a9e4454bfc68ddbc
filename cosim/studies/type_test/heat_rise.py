"""The heat-rise test of UL 414B SB12.2 on an entry's body: three phases, readings, and how likely it passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.adapter_entry import AdapterEntry
from cosim.heat_body import Joint
from cosim.studies.type_test.bodies import (
    METER,
    Bench,
    Loading,
    Settings,
    loadings,
    sliding_contacts,
)
from cosim.studies.type_test.certificate import Provenance
from cosim.studies.type_test.draws import Unknown, Variants, assign, unknowns
from cosim.studies.type_test.jaw_force import JawForce
from cosim.studies.type_test.network_draws import NetworkDraws, at_rest
from cosim.studies.type_test.provenance import readable, sourced
from cosim.thermal.fleet import HeatFleet
from cosim.thermal.limits import LIMIT_K
from cosim.thermal.network import Float, HeatNetwork, Int

READING_S = 900.0
FIRST_READINGS_S = 5 * 3600.0
LONGEST_S = 24 * 3600.0
AGREE_K = 1.0
STEP_S = 60.0
KEPT_STEPS = 5  # of the cycles' trace every fifth minute is kept
CYCLES = 48
CYCLE_S = 3600.0
INSERTIONS = 5
RUNAWAY_C = 1000.0
MOST_DECISIVE = 8
CHANCE = 3.0  # times 1 / sqrt(draws): a correlation below may be luck


@dataclass(frozen=True)
class PartRise:
    """Rise of a part over the ambient at rest, in the loading that heats it most.

    Parameters
    ----------
    before_k, after_k
        At the stated values, in the initial run and after the overheating cycles.
    low_k, high_k
        5th and 95th percentile of the draws, after the cycles; infinite where a draw has no rest.
    probability
        Share of draws within the limit in both runs.
    """

    part: str
    role: str
    loading: str
    limit_k: float
    before_k: float
    after_k: float
    low_k: float
    high_k: float
    probability: float


@dataclass(frozen=True)
class Phase:
    """One phase of the heat run at the stated values.

    Parameters
    ----------
    time_s
        (n,) since the phase began.
    rise_k
        Largest rise of each kind of part, (n,) each.
    reading
        Places in `time_s` at which thermocouples are read; none during the cycles.
    settled
        Whether the last three readings agree within 1 K.
    """

    name: str
    loading: Loading
    time_s: Float
    rise_k: dict[str, Float]
    reading: tuple[int, ...]
    settled: bool


@dataclass(frozen=True)
class HeatRise:
    """What the heat-rise test found.

    Parameters
    ----------
    loadings
        Every way the rated currents may run; all must pass.
    worst
        Name of the loading that the phases show.
    probability
        Of passing initial run and repeat under every loading, by triangular draws.
    probability_flat
        The same by log-uniform draws: what the shape of the distribution does.
    initial
        Of passing the initial run alone.
    kept
        Share of its force that the hottest jaw keeps through insertions and cycles, at the stated values.
    correction_k
        What the electronics of a real meter add to the hottest jaw; the simulated meter has none.
    degraded
        The jaw that was degraded, empty for none.
    decisive
        Numbers that the margin follows most, with their rank correlation.
    """

    current_a: float
    ambient_c: float
    draws: int
    loadings: tuple[Loading, ...]
    worst: str
    parts: tuple[PartRise, ...]
    phases: tuple[Phase, ...]
    probability: float
    probability_flat: float
    initial: float
    kept: float
    correction_k: float
    degraded: str
    decisive: tuple[Provenance, ...]


def run(
    entry: AdapterEntry,
    *,
    current_a: float,
    ambient_c: float,
    draws: int,
    seed: int,
    degraded_ohm: float | None = None,
    settings: Settings | None = None,
) -> HeatRise:
    """Run the test at the stated values, and bring every draw to rest.

    Parameters
    ----------
    entry
        Product.
    current_a
        Of the service, r.m.s.
    ambient_c
        Still air.
    draws, seed
        Of the numbers with a range.
    degraded_ohm
        Resistance of a jaw on each leg that has lost its grip: the one that is hottest when all are well.
    settings
        What the standard's text would say and is not public.
    """
    bench = Bench.of(entry, settings or Settings())
    ways = loadings(entry, current_a)
    degraded = bench.degrade(_hottest_jaw(bench, ways, ambient_c), degraded_ohm) if degraded_ohm else ""
    nominal = _Nominal(bench, ways, ambient_c)
    found = unknowns(bench.models, draws, seed)
    before, after = _draw(bench, found, nominal, draws, degraded)
    flat = _draw(bench, unknowns(bench.models, draws, seed, "log-uniform"), nominal, draws, degraded)
    limits = nominal.limits
    return HeatRise(
        current_a=current_a,
        ambient_c=ambient_c,
        draws=draws,
        loadings=tuple(ways),
        worst=ways[nominal.worst].name,
        parts=tuple(_parts(nominal, before, after)),
        phases=nominal.phases(),
        probability=_share((before <= limits) & (after <= limits)),
        probability_flat=_share((flat[0] <= limits) & (flat[1] <= limits)),
        initial=_share(before <= limits),
        kept=nominal.least_kept,
        correction_k=_meter_correction(entry, nominal),
        degraded=degraded,
        decisive=tuple(_decisive(bench, found, (limits - np.maximum(before, after)).min(axis=(0, 2)))),
    )


class _Nominal:
    """The body at its stated values: networks before and after the cycles of each loading."""

    def __init__(self, bench: Bench, ways: Sequence[Loading], ambient_c: float) -> None:
        self.bench, self.ways, self.ambient_c = bench, ways, ambient_c
        self.network = _aged(bench, _inserted(bench))
        judged = [self.network.where(role) for role in LIMIT_K]
        self.rows: Int = np.concatenate(judged)
        self.limits: Float = np.repeat(np.array(list(LIMIT_K.values())), [len(nodes) for nodes in judged])
        self.before = np.stack([self.rises(self.network, way) for way in ways])
        self.cycles = [self._cycles(way) for way in ways]
        self.kept = [self._kept(trace) for trace in self.cycles]
        self.aged = [_aged(bench, kept) for kept in self.kept]
        self.after = np.stack([self.rises(net, way) for net, way in zip(self.aged, ways, strict=True)])
        self.worst = int(np.argmin((self.limits - self.after).min(axis=1)))
        self.least_kept = min([1.0, *self.kept[self.worst].values()])

    def rises(self, network: HeatNetwork, way: Loading) -> Float:
        """Rises at rest of the judged nodes."""
        return at_rest(network, way.i2_a2, self.ambient_c)[self.rows] - self.ambient_c

    def _cycles(self, way: Loading) -> Float:
        """(steps, nodes) temperatures through the overheating cycles."""
        settings = self.bench.settings
        steps, on = round(CYCLES * CYCLE_S / STEP_S), round(settings.duty.value * CYCLE_S / STEP_S)
        i2 = np.zeros((steps, 6, 1))
        heating = np.arange(steps) % round(CYCLE_S / STEP_S) < on
        i2[heating] = way.i2_a2[:, None] * settings.cycle_ratio.value**2
        cold = np.full((len(self.network), 1), self.ambient_c)
        trace = self._advance(self.network, i2, cold)[:, :, 0]
        return np.fmin(trace, RUNAWAY_C)  # a body that runs away ends in no number

    def _advance(self, network: HeatNetwork, i2: Float, state: Float) -> Float:
        fleet = HeatFleet(network, 1)
        air, seconds = np.full(len(i2), self.ambient_c), np.full(len(i2), STEP_S)
        return fleet.advance(state, i2, air, seconds, parallel=False)

    def _kept(self, trace: Float) -> dict[int, float]:
        """Share of force kept by the jaw of each sliding contact, by its place among the joints."""
        found = {}
        for place, joint in sliding_contacts(self.bench.heat):
            law = JawForce.of(self.bench.contact(joint))
            node = self.bench.node(self.network, joint)
            found[place] = float(law.kept(law.stress_hours(trace[:, node], STEP_S / 3600.0), INSERTIONS))
        return found

    def shape(self, way: int, place: int) -> float:
        """Equivalent steady rise of a jaw through the cycles over its rise at rest at the cycles' current."""
        joint = self.bench.heat.joints[place]
        law = JawForce.of(self.bench.contact(joint))
        node = self.bench.node(self.network, joint)
        hours = law.stress_hours(self.cycles[way][:, node], STEP_S / 3600.0)
        even = law.temperature_c(hours / (len(self.cycles[way]) * STEP_S / 3600.0))
        i2 = self.ways[way].i2_a2 * self.bench.settings.cycle_ratio.value**2
        rest = float(at_rest(self.network, i2, self.ambient_c)[node])
        if not self.ambient_c < rest < RUNAWAY_C:
            return 1.0
        return (even - self.ambient_c) / (rest - self.ambient_c)

    def phases(self) -> tuple[Phase, ...]:
        """Initial run, cycles and repeat of the worst loading."""
        way = self.ways[self.worst]
        trace = self.cycles[self.worst][KEPT_STEPS - 1 :: KEPT_STEPS]
        ratio = self.bench.settings.cycle_ratio.value
        hot = Loading(way.name, *(ratio * a for a in (way.grid_a, way.load_a, way.branch_a)))
        time_s = STEP_S * KEPT_STEPS * np.arange(1.0, len(trace) + 1.0)
        return (
            self._run("initial run", self.network, way),
            Phase("overheating cycles", hot, time_s, self._by_role(trace), (), settled=False),
            self._run("repeat", self.aged[self.worst], way),
        )

    def _run(self, name: str, network: HeatNetwork, way: Loading) -> Phase:
        """From cold until three readings agree, five hours at least."""
        state = np.full((len(network), 1), self.ambient_c)
        block = np.broadcast_to(way.i2_a2[:, None], (round(READING_S / STEP_S), 6, 1))
        traces: list[Float] = []
        settled = False
        while not settled and len(traces) * READING_S < LONGEST_S:
            out = self._advance(network, block, state)
            traces.append(out[:, :, 0])
            state = out[-1]
            if (state > RUNAWAY_C).any():
                break
            last = np.array([trace[-1, self.rows] for trace in traces[-3:]])
            settled = len(traces) * READING_S >= FIRST_READINGS_S and bool(
                (np.ptp(last, axis=0) <= AGREE_K).all()
            )
        trace = np.concatenate(traces)
        per = len(block)
        return Phase(
            name,
            way,
            STEP_S * np.arange(1.0, len(trace) + 1.0),
            self._by_role(trace),
            tuple(range(per - 1, len(trace), per)),
            settled,
        )

    def _by_role(self, trace: Float) -> dict[str, Float]:
        rise = trace - self.ambient_c
        return {
            role: rise[:, nodes].max(axis=1) for role in LIMIT_K if len(nodes := self.network.where(role))
        }


def _inserted(bench: Bench) -> dict[int, float]:
    """Share of force that each sliding contact keeps when the meter has been put in for the initial run."""
    return {
        place: JawForce.of(bench.contact(joint)).kept(0.0, INSERTIONS)
        for place, joint in sliding_contacts(bench.heat)
    }


def _aged(bench: Bench, kept: dict[int, float]) -> HeatNetwork:
    """Network with jaws that keep a share of their force: Holm's constriction goes with its inverse root."""
    before = [_ohm(bench.heat.joints[place]) for place in kept]
    for (place, share), ohm in zip(kept.items(), before, strict=True):
        _set_ohm(bench.heat.joints[place], ohm / np.sqrt(share))
    network = bench.network()
    for place, ohm in zip(kept, before, strict=True):
        _set_ohm(bench.heat.joints[place], ohm)
    return network


def _ohm(joint: Joint) -> float:
    return joint.contact_ohm.value if joint.contact_ohm is not None else 0.0


def _set_ohm(joint: Joint, ohm: float) -> None:
    if joint.contact_ohm is not None:
        assign(joint.contact_ohm, ohm)


def _hottest_jaw(bench: Bench, ways: Sequence[Loading], ambient_c: float) -> int:
    """Place of the sliding contact whose jaw is hottest at the stated values."""
    network = bench.network()
    hottest = np.max([at_rest(network, way.i2_a2, ambient_c) for way in ways], axis=0)
    places = sliding_contacts(bench.heat)
    return max(places, key=lambda at: hottest[bench.node(network, at[1])])[0] if places else -1


def _draw(
    bench: Bench, found: Sequence[Unknown], nominal: _Nominal, draws: int, degraded: str
) -> tuple[Float, Float]:
    """Rises (loadings, draws, judged nodes) of every draw, before and after the cycles; inf without rest."""
    variants = Variants(bench.models, found)
    mine = Bench(variants.models)
    sliding = sliding_contacts(mine.heat)
    laws: list[dict[int, JawForce]] = []
    ratio = np.empty(draws)
    networks = []
    for draw in variants.draws(draws):
        laws.append({place: JawForce.of(mine.contact(joint)) for place, joint in sliding})
        networks.append(_aged(mine, {place: law.kept(0.0, INSERTIONS) for place, law in laws[-1].items()}))
        ratio[draw] = mine.settings.cycle_ratio.value
    new = NetworkDraws.of(networks)
    before, kept = [], []
    for number, way in enumerate(nominal.ways):
        before.append(new.at_rest(way.i2_a2, nominal.ambient_c))
        hot = new.at_rest(way.i2_a2 * ratio[:, None] ** 2, nominal.ambient_c)
        shares = np.empty((draws, len(sliding)))
        for column, (place, joint) in enumerate(sliding):
            rise = hot[:, bench.node(nominal.network, joint)] - nominal.ambient_c
            even = nominal.ambient_c + np.minimum(rise, RUNAWAY_C) * nominal.shape(number, place)
            for draw in range(draws):
                law = laws[draw][place]
                hours = law.stress_hours(even[draw : draw + 1], CYCLES * CYCLE_S / 3600.0)
                shares[draw, column] = law.kept(hours, INSERTIONS)
        kept.append(shares)
    aged: list[list[HeatNetwork]] = [[] for _ in nominal.ways]
    places = [place for place, _ in sliding]
    for draw in variants.draws(draws):
        for number, shares in enumerate(kept):
            aged[number].append(_aged(mine, dict(zip(places, shares[draw].tolist(), strict=True))))
    after = [
        NetworkDraws.of(nets).at_rest(way.i2_a2, nominal.ambient_c)
        for nets, way in zip(aged, nominal.ways, strict=True)
    ]
    rows, base = nominal.rows, nominal.ambient_c
    return np.stack(before)[:, :, rows] - base, np.stack(after)[:, :, rows] - base


def _share(within: NDArray[np.bool_]) -> float:
    """Share of draws in which every judged node of every loading keeps its limit."""
    return float(within.all(axis=(0, 2)).mean())


def _parts(nominal: _Nominal, before: Float, after: Float) -> list[PartRise]:
    names = [nominal.network.names[row] for row in nominal.rows]
    found: dict[str, PartRise] = {}
    for column, name in enumerate(names):
        part = name.partition(".")[2] or name
        way = int(np.argmax(nominal.after[:, column]))
        low, high = np.percentile(after[way, :, column], [5.0, 95.0], method="nearest")
        limit = float(nominal.limits[column])
        within = (before[:, :, column] <= limit) & (after[:, :, column] <= limit)
        row = PartRise(
            part, nominal.network.roles[nominal.rows[column]], nominal.ways[way].name, limit,
            float(nominal.before[way, column]), float(nominal.after[way, column]), float(low), float(high),
            float(within.all(axis=0).mean()),
        )  # fmt: skip
        if part not in found or row.after_k > found[part].after_k:
            found[part] = row
    return sorted(found.values(), key=lambda row: row.limit_k - row.after_k)


def _meter_correction(entry: AdapterEntry, nominal: _Nominal) -> float:
    """Kelvin that a real meter's electronics add to the hottest jaw."""
    loss = entry.heat.parts[METER].loss_w if METER in entry.heat.parts else None
    jaws = nominal.network.where("jaw")
    if loss is None or not len(jaws):
        return 0.0
    net, way = nominal.network, nominal.ways[nominal.worst]
    own = net.loss_w.copy()
    own[net.names.index(METER)] += loss.value
    real = NetworkDraws(
        net, tuple(law.w[None] for law in net.links), own[None], net.ohm[None], net.slope[None]  # type: ignore[arg-type]
    ).at_rest(way.i2_a2, nominal.ambient_c)[0]  # fmt: skip
    simulated = at_rest(net, way.i2_a2, nominal.ambient_c)
    if not np.isfinite(simulated).all() or not np.isfinite(real).all():
        return 0.0
    return float(real[jaws].max() - simulated[jaws].max())


def _decisive(bench: Bench, found: Sequence[Unknown], margin: Float) -> list[Provenance]:
    """Numbers whose draws rank as the margin does, the closest first (Spearman's correlation)."""
    rank = _ranks(margin)
    alike = bool((margin == margin[0]).all())
    rows = []
    for unknown in found:
        rho = float(np.corrcoef(_ranks(unknown.values), rank)[0, 1]) if not alike else 0.0
        if abs(rho) >= CHANCE / np.sqrt(len(margin)):
            keys = [readable(key, bench.heat) for key in unknown.keys]
            rows.append(sourced(keys, unknown.quantity, rho))
    return sorted(rows, key=lambda row: -abs(row.weight or 0.0))[:MOST_DECISIVE]


def _ranks(values: Float) -> Float:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks
