"""What the studies beside the time series say: inverters, faults followed to their end, backfeed, overvoltage."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cosim.results.reader import Results
    from cosim.results.record import Float

DANGERS = ("cannot let go", "lethal")
# A steady rise above this is what insulation and arresters are judged at; 1.2 pu is where DER must trip in 0.16 s.
REJECTION_NOTICED_PU = 1.2


@dataclass(frozen=True)
class InverterFindings:
    """What inverters that act on the voltage did.

    Attributes
    ----------
    count
        How many there are.
    given_kwh, curtailed_kwh
        Produced, and solar held back.
    absorbed_kvarh, injected_kvarh
        Reactive energy.
    worst, worst_kwh
        Inverter that held back most, and how much.
    high_pu, high_without_pu, high_home
        Highest voltage at the step with most sun, with and without their functions, and the home of the former.
    lowered_pu
        Largest fall of any home's voltage that they brought then.
    """

    count: int
    given_kwh: float
    curtailed_kwh: float
    absorbed_kvarh: float
    injected_kvarh: float
    worst: str
    worst_kwh: float
    high_pu: float
    high_without_pu: float
    high_home: str
    lowered_pu: float

    @property
    def curtailed_share(self) -> float:
        """Of what solar could have given; 0 where nothing was there."""
        could = self.given_kwh + self.curtailed_kwh
        return self.curtailed_kwh / could if could > 0.0 else 0.0

    def line(self) -> str:
        """In one line."""
        effect = (
            f"highest voltage at most sun {self.high_pu:.3f} pu, {self.high_without_pu:.3f} without"
            if self.high_home
            else "no sun"
        )
        return (
            f"Inverters: {self.count} act on the voltage; solar held back {self.curtailed_kwh:,.1f} kWh "
            f"({100 * self.curtailed_share:.2g} %), absorbed {self.absorbed_kvarh:,.1f} kvarh; {effect}"
        )


@dataclass(frozen=True)
class ClearingFindings:
    """How faults end, over all fault-duty studies that followed them.

    Attributes
    ----------
    i2t_a2s, i2t_home, clearing_s
        Largest let-through of a main breaker, where, and its clearing time there.
    rise_k, rise_part, rise_home
        Largest adiabatic rise of an adapter's part; NaN without adapters.
    over, unknown, devices
        Devices over their rating, without a known one, and all.
    uncleared, judged
        Sockets whose smallest fault the main breaker never clears, of those judged (0 if none was asked for).
    """

    i2t_a2s: float
    i2t_home: str
    clearing_s: float
    rise_k: float
    rise_part: str
    rise_home: str
    over: int
    unknown: int
    devices: int
    uncleared: int
    judged: int

    def line(self) -> str:
        """In one line."""
        heat = (
            f"hottest part {self.rise_part} +{self.rise_k:.0f} K ({self.rise_home})"
            if np.isfinite(self.rise_k)
            else "no adapter part to heat"
        )
        small = (
            f"; smallest fault never cleared by the main breaker at {self.uncleared} of {self.judged}"
            if self.judged
            else ""
        )
        return (
            f"Let-through: at most {self.i2t_a2s / 1e6:.2f} MA2s ({self.i2t_home}); {heat}; devices "
            "over their rating: "
            f"{self.over}, of unknown rating: {self.unknown} of {self.devices}{small}"
        )


@dataclass(frozen=True)
class SourceFindings:
    """Sources that nothing isolates.

    Attributes
    ----------
    studied, dangerous, isolated
        Homes studied, those whose source could hold or kill a line worker, those whose adapter isolates.
    home, contact_a, primary_v, hazard
        Home with the largest contact current, and what it is.
    most_nodes, most_homes
        Largest number of conductors and of other homes any of them energises.
    unprotected
        Homes whose source neither its breaker nor a fuse ends within ten minutes.
    """

    studied: int
    dangerous: int
    isolated: int
    home: str
    contact_a: float
    primary_v: float
    hazard: str
    most_nodes: int
    most_homes: int
    unprotected: int

    def line(self) -> str:
        """In one line."""
        return (
            f"Sources nothing isolates: {self.dangerous} of {self.studied} dangerous to touch; worst "
            f"{self.home}: "
            f"{self.primary_v:,.0f} V on the primary, {self.contact_a:.2g} A through a body ({self.hazard}), "
            f"at most {self.most_nodes} conductors and {self.most_homes} other homes live"
        )


@dataclass(frozen=True)
class OvervoltageFindings:
    """Estimates of voltages that no step shows.

    Attributes
    ----------
    head_pu, unit_pu, unit
        Largest voltage if the feeder, or a service transformer, were cut off with what runs behind it; 0 for none.
    units
        Service transformers that would exceed `REJECTION_NOTICED_PU`.
    ground_fault_pu, bus
        Largest voltage of a sound phase during a line-ground fault at a three-phase bus, NaN if there is none.
    """

    head_pu: float
    unit_pu: float
    unit: str
    units: int
    ground_fault_pu: float
    bus: str

    def line(self) -> str:
        """In one line."""
        cut_off = (
            f"if cut off with what runs: feeder {self.head_pu:.2f} pu, service transformer "
            f"{self.unit_pu:.2f} pu "
            f"({self.unit}); {self.units} above {REJECTION_NOTICED_PU:g} pu"
            if self.unit_pu > 0.0
            else "nothing runs behind a cut"
        )
        ground = (
            f"; ground fault lifts sound phases to {self.ground_fault_pu:.2f} pu ({self.bus})"
            if self.bus
            else ""
        )
        return f"Overvoltage (estimates): {cut_off}{ground}"


@dataclass(frozen=True)
class SiteFindings:
    """Homes held against the rules of their utility.

    Attributes
    ----------
    utility
        Name of its entry, empty for none.
    broken, unjudged, barred
        Homes whose adapter breaks a rule, homes with one that cannot be judged, homes without an adapter whose
        socket could take none.
    rules
        Rules broken, with the number of homes, most first, as text.
    """

    utility: str
    broken: int
    unjudged: int
    barred: int
    rules: str

    def line(self) -> str:
        """In one line."""
        rules = f" ({self.rules})" if self.rules else ""
        whose = f"Rules of {self.utility}" if self.utility else "Rules of any socket, no utility named"
        return (
            f"{whose}: {self.broken} homes break one{rules}; not judged at "
            f"{self.unjudged}; {self.barred} without an adapter could take none"
        )


def site_findings(results: Results) -> SiteFindings | None:
    """Of a result file; None where nothing was held against anything."""
    names = results.studies_of("site_rules")
    if not names:
        return None
    study = results.study(names[0])
    home, rule = study["home"].to_numpy().astype(str), study["rule"].to_numpy().astype(str)
    verdict = study["verdict"].to_numpy()
    broken, unjudged, barred = (len(set(home[verdict == k])) for k in range(3))
    counted = Counter(rule[verdict == 0].tolist()).most_common()
    return SiteFindings(
        utility=str(json.loads(results.scenario_json).get("utility") or ""),
        broken=broken,
        unjudged=unjudged,
        barred=barred,
        rules=", ".join(f"{name} {count}" for name, count in counted),
    )


def inverter_findings(results: Results) -> InverterFindings | None:
    """Of a result file; None where no inverter acts on the voltage."""
    table = results.inverters
    if not len(table):
        return None
    worst = int(np.argmax(table["curtailed_wh"].to_numpy()))
    high = high_without = lowered = float("nan")
    home = ""
    for name in results.studies_of("inverter_effect"):
        study = results.study(name)
        with_, without = study["high_pu"].to_numpy(), study["high_without_pu"].to_numpy()
        if np.isfinite(with_).any():
            top = int(np.nanargmax(with_))
            home, high = str(study["home"].to_numpy()[top]), float(with_[top])
            high_without = _largest(without)
            lowered = _largest(without - with_)
    return InverterFindings(
        count=len(table),
        given_kwh=float(table.loc[table["serves"] == "solar", "given_wh"].sum()) / 1e3,
        curtailed_kwh=float(table["curtailed_wh"].sum()) / 1e3,
        absorbed_kvarh=float(table["absorbed_varh"].sum()) / 1e3,
        injected_kvarh=float(table["injected_varh"].sum()) / 1e3,
        worst=str(table.index[worst]),
        worst_kwh=float(table["curtailed_wh"].iloc[worst]) / 1e3,
        high_pu=high,
        high_without_pu=high_without,
        high_home=home,
        lowered_pu=lowered,
    )


def clearing_findings(results: Results) -> ClearingFindings | None:
    """Of a result file; None where no study followed its faults."""
    tables = [results.study(name) for name in results.studies_of("fault_devices")]
    if not tables:
        return None
    duties = [results.study(name) for name in results.studies_of("fault_duty")]
    homes = results.homes.index
    i2t = np.array([d["i2t_a2s"].to_numpy() for d in duties])
    i2t = np.where(np.isfinite(i2t), i2t, -1.0)
    study, row = np.unravel_index(int(np.argmax(i2t)), i2t.shape)
    rise = np.array([d["hottest_rise_k"].to_numpy() for d in duties])
    hot = np.unravel_index(int(np.argmax(np.nan_to_num(rise, nan=-1.0))), rise.shape)
    known = np.isfinite(rise[hot])
    verdicts = np.concatenate([t["verdict"].to_numpy() for t in tables]).astype(str)
    least = np.array([d["minimum_clearing_s"].to_numpy() for d in duties])
    return ClearingFindings(
        i2t_a2s=float(max(i2t[study, row], 0.0)),
        i2t_home=str(homes[int(row)]),
        clearing_s=float(duties[study]["clearing_s"].to_numpy()[row]),
        rise_k=float(rise[hot]) if known else float("nan"),
        rise_part=str(duties[hot[0]]["hottest_part"].to_numpy()[hot[1]]) if known else "",
        rise_home=str(homes[int(hot[1])]) if known else "",
        over=int((verdicts == "over").sum()),
        unknown=int((verdicts == "unknown").sum()),
        devices=len(verdicts),
        uncleared=int(np.isinf(least).any(axis=0).sum()),
        judged=int((~np.isnan(least)).any(axis=0).sum()),
    )


def source_findings(results: Results) -> SourceFindings | None:
    """Of a result file; None where no source was studied."""
    names = results.studies_of("backfeed_hazard")
    if not names:
        return None
    study = results.study(names[0])
    contact = study["contact_a"].to_numpy()
    worst = int(np.argmax(contact))
    hazard = study["hazard"].to_numpy().astype(str)
    isolated = study["isolated"].to_numpy() != 0
    ended = np.isfinite(study["breaker_s"].to_numpy()) | np.isfinite(study["fuse_s"].to_numpy())
    return SourceFindings(
        studied=len(contact),
        dangerous=int(np.isin(hazard, DANGERS).sum()),
        isolated=int(isolated.sum()),
        home=str(study["home"].to_numpy()[worst]),
        contact_a=float(contact[worst]),
        primary_v=float(study["primary_v"].to_numpy()[worst]),
        hazard=str(hazard[worst]),
        most_nodes=int(study["energised_nodes"].to_numpy().max()),
        most_homes=int(study["energised_homes"].to_numpy().max()),
        unprotected=int((~ended & ~isolated).sum()),
    )


def overvoltage_findings(results: Results) -> OvervoltageFindings:
    """Of a result file; steps that did not converge, or of a short circuit, do not count."""
    usual = (results.values("solver/converged") != 0) & (results.values("solver/faulted") == 0)
    head = results.values("feeder/rejection_pu")[usual]
    stored = results.values("transformer_envelope/rejection_pu")[..., 2].astype(np.float64)
    unit = np.nan_to_num(np.fmax.reduce(stored, axis=0, initial=0.0))
    ground = results.values("buses/ground_fault_pu")
    some = bool(np.isfinite(ground).any())
    worst = int(np.nanargmax(ground)) if some else 0
    top = int(np.argmax(unit)) if len(unit) else 0
    return OvervoltageFindings(
        head_pu=_largest(head) if len(head) else 0.0,
        unit_pu=float(unit[top]) if len(unit) else 0.0,
        unit=str(results.values("transformer")[top]) if len(unit) else "",
        units=int((unit > REJECTION_NOTICED_PU).sum()),
        ground_fault_pu=float(ground[worst]) if some else float("nan"),
        bus=str(results.values("bus")[worst]) if some else "",
    )


def _largest(values: Float) -> float:
    """NaN where there is nothing."""
    return float(np.fmax.reduce(values, initial=-np.inf)) if np.isfinite(values).any() else float("nan")
