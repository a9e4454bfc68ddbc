"""Published split-phase circuits and faults; each case's folder says its source and how close to be."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from electrical_sketch import Sketch, interlaced

from cosim.electrical.carson import FOOT_M, MILE_M, reduce_neutral, triplex_impedance
from cosim.electrical.circuit import Complex, Float, LoadModel
from cosim.electrical.fault import fault_duty
from cosim.electrical.network import Network, Solution
from cosim.electrical.terminals import Terminals

STIFF_OHM = 1e-7j
INCH_M = FOOT_M / 12


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    given, expected = (tomllib.loads((folder / f"{n}.toml").read_text()) for n in ("input", "expected"))
    return given, expected


def phasor(polar: list[float]) -> complex:
    return complex(polar[0] * np.exp(1j * math.radians(polar[1])))


def triplex(data: dict[str, float]) -> Complex:
    per_metre = triplex_impedance(
        data["r_ohm_per_mile"] / MILE_M,
        data["gmr_ft"] * FOOT_M,
        data["diameter_in"] * INCH_M,
        data["insulation_in"] * INCH_M,
    )
    return per_metre * data["length_ft"] * FOOT_M


def service(given: dict[str, Any]) -> tuple[Sketch, list[int]]:
    """Source and transformer (element 0); nodes: primary, leg 1, leg 2."""
    sketch = Sketch()
    volts = given["source"]["voltage_v"]
    [top] = sketch.bus("p", volts, 1)
    sketch.source([top], np.array([volts + 0j]), np.array([[STIFF_OHM]]))
    legs = sketch.bus("x", 120.0, 2)
    unit = given["transformer"]
    sketch.centre_tap(top, legs, interlaced(unit["rated_va"], unit["r_pu"], unit["x_pu"], 7200.0))
    return sketch, [top, *legs]


def impedance_load(sketch: Sketch, load: dict[str, list[float]], legs: list[int]) -> None:
    for a, b, key, nominal in (
        (legs[0], -1, "z1_ohm", 120.0),
        (-1, legs[1], "z2_ohm", 120.0),
        (legs[0], legs[1], "z12_ohm", 240.0),
    ):
        sketch.load(a, b, nominal**2 / complex(*load[key]).conjugate(), nominal, LoadModel.IMPEDANCE)


def check(expected: dict[str, Any], found: dict[str, complex]) -> None:
    assert set(found) == set(expected) - {"tolerance"}
    for name, polar in expected.items():
        if name != "tolerance":
            assert found[name] == pytest.approx(phasor(polar), abs=expected["tolerance"]), name


def leg_currents(solution: Solution) -> tuple[complex, complex]:
    """Out of terminals 1 and 2 of the transformer towards loads L1-N, N-L2, L1-L2."""
    first, second, line = solution.current_a[:, 0]
    return first + line, -second - line


def test_kersting_11_1(cases: Path) -> None:
    given, expected = read(cases / "kersting-11-1")
    sketch, nodes = service(given)
    impedance_load(sketch, given["load"], nodes[1:])
    circuit = sketch.circuit()
    network = Network(circuit)
    solution = network.solve(tolerance_pu=1e-12)
    _, one, two = solution.v[:, 0]
    i1, i2 = leg_currents(solution)
    check(expected["voltage_v"], {"v1": one, "v2": -two, "v12": one - two})
    primary = Terminals(circuit, [(0, 0)]).current_a(solution.v)[0, 0, 0]
    check(expected["current_a"], {"i1": i1, "i2": i2, "neutral": -(i1 + i2), "primary": primary})
    power = network.injector_power_va(solution.v, solution.current_a).sum()
    check(expected["load_va"], {"power": complex(power)})


def test_kersting_11_2(cases: Path) -> None:
    given, expected = read(cases / "kersting-11-2")
    sketch, nodes = service(given)
    home = sketch.bus("h", 120.0, 2)
    drop = sketch.line([*nodes[1:], -1], [*home, -1], triplex(given["triplex"]))
    impedance_load(sketch, given["load"], home)
    circuit = sketch.circuit()
    solution = Network(circuit).solve(tolerance_pu=1e-12)
    one, two = solution.v[home, 0]
    i1, i2 = leg_currents(solution)
    # out of the load's neutral towards the transformer: the drop's third conductor, then earth for the rest
    metal = Terminals(circuit, [(drop, 1)]).current_a(solution.v)[0, 2, 0]
    check(expected["voltage_v"], {"v1": one, "v2": -two, "v12": one - two})
    earth = -(i1 + i2) + metal
    check(expected["current_a"], {"i1": i1, "i2": i2, "neutral": -metal, "earth": earth})


def test_tia_split_phase(cases: Path) -> None:
    given, expected = read(cases / "tia-split-phase")
    sketch, nodes = service(given)
    home = sketch.bus("h", 120.0, 2)
    own, mutual = complex(*given["drop"]["own_ohm"]), complex(*given["drop"]["mutual_ohm"])
    sketch.line(nodes[1:], home, np.array([[own, mutual], [mutual, own]]))
    for a, b, key, nominal in (
        (home[0], -1, "leg_1", 120.0),
        (-1, home[1], "leg_2", 120.0),
        (*home, "line", 240.0),
    ):
        va, power_factor = given["load"][key]
        power = va * complex(power_factor, math.sqrt(1 - power_factor**2))
        sketch.load(a, b, power, nominal)
    circuit = sketch.circuit()
    network = Network(circuit)
    solution = network.solve(tolerance_pu=1e-12)
    i1, i2 = leg_currents(solution)
    one, two = solution.v[home, 0]
    found = {"transformer_1": solution.v[nodes[1], 0], "load_1": one, "load_2": -two}
    check(expected["voltage_v"], found)
    primary = Terminals(circuit, [(0, 0)]).current_a(solution.v)[0, 0, 0]
    check(expected["current_a"], {"i1": i1, "i2": i2, "primary": primary})
    total = network.source_power_va(solution.v)[0]
    power = expected["power_va"]
    assert total == pytest.approx(complex(*power["total"]), abs=power["tolerance"])
    assert network.losses_va(solution.v)[0].real == pytest.approx(power["losses_w"], abs=0.1)


def test_service_faults(cases: Path) -> None:
    given, expected = read(cases / "service-faults")
    for unit in given["transformer"]:
        sketch, nodes = service({"source": given["source"], "transformer": unit})
        legs, neutral = nodes[1:], -1
        if "triplex" in unit:
            *legs, neutral = sketch.bus("h", 120.0, 3)
            sketch.line([*nodes[1:], -1], [*legs, neutral], triplex(unit["triplex"]))
        duty = fault_duty(
            Network(sketch.circuit()), np.array([*legs, legs[0]]), np.array([neutral, neutral, legs[1]])
        )
        name = unit["name"]
        wanted = [expected[f"line_to_{x}_a"][name] for x in ("neutral", "neutral", "line")]
        loose = 0.5 if "table" in name else 0.0
        np.testing.assert_allclose(duty.symmetrical_a, wanted, rtol=expected["tolerance"], atol=loose)
        if "triplex" not in unit:
            r, x, share = unit["r_pu"], unit["x_pu"], given["source"]["voltage_v"] / 7200.0
            to_neutral = share * unit["rated_va"] / 120.0 / abs(complex(1.5 * r, 1.2 * x))
            line_to_line = share * unit["rated_va"] / 240.0 / abs(complex(r, x))
            formula = [to_neutral, to_neutral, line_to_line]
            np.testing.assert_allclose(duty.symmetrical_a, formula, rtol=1e-6)


def point_to_point(circuit: dict[str, float], x_over_r: tuple[float, float]) -> tuple[Float, Float]:
    """(3,) currents L1-N, L2-N, L1-L2 at the transformer and at the cable's end; X/R of transformer and cable."""
    unit, cable = (complex(1.0, x) / abs(complex(1.0, x)) for x in x_over_r)
    sketch, (_, one, two) = service(
        {
            "source": {"voltage_v": 7200.0},
            "transformer": {
                "rated_va": circuit["rated_va"],
                "r_pu": circuit["z_pu"] * unit.real,
                "x_pu": circuit["z_pu"] * unit.imag,
            },
        }
    )
    end = sketch.bus("panel", 120.0, 3)
    conductor = circuit["length_ft"] / circuit["c_per_ft"] * cable
    sketch.line([one, two, -1], end, conductor * np.eye(3))
    sketch.load(end[0], end[2], 0j, 120.0)  # a home, which joins the neutral to the rest
    network = Network(sketch.circuit())

    def found(legs: list[int], neutral: int) -> Float:
        pairs = np.array([*legs, legs[0]]), np.array([neutral, neutral, legs[1]])
        return fault_duty(network, *pairs).symmetrical_a

    return found([one, two], -1), found(end[:2], end[2])


def test_point_to_point_at_one_angle(cases: Path) -> None:
    """Where every impedance has the angle at which 1.5 is exact, its figures are ours."""
    given, expected = read(cases / "point-to-point")
    x_over_r = math.sqrt((2.25 - 16 / 9) / (16 / 9 - 1.44))
    assert x_over_r == pytest.approx(1.1824, abs=5e-5)
    for circuit in given["circuit"]:
        first, line = point_to_point(circuit, (x_over_r, x_over_r))
        _, neutral = point_to_point(circuit, (x_over_r, 0.8 * x_over_r))  # the angle of 1.5 R + j 1.2 X
        for currents, wanted in (
            (first, expected["transformer_a"]),
            (np.array([neutral[0], neutral[1], line[2]]), expected["end_a"]),
        ):
            figures = wanted[circuit["name"]]
            figures = [figures["line_to_neutral"]] * 2 + [figures["line_to_line"]]
            np.testing.assert_allclose(currents, figures, rtol=expected["tolerance"])


@pytest.mark.parametrize("cable", [0.1, 0.55, 1.18, 1.44, 3.0])
@pytest.mark.parametrize("unit", [0.5, 0.94, 1.18, 2.0, 5.0])
def test_point_to_point_bounds_from_below(cases: Path, unit: float, cable: float) -> None:
    """Other angles: never less than its figure from the transformer's own current, and at most 1 / cos(d / 2) of it."""
    given, expected = read(cases / "point-to-point")
    for circuit in given["circuit"]:
        first, last = point_to_point(circuit, (unit, cable))
        figures = expected["transformer_a"][circuit["name"]]
        assert first[2] == pytest.approx(figures["line_to_line"], rel=expected["tolerance"])
        assert 4 / 3 < first[0] / first[2] < 5 / 3
        for start, current, volts, angle in (
            (first[2], last[2], 240.0, math.atan(unit)),
            (first[0], last[0], 120.0, math.atan(0.8 * unit)),
        ):
            f = 2.0 * circuit["length_ft"] * start / (circuit["c_per_ft"] * volts)
            apart = abs(angle - math.atan(cable))
            assert 1.0 - 1e-6 <= current * (1.0 + f) / start <= 1.0 / math.cos(apart / 2.0) + 1e-6


def test_triplex_tables() -> None:
    """Own impedances of the usual sizes, ohm per 1000 ft, neutral reduced."""
    table = {
        "1/0": (0.958, 0.01112, 0.368, 0.2863 + 0.1147j, 0.1049 + 0.0831j),
        "4/0": (0.479, 0.01579, 0.522, 0.1572 + 0.0707j, 0.0665 + 0.0413j),
    }
    for r, gmr, diameter, own, mutual in table.values():
        data = {"r_ohm_per_mile": r, "gmr_ft": gmr, "diameter_in": diameter, "insulation_in": 0.08}
        z = reduce_neutral(triplex(data | {"length_ft": 1000.0}), 2)
        np.testing.assert_allclose(z, [[own, mutual], [mutual, own]], atol=1e-4)
