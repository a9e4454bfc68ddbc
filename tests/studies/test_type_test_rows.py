"""Dielectric, short circuit and mold stress: published figures first, then verdicts of made-up products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.electrical.let_through import adiabatic_rise_k
from cosim.entries import Quantity
from cosim.studies.let_through import breaker_let_through
from cosim.studies.type_test import dielectric, insulation, mold_stress, run, short_circuit

SOLAR = "connectder-solar-60"


def entry(name: str = SOLAR, **changed: Any) -> AdapterEntry:
    found = library.check("adapters", {**library.raw("adapters", name), **changed})
    assert isinstance(found, AdapterEntry)
    return found


def stated(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "source": "a drawing", "confidence": "stated"}


def spacings(clearance_mm: float, creepage_mm: float, group: str = "IIIa") -> list[dict[str, Any]]:
    return [
        {
            "between": between,
            "clearance_m": stated(clearance_mm / 1e3, "m"),
            "creepage_m": stated(creepage_mm / 1e3, "m"),
            "material_group": group,
            "pollution_degree": 3,
        }
        for between in ("opposite-polarity", "live-enclosure")
    ]


# -- dielectric ---------------------------------------------------------------------------


def test_the_test_voltage_is_1480_volts() -> None:
    assert dielectric.test_voltage_v(240.0) == 1480.0
    assert math.sqrt(2.0) * 1480.0 == pytest.approx(2093.0, abs=0.1)


def test_paschen_asks_a_third_of_a_millimetre() -> None:
    gap = insulation.paschen_gap_m(math.sqrt(2.0) * 1480.0)
    assert gap == pytest.approx(0.33e-3, abs=0.01e-3)
    assert insulation.paschen_v(gap) == pytest.approx(2093.0, rel=1e-4)


def test_paschen_has_a_minimum_and_goes_with_pressure_times_gap() -> None:
    gaps = np.geomspace(4e-6, 1e-3, 400)
    volts = np.array([insulation.paschen_v(gap) for gap in gaps])
    assert 300.0 < np.nanmin(volts) < 360.0  # air: 327 V
    assert insulation.paschen_v(2e-3, 50e3) == pytest.approx(insulation.paschen_v(1e-3, 100e3))
    assert insulation.paschen_gap_m(200.0) == 0.0
    assert insulation.paschen_v(1e-9) == math.inf
    with pytest.raises(ValueError, match="above zero"):
        insulation.paschen_gap_m(0.0)


def test_the_tables_lie_above_paschen_and_between_their_rows() -> None:
    """Published rows of IEC 60664-1; no clearance below what flat electrodes need."""
    assert insulation.WITHSTAND.metres(2000.0) == pytest.approx(1.27e-3)
    assert 1.27e-3 < insulation.WITHSTAND.metres(2093.0) < 1.8e-3
    assert insulation.IMPULSE.metres(4000.0) == pytest.approx(3.0e-3)
    assert insulation.impulse_v(120.0) == 4000.0
    for volts in (600.0, 1000.0, 2093.0, 5000.0, 10000.0):
        assert insulation.WITHSTAND.metres(volts) > insulation.paschen_gap_m(volts)
    for table in (insulation.WITHSTAND, insulation.IMPULSE):
        assert list(table.volts) == sorted(table.volts)
        assert list(table.millimetres) == sorted(table.millimetres)
    with pytest.raises(ValueError, match="ends at"):
        insulation.WITHSTAND.metres(20e3)


@pytest.mark.parametrize(
    ("degree", "group", "millimetres"),
    [
        (1, "I", 0.56),
        (2, "I", 1.25),
        (2, "II", 1.8),
        (2, "IIIb", 2.5),
        (3, "I", 3.2),
        (3, "II", 3.6),
        (3, "IIIa", 4.0),
    ],
)
def test_creepage_at_250_volts(degree: int, group: Any, millimetres: float) -> None:
    assert insulation.creepage_m(250.0, degree, group) == pytest.approx(millimetres * 1e-3)
    assert insulation.creepage_m(240.0, degree, group) == pytest.approx(millimetres * 1e-3)


def test_mains_voltages_are_read_as_the_standard_reads_them() -> None:
    """IEC 60664-1 Tables F.3a and F.3b, in public copies of terminal block makers."""
    told = {24: 25, 120: 125, 127: 125, 208: 200, 220: 250, 240: 250, 300: 320, 415: 400, 480: 500, 600: 630}
    assert {mains: insulation.rationalized_v(mains) for mains in told} == told


def test_tables_end_where_they_end() -> None:
    with pytest.raises(ValueError, match="pollution degree 4"):
        insulation.creepage_m(240.0, 4, "I")
    with pytest.raises(ValueError, match="IIIb"):
        insulation.creepage_m(700.0, 3, "IIIb")


def test_thin_air_asks_more() -> None:
    factors = [insulation.altitude_factor(m) for m in (0.0, 2000.0, 3000.0, 4000.0, 5000.0)]
    assert factors == [1.0, 1.0, 1.14, 1.29, 1.48]
    assert insulation.pressure_pa(0.0) == 101325.0
    assert insulation.pressure_pa(5500.0) == pytest.approx(50.5e3, rel=0.01)
    near = entry(spacings=spacings(1.5, 6.0))
    assert dielectric.run(near, draws=5, seed=1).verdict == "pass"
    assert dielectric.run(near, draws=5, seed=1, altitude_m=4000.0).verdict == "no verdict"


def test_geometry_decides_and_its_absence_does_not() -> None:
    assert dielectric.run(entry(spacings=spacings(10.0, 15.0)), draws=5, seed=1).verdict == "pass"
    assert dielectric.run(entry(spacings=spacings(10.0, 2.0)), draws=5, seed=1).verdict == "fail"  # creepage
    assert (
        dielectric.run(entry(spacings=spacings(0.2, 15.0)), draws=5, seed=1).verdict == "fail"
    )  # below Paschen
    between = dielectric.run(entry(spacings=spacings(0.8, 15.0)), draws=5, seed=1)
    assert between.verdict == "no verdict"
    unknown = dielectric.run(entry(spacings=spacings(10.0, 15.0, "not found")), draws=5, seed=1)
    assert unknown.verdict == "no verdict"
    none = run(entry(spacings=[]), ("dielectric",), draws=5).row("dielectric")
    assert (none.state, none.verdict) == ("missing", "no verdict")
    one = run(entry(spacings=spacings(10.0, 15.0)[:1]), ("dielectric",), draws=5).row("dielectric")
    assert "live part to enclosure" in one.summary
    assert one.state == "missing"


def test_a_clearance_with_a_range_gets_its_probability() -> None:
    rows = spacings(1.5, 15.0)
    for row in rows:
        row["clearance_m"] = {**row["clearance_m"], "range": [1.0e-3, 2.2e-3]}
    found = dielectric.run(entry(spacings=rows), draws=4000, seed=1)
    need, low, mode, high = (
        math.log(x) for x in (insulation.WITHSTAND.metres(2093.04), 1e-3, 1.5e-3, 2.2e-3)
    )
    assert found.probability == pytest.approx(1 - (need - low) ** 2 / ((high - low) * (mode - low)), abs=0.02)


# -- short circuit ------------------------------------------------------------------------


def test_blades_of_published_let_throughs() -> None:
    """45 mm2 of copper after one symmetrical half cycle of 10, 22 and 42 kA: 2.1, 9.9 and 36 K."""
    copper = library.load("materials", "copper")
    for amps, kelvin in ((10e3, 2.1), (22e3, 9.9), (42e3, 36.0)):
        rise = adiabatic_rise_k(
            amps**2 / 120.0,
            45e-6,
            copper.density.value,
            copper.heat_capacity.value,
            copper.resistivity.value,
            0.0,
        )
        assert float(rise) == pytest.approx(kelvin, rel=0.03)


def test_blow_off_force_of_one_contact() -> None:
    """67 N at 17 kA and 500 N at 46.7 kA with ln(R/a) = 2.3; divided among four contacts a sixteenth."""
    k = 1e-7 * 2.3
    assert float(short_circuit.repulsion_n(17e3, 0.5, k)) == pytest.approx(67.0, rel=0.01)
    assert float(short_circuit.repulsion_n(46.7e3, 0.5, k)) == pytest.approx(500.0, rel=0.01)
    assert float(short_circuit.repulsion_n(17e3, 2.0, k)) == pytest.approx(66.5 / 16.0, rel=0.01)
    low, high = short_circuit.REPULSION.range or (0.0, 0.0)
    assert low == pytest.approx(1e-7 * math.log(10.0), rel=0.01)
    assert low < short_circuit.REPULSION.value < high


def test_test_circuits_are_those_of_ul_489() -> None:
    assert short_circuit.Circuit.of(10e3).x_over_r == pytest.approx(1.98, abs=0.01)
    assert short_circuit.Circuit.of(22e3).x_over_r == pytest.approx(6.59, abs=0.01)


def test_a_rating_is_tested_on_its_own_part_alone() -> None:
    found = short_circuit.run(entry(), ambient_c=25.0, draws=20, seed=1)
    assert "22 kA (der-branch)" in found.summary
    assert "meter-jaws" in found.summary.split("No public rating for:")[1]
    names = [check.name for check in found.checks]
    assert any(name.startswith("factory terminal") for name in names)
    assert not any("socket load jaw" in name for name in names), (
        "the panel side carries no fault of the branch"
    )


def test_the_meters_jaws_are_in_the_way_only_if_the_diagram_says_so() -> None:
    """A tap on the line side: the meter stands behind it, on the load path."""
    raw = library.raw("adapters", SOLAR)
    heat = {**raw["heat"]}
    behind = {name: {**part} for name, part in heat["parts"].items()}
    for name in ("line_jaw", "coil", "load_jaw", "socket_line_jaw"):
        behind[name]["current"] = "load"
    joints = [
        {**joint, "current": "load"} if joint.get("current") == "grid" else joint for joint in heat["joints"]
    ]
    moved = entry(heat={**heat, "parts": behind, "joints": joints, "base": ""})
    before, after = (short_circuit.run(e, ambient_c=25.0, draws=5, seed=1) for e in (entry(), moved))
    assert any(c.name.startswith("line jaw") for c in before.checks)
    assert any("Jaws hold" in c.name for c in before.checks)
    assert not any(c.name.startswith(("line jaw", "load jaw")) for c in after.checks)
    assert not any("Jaws hold" in c.name for c in after.checks)


def stout(level_a: float, force_n: float, fingers: float = 3.0) -> AdapterEntry:
    """A product with thick conductors on its branch."""
    raw = library.raw("adapters", SOLAR)
    heat = raw["heat"]
    thick = {"section_m2": stated(85e-6, "m2")}
    parts = {
        name: {**part, **thick} if "section_m2" in part else part for name, part in heat["parts"].items()
    }
    joints = [{**joint, **thick} if joint.get("material") == "copper" else joint for joint in heat["joints"]]
    wires = [{**wire, **thick} for wire in heat["wires"]]
    return entry(
        heat={**heat, "parts": parts, "joints": joints, "wires": wires, "base": ""},
        short_circuit=[{"applies_to": "der-branch", "rating_a": stated(level_a, "A")}],
        jaw_grip={"fingers": stated(fingers, "1"), "force_n": stated(force_n, "N")},
    )


def test_a_stout_product_passes_and_a_weak_breaker_fails() -> None:
    good = short_circuit.run(stout(10e3, 60.0), ambient_c=25.0, draws=50, seed=1)
    assert good.verdict == "pass"
    assert good.probability is not None
    assert good.probability >= 0.95
    over = short_circuit.run(stout(42e3, 5000.0), ambient_c=25.0, draws=20, seed=1)
    assert over.verdict == "fail"
    assert any(c.outcome == "fails" and "interrupts" in c.name for c in over.checks)


def test_a_panels_breaker_is_no_fault_of_the_product() -> None:
    """A contactor rated above every breaker of the library: what clears the fault is not known, so no verdict."""
    row = {"applies_to": "contactor", "rating_a": stated(42e3, "A")}
    found = short_circuit.run(
        entry("tesla-backup-switch", short_circuit=[row]), ambient_c=25.0, draws=5, seed=1
    )
    check = next(check for check in found.checks if check.name.startswith("Breaker interrupts"))
    assert (check.outcome, found.verdict) == ("open", "no verdict")


def test_a_jaw_that_repulsion_may_lift_is_open_not_failed() -> None:
    found = short_circuit.run(stout(10e3, 1.0), ambient_c=25.0, draws=50, seed=1)
    jaw = next(c for c in found.checks if "Jaws hold" in c.name)
    assert jaw.outcome == "open"
    assert found.verdict == "no verdict"
    none = stout(10e3, 60.0).model_copy(update={"jaw_grip": None})
    assert short_circuit.run(none, ambient_c=25.0, draws=5, seed=1).verdict == "no verdict"


def test_an_upper_bound_of_let_through_condemns_nothing() -> None:
    """6 AWG would melt if nothing limited 22 kA for a cycle; breakers do, by how much is not public."""
    found = short_circuit.run(entry(), ambient_c=25.0, draws=20, seed=1)
    wires = [c for c in found.checks if c.name.startswith("wire")]
    assert wires
    assert all(c.outcome in ("holds", "open") for c in wires)
    let = breaker_let_through(library.load("breakers", "connectder-60"), 22e3, 6.6)
    assert (
        f"{float(let.i2t_a2s) / 1e6:.2f}"[:3]
        in next(c for c in found.checks if "Let-through" in c.name).found
    )


def test_no_rating_no_level() -> None:
    found = short_circuit.run(entry("tesla-backup-switch"), ambient_c=25.0, draws=5, seed=1)
    assert (found.verdict, found.probability, found.checks) == ("no verdict", None, ())


# -- mold stress --------------------------------------------------------------------------


def test_the_oven_is_the_hotter_of_70_and_10_above() -> None:
    assert mold_stress.oven_c(20.0) == 70.0
    assert mold_stress.oven_c(60.0) == 70.0
    assert mold_stress.oven_c(65.0) == 75.0


@pytest.fixture
def plastics(monkeypatch: pytest.MonkeyPatch) -> dict[str, float | None]:
    """Heat deflection and thermal index of every plastic, None for not found."""
    given: dict[str, float | None] = {"heat_deflection_c": 130.0, "temperature_limit_c": 125.0}
    load = library.load

    def changed(kind: str, name: Any) -> Any:
        found = load(kind, name)
        if kind != "materials" or found.conductivity.value > 5.0 or name == "air":
            return found
        quantities = {
            key: Quantity(unit="degC", source="a test", confidence="stated", value=limit)
            if limit is not None
            else Quantity(unit="degC", source="a test", confidence="not found")
            for key, limit in given.items()
        }
        return found.model_copy(update=quantities)

    monkeypatch.setattr(library, "load", changed)
    return given


def mold(**options: Any) -> Any:
    return mold_stress.run(
        entry(), **{"current_a": 200.0, "ambient_c": 25.0, "draws": 40, "seed": 1, **options}
    )


def test_plastic_is_judged_by_what_it_bears(plastics: dict[str, float | None]) -> None:
    plastics.update(heat_deflection_c=260.0, temperature_limit_c=250.0)
    assert mold().verdict == "pass"
    plastics.update(heat_deflection_c=60.0)
    low = mold()
    assert low.verdict == "fail"
    assert low.probability == 0.0
    plastics.update(heat_deflection_c=None, temperature_limit_c=None)
    assert mold().verdict == "no verdict"


def test_a_thermal_index_stands_in_and_condemns_nothing(plastics: dict[str, float | None]) -> None:
    plastics.update(heat_deflection_c=None, temperature_limit_c=250.0)
    assert mold().verdict == "pass"
    plastics.update(temperature_limit_c=mold_stress.LEAST_OVEN_C + 25.0)
    warm = mold()
    shape = [c for c in warm.checks if "shape" in c.name]
    assert {c.outcome for c in shape} <= {"holds", "open"}
    assert warm.verdict == "no verdict"


def test_more_current_never_helps_the_plastic(plastics: dict[str, float | None]) -> None:
    chances = [mold(current_a=amps).probability for amps in (100.0, 200.0, 260.0)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > chances[-1]
