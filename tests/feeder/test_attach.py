"""pandapower nets carried over: against pandapower's own results, then the rules, then what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.errors import FeederError
from cosim.feeder.attach import from_pandapower
from cosim.feeder.feeder import Feeder
from cosim.feeder.pandapower_json import read_tables

STIFF_MVA = 1e8  # pandapower's external grid is ideal in the positive sequence


@pytest.fixture(scope="module")
def networks() -> Any:
    import pandapower.networks

    return pandapower.networks


def stiff(net: Any) -> Any:
    net.ext_grid["s_sc_max_mva"] = STIFF_MVA
    net.ext_grid["rx_max"] = 0.1
    return net


def magnitudes(feeder: Feeder) -> np.ndarray:
    """(buses, 3) voltage magnitudes [pu]."""
    solved = feeder.power_flow()
    pu = dict(zip(solved["node"].values, np.abs(solved["voltage_pu"].values[0]), strict=True))
    return np.array([[pu[f"{name}.{phase}"] for phase in (1, 2, 3)] for name in feeder.bus["name"]])


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("create_cigre_network_lv", 1e-6),
        ("create_cigre_network_mv", 1e-5),
        ("create_kerber_dorfnetz", 5e-5),  # its transformer's core stands in the middle of a T there
        ("mv_oberrhein", 5e-5),
    ],
)
def test_whole_loads_give_pandapowers_own_voltages(networks: Any, name: str, tolerance: float) -> None:
    import pandapower

    net = stiff(getattr(networks, name)())
    feeder = from_pandapower(net, kva_per_home=None, services="direct")
    pandapower.runpp(net, calculate_voltage_angles=True)
    np.testing.assert_allclose(magnitudes(feeder)[:, 0], net.res_bus["vm_pu"], atol=tolerance)


def test_unbalanced_european_feeder_gives_runpp_3phs_voltages(networks: Any) -> None:
    from pandapower.pf.runpp_3ph import runpp_3ph

    net = stiff(networks.ieee_european_lv_asymmetric())
    net.trafo["mag0_percent"] = 1e9  # no zero-sequence path through the core, as here
    feeder = from_pandapower(net, kva_per_home=None)
    assert len(feeder.home) == 55
    assert set(feeder.home["kind"]) == {"single"}
    runpp_3ph(net)
    expected = net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]]
    np.testing.assert_allclose(magnitudes(feeder), expected, atol=1e-5)


@pytest.mark.parametrize("shift", [30, 150, 270, 330, 210, 90])
def test_clock_numbers_turn_the_low_side(networks: Any, shift: int) -> None:
    import pandapower

    net = stiff(networks.simple_four_bus_system())
    net.trafo["shift_degree"] = shift
    net.trafo["vector_group"] = "Dyn"
    feeder = from_pandapower(net, kva_per_home=None)
    pandapower.runpp(net, calculate_voltage_angles=True)
    solved = feeder.power_flow()
    low = complex(solved["voltage_pu"].sel(node=f"{feeder.bus['name'].iloc[3]}.1").values[0])
    turn = np.degrees(np.angle(low)) - net.res_bus["va_degree"].iloc[3]
    assert abs((turn + 180.0) % 360.0 - 180.0) < 0.05


def test_medium_voltage_loads_become_split_homes(networks: Any) -> None:
    net = networks.create_cigre_network_mv()
    net.load["p_mw"] *= 0.02
    net.load["q_mvar"] *= 0.02
    feeder = from_pandapower(net, kva_per_home=3.0, drop_length_m=(30.0, 0.3), seed=5)
    assert set(feeder.home["kind"]) == {"split"}
    assert feeder.check() == []
    assert feeder.home["kw"].sum() == pytest.approx(1e3 * net.load["p_mw"].sum())
    assert feeder.home["kvar"].sum() == pytest.approx(1e3 * net.load["q_mvar"].sum())
    apparent = np.hypot(net.load["p_mw"], net.load["q_mvar"]).sum() * 1e3
    assert abs(len(feeder.home) / (apparent / 3.0) - 1.0) < 0.1
    service = feeder.transformer[feeder.transformer["kind"] == "service"]
    assert np.bincount(feeder.home["transformer"])[service.index].max() <= 8
    drops = 1e3 * feeder.line["length_km"].to_numpy()[feeder.home["drop"]]
    assert 25.0 < np.median(drops) < 36.0
    winding = feeder.winding[feeder.winding["number"] == 1].set_index("transformer")
    kw = feeder.home["kw"].groupby(feeder.home["transformer"].map(winding["nodes"])).sum()
    assert abs(kw / kw.mean() - 1.0).max() < 0.05
    assert feeder.power_flow()["converged"].values.all()
    again = from_pandapower(net, kva_per_home=3.0, drop_length_m=(30.0, 0.3), seed=5)
    assert again.digest() == feeder.digest()


def test_low_voltage_loads_become_single_phase_homes(networks: Any) -> None:
    net = networks.create_kerber_landnetz_freileitung_1()
    feeder = from_pandapower(net, kva_per_home=2.75)
    assert set(feeder.home["kind"]) == {"single"}
    assert (feeder.home["transformer"] == -1).all()
    assert feeder.home["kw"].sum() == pytest.approx(1e3 * net.load["p_mw"].sum())
    assert feeder.report is not None
    assumed = "\n".join(map(str, feeder.report.inexact()))
    assert "r0, x0" in assumed
    assert "s_sc_max_mva" in assumed


def test_voltage_dependence_shunts_and_generators_are_carried(networks: Any) -> None:
    import pandapower

    net = stiff(networks.create_cigre_network_mv())
    pandapower.create_sgen(
        net, 2, p_mw=0.8, q_mvar=-0.1
    )  # a bus of its own: pandapower mixes shares at a bus
    net.load["const_z_p_percent"], net.load["const_i_q_percent"] = 40.0, 30.0
    pandapower.create_shunt(net, 5, q_mvar=-0.3)
    pandapower.create_shunt(net, 6, q_mvar=0.1, p_mw=0.05)
    feeder = from_pandapower(net, kva_per_home=None, services="direct")
    pandapower.runpp(net, calculate_voltage_angles=True, voltage_depend_loads=True)
    np.testing.assert_allclose(magnitudes(feeder)[:, 0], net.res_bus["vm_pu"], atol=1e-5)


def test_what_cannot_be_carried_is_named_together(networks: Any) -> None:
    net = networks.example_multivoltage()
    with pytest.raises(FeederError) as caught:
        from_pandapower(net)
    assert {"trafo3w", "gen", "impedance", "xward"} <= {problem.key for problem in caught.value.problems}
    with pytest.raises(FeederError) as caught:
        from_pandapower(net, kva_per_home=0.0, services="maybe", drop_length_m=(1.0, 9.0))  # type: ignore[arg-type]
    assert {problem.key for problem in caught.value.problems} == {"kva_per_home", "services", "drop_length_m"}


def test_a_row_that_points_nowhere_is_named(networks: Any) -> None:
    net = networks.simple_four_bus_system()
    net.load.loc[0, "bus"] = 77
    net.trafo.loc[0, "vk_percent"] = 0.0
    with pytest.raises(FeederError, match=r"load\.bus\[0\]"):
        from_pandapower(net)


def test_json_gives_the_same_feeder_as_the_net(networks: Any, tmp_path: Path) -> None:
    import pandapower

    net = networks.create_cigre_network_lv()
    pandapower.to_json(net, str(tmp_path / "net.json"))
    from_file = from_pandapower(tmp_path / "net.json", name="same")
    assert from_file.digest() == from_pandapower(net, name="same").digest()


def written(tmp_path: Path, **tables: Any) -> Path:
    """A small net's JSON with some entries replaced."""
    frame = {"_module": "pandas.core.frame", "_class": "DataFrame", "orient": "split"}

    def table(columns: list[str], *rows: list[Any]) -> dict[str, Any]:
        return frame | {
            "_object": json.dumps({"columns": columns, "index": [*range(len(rows))], "data": rows})
        }

    content = {
        "bus": table(["name", "vn_kv"], ["a", 12.47], ["b", 12.47]),
        "ext_grid": table(["bus", "s_sc_max_mva"], [0, 100.0]),
        "line": table(
            ["from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km"], [0, 1, 1.0, 0.3, 0.6]
        ),
        "load": table(["bus", "p_mw", "q_mvar"], [1, 0.05, 0.01]),
        "f_hz": 60.0,
        "name": "small",
    }
    path = tmp_path / "net.json"
    outer = {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": content | tables}
    path.write_text(json.dumps(outer))
    return path


def test_a_minimal_file_is_enough(tmp_path: Path) -> None:
    feeder = from_pandapower(written(tmp_path))
    assert feeder.name == "small"
    assert feeder.check() == []
    assert feeder.home["kw"].sum() == pytest.approx(50.0)


@pytest.mark.parametrize(
    "planted",
    [
        {"_module": "os", "_class": "function", "_object": "system"},
        {
            "_module": "pandas.core.frame",
            "_class": "DataFrame",
            "orient": "split",
            "_object": "/etc/net.json",
        },
        {"_module": "pandas.core.frame", "_class": "DataFrame", "orient": "records", "_object": "[]"},
        {
            "_module": "pandas.core.frame",
            "_class": "DataFrame",
            "orient": "split",
            "_object": json.dumps({"columns": ["bus"], "index": [0], "data": [[{"_module": "os"}]]}),
        },
    ],
)
def test_files_that_hold_more_than_tables_are_refused(tmp_path: Path, planted: dict[str, Any]) -> None:
    path = written(tmp_path, load=planted)
    with pytest.raises(FeederError) as caught:
        read_tables(path)
    assert [problem.key for problem in caught.value.problems] == ["load"]
    assert caught.value.problems[0].file == str(path)


def test_objects_beside_the_tables_are_never_touched(tmp_path: Path) -> None:
    """A controller names a module whose import would be noticed."""
    (tmp_path / "planted_module.py").write_text("raise SystemExit('imported')\n")
    planted = {"_module": "planted_module", "_class": "Thing", "_object": {"finalize_control": "print"}}
    tables = read_tables(written(tmp_path, controller=planted))
    assert tables.ignored == ("controller",)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    for text in ("", "[1, 2]", '{"_class": "dict"}', '{"_class": "pandapowerNet", "_object": "{"}'):
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(FeederError, match=r"other\.json"):
            read_tables(path)
    with pytest.raises(FeederError, match="cannot be opened"):
        read_tables(tmp_path / "missing.json")
