"""OpenDSS masters: carried exactly, obeyed only where they describe the circuit, refused clearly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from masters import HEAD, MASTERS, TAIL, master

from cosim.errors import FeederError
from cosim.feeder.compare import compare
from cosim.feeder.feeder import Feeder
from cosim.feeder.import_report import Outcome

pytest.importorskip("dss")


@pytest.fixture
def read(tmp_path: Path):
    def write_and_read(text: str, **options: object) -> tuple[Feeder, Path]:
        path = tmp_path / "Master.dss"
        path.write_text(text)
        return Feeder.from_opendss(path, **options), path

    return write_and_read


@pytest.mark.parametrize("name", MASTERS)
def test_small_circuits_agree_with_the_engine_at_every_node(read, name: str) -> None:
    feeder, path = read(master(name))
    result = compare(feeder, path)
    assert result.nodes >= 9
    # the engine's own tolerance of 1e-10 leaves up to about 1e-8 of error
    assert result.max_error_pu < 2e-8, result


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("ieee13/IEEE13Nodeckt.dss", 1e-7),
        ("ieee34/ieee34Mod1.dss", 1e-7),
        ("ieee34/ieee34Mod2.dss", 1e-7),
        ("ieee37/ieee37.dss", 1e-7),
        ("ieee123/IEEE123Master.dss", 1e-7),
        ("ieee4/DY-Bal/4Bus-DY-Bal.DSS", 1e-7),
        ("ieee4/GrdYD-Bal/4Bus-GrdYD-Bal.DSS", 1e-7),
        ("ieee4/OYOD-Bal/4Bus-OYOD-Bal.DSS", 1e-7),
        ("ieee4/OYOD-UnBal/4bus-OYOD-UnBal.dss", 1e-7),
        ("ieee4/YD-Bal/4Bus-YD-Bal.DSS", 1e-7),
        ("ieee4/YY-Bal/4Bus-YY-Bal.DSS", 1e-7),
        ("ieee4/YYD/YYD-Master.DSS", 2e-7),
        ("european-lv/Master.dss", 1e-7),
        ("epri-ckt7/Master_ckt7.dss", 2e-7),
        ("epri-ckt5/Master_ckt5.dss", 2e-7),
        ("ieee8500/Master.dss", 1e-7),
        # near-zero impedances next to the source: the engine itself has no more digits
        ("north-american-lv/Master.dss", 1e-6),
        ("secondary-test-circuit/Master.DSS", 1e-7),
    ],
)
def test_published_feeders_agree_with_the_engine_at_every_node(shared: Path, name: str, limit: float) -> None:
    path = shared / "feeders" / "dss" / name
    feeder = Feeder.from_opendss(path)
    assert feeder.check() == []
    result = compare(feeder, path)
    assert result.max_error_pu < limit, result


def test_the_reference_solution_of_ieee13_is_met_without_the_engine(shared: Path) -> None:
    import csv

    feeder = Feeder.from_opendss(shared / "feeders" / "dss" / "ieee13" / "IEEE13Nodeckt.dss")
    flow = feeder.power_flow()
    ours = dict(zip(flow["node"].to_numpy(), flow["voltage_v"].to_numpy()[0], strict=True))
    with (shared / "feeders" / "reference" / "ieee13" / "ref_voltages.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(ours) == 41
    for row in rows:
        volts = float(row["v_mag_V"]) * np.exp(1j * np.radians(float(row["v_ang_deg"])))
        assert abs(ours[f"{row['bus']}.{row['node']}"] - volts) < 2e-7 * abs(volts)


def test_split_phase_homes_and_their_services_are_recognised(read) -> None:
    feeder, _ = read(master("centre-tap"))
    home = feeder.home.set_index("name")
    assert set(home["kind"]) == {"split"}
    assert home["leg"].to_dict() == {"both": "both", "leg1": "1", "leg2": "2", "line": "line"}
    np.testing.assert_allclose(home["kv"], [0.208 / 3**0.5, 0.12, 0.12, 0.12])
    assert set(feeder.transformer["name"].iloc[home["transformer"]]) == {"t"}
    assert home["drop"].map(feeder.line["name"]).to_dict() == {
        "both": "drop",
        "leg1": "drop2",
        "leg2": "drop2",
        "line": "drop2",
    }
    compiled = feeder.compile()
    assert len(compiled.circuit.injectors) == 4 * 5  # panel: three and one for DER; one on the adapter
    np.testing.assert_allclose(compiled.circuit.injectors.p_w[5:10], [1500, 0, 0, 0, 0])
    np.testing.assert_array_equal(compiled.share[:5], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    assert compiled.circuit.injectors.v_nom[17] == pytest.approx(240.0)


def test_a_kept_neutral_stays_a_node(read) -> None:
    feeder, _ = read(master("neutral-kept"))
    assert feeder.home["nodes"].tolist() == ["1.2.3"] * 3
    names = feeder.compile().circuit.nodes
    assert [names[n] for n in feeder.compile().home_nodes[0]] == ["h.1", "h.2", "h.3"]


def test_regulators_taps_and_settings_are_carried(read) -> None:
    feeder, _ = read(master("regulators"))
    assert feeder.transformer["kind"].tolist() == [
        "regulator" if n == "r3" else "other" for n in ("r1", "r2", "r3")
    ]
    setting = feeder.table("regulator").iloc[0]
    assert (setting["target_v"], setting["band_v"], setting["r_v"], setting["x_v"]) == (124, 2, 2, 5)
    taps = feeder.winding[feeder.winding["number"] == 2]["tap_pu"].tolist()
    assert taps[:2] == [1.04375, 1.0125]
    assert taps[2] != 1.0  # the control has acted
    as_written, _ = read(master("regulators"), controls="off")
    assert as_written.winding[as_written.winding["number"] == 2]["tap_pu"].tolist()[2] == 1.0


def test_what_is_approximated_is_listed_and_strict_refuses_it(read) -> None:
    feeder, path = read(master("odds"))
    assert feeder.report is not None
    fates = {(item.kind, item.outcome): item for item in feeder.report.items}
    assert ("load", Outcome.APPROXIMATED) not in fates
    assert any("fixed Q" in str(item) and item.names == ["small"] for item in feeder.report.items)
    assert not any("LoadMult" in str(item) for item in feeder.report.items)
    assert fates["pvsystem", Outcome.APPROXIMATED].count == 1
    assert fates["line", Outcome.LEFT_OUT].names == ["gone"]
    assert fates["capcontrol", Outcome.CARRIED].count == 1
    with pytest.raises(FeederError, match="pvsystem"):
        Feeder.from_opendss(path, strict=True)


def test_laws_that_differ_far_below_the_band_are_told(read) -> None:
    lines = (
        "new load.six bus1=a phases=3 kv=12.47 kw=90 kvar=60 model=6",
        "new load.seven bus1=a phases=3 kv=12.47 kw=90 kvar=60 model=7",
        "new generator.limited bus1=a kv=12.47 kw=10 model=7",
        "set loadmult=0.5",
    )
    feeder, _ = read("\n".join([HEAD, *lines, TAIL]))
    told = {name: item.effect for item in feeder.report.items for name in item.names}
    assert told["six"].endswith("below VLowpu the engine multiplies its Q by LoadMult 0.5 after all")
    assert told["seven"].endswith("below VLowpu the engine multiplies its Q by LoadMult 0.5 after all")
    assert "VMinpu" in told["limited"]


def test_an_open_line_is_an_open_switch_that_can_be_closed(read) -> None:
    feeder, _ = read(master("odds"))
    switch = feeder.table("switch")
    opened = switch[~switch["closed"]]
    assert feeder.line["name"].iloc[opened["element"]].tolist() == ["opened"]
    assert feeder.bus["name"].iloc[opened["bus"]].tolist() == ["d"]
    flow = feeder.power_flow().sel(step=0) if "step" in feeder.power_flow().coords else feeder.power_flow()
    volts = dict(zip(flow["node"].to_numpy(), np.abs(flow["voltage_v"].to_numpy()).ravel(), strict=True))
    assert volts["d.1"] == 0.0
    feeder.frames["switch"]["closed"] = True
    flow = feeder.power_flow()
    volts = dict(zip(flow["node"].to_numpy(), np.abs(flow["voltage_v"].to_numpy()).ravel(), strict=True))
    assert volts["d.1"] > 7000.0


def test_load_shapes_come_along_with_their_files(tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    (tmp_path / "Data" / "Day.csv").write_text("\n".join(str(0.1 * k) for k in range(24)))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "loads.dss").write_text(
        "new loadshape.day npts=24 interval=1 mult=(file=..\\data\\day.csv)\n"
        "new load.l bus1=a.1 phases=1 kv=7.2 kw=10 kvar=2 daily=day\n"
    )
    path = tmp_path / "Master.dss"
    path.write_text(HEAD + "redirect sub\\Loads.dss\n" + TAIL)
    feeder = Feeder.from_opendss(path)
    interval, p, q = feeder.shape("day")
    assert interval == 3600.0
    np.testing.assert_allclose(p, 0.1 * np.arange(24))
    np.testing.assert_array_equal(p, q)
    assert feeder.home["shape"].tolist() == ["day"]


def test_nothing_is_written_and_the_working_directory_stays(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    path = folder / "Master.dss"
    path.write_text(
        HEAD
        + f"new load.l bus1=a phases=3 kv=12.47 kw=10 kvar=2\nset datapath={tmp_path}/made\n"
        + "new monitor.m element=line.feeder\n"
        + TAIL
        + f"show voltages\nexport voltages {tmp_path}/out.csv\nplot circuit\n"
        + f"save circuit dir={tmp_path}/kept\n"
        + f"dump\nDOScmd touch {tmp_path}/touched\nexport mon m\ncd {tmp_path}\nset recorder=yes\n"
    )
    before = Path.cwd()
    feeder = Feeder.from_opendss(path)
    assert Path.cwd() == before
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["Master.dss", "case"]
    assert feeder.report is not None
    notes = "\n".join(feeder.report.notes)
    for verb in ("show", "export", "plot", "save", "dump", "doscmd", "cd", "recorder=", "datapath="):
        assert f"'{verb}' not obeyed" in notes


@pytest.mark.parametrize("controls", ["solved", "off"])
def test_the_engines_own_files_go_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controls: str
) -> None:
    """Some properties write reports as they are set, into the folder where the program was started."""
    folder, here = tmp_path / "case", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    (folder / "Master.dss").write_text(
        HEAD
        + "new load.l bus1=a phases=3 kv=12.47 kw=10 kvar=2\nnew energymeter.m element=line.feeder\n"
        + TAIL
        + "energymeter.m.action=zonedump\nset mode=faultstudy\nsolve\nshow f\n"
    )
    Feeder.from_opendss(folder / "Master.dss", controls=controls)
    assert Path.cwd() == here
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["Master.dss", "case", "here"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (HEAD + "new line.bad bus1=a bus2=b linecode=nope\n" + TAIL, 8, "nope"),
        (HEAD + "frobnicate everything\n" + TAIL, 8, "frobnicate"),
        (HEAD + "redirect missing.dss\n" + TAIL, 8, "missing.dss"),
        ("! nothing here\n", 0, "no circuit"),
    ],
)
def test_a_rejected_master_names_file_line_and_the_engines_reason(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    path = tmp_path / "Master.dss"
    path.write_text(text.lstrip("\n"))
    with pytest.raises(FeederError) as refusal:
        Feeder.from_opendss(path)
    problem = refusal.value.problems[0]
    assert problem.file == str(path)
    assert says in str(problem)
    assert problem.line == line


def test_a_missing_master_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(FeederError, match="no such master file"):
        Feeder.from_opendss(tmp_path / "none.dss")


def test_two_imports_are_the_same_feeder(read) -> None:
    first, _ = read(master("centre-tap"))
    second, _ = read(master("centre-tap"))
    assert first.digest() == second.digest()


@pytest.mark.parametrize(
    "how",
    [
        "new generator.g bus1=a kv=12.47 kw=10 model=6 xdpp=0.2 {lib}",
        "new generator.g bus1=a kv=12.47 kw=10 model=6\n~ vminpu=0.9 '{lib}'",
        "new generator.g bus1=a kv=12.47 kw=10 model=6 userm={lib}",
        "generator.g.shaftmodel={lib}",
        "var @model={lib}\nnew generator.g bus1=a kv=12.47 kw=10 model=6 usermodel=@model",
        "new storage.s bus1=a kv=12.47 1 {lib}",
    ],
)
def test_a_library_is_never_loaded(tmp_path: Path, how: str) -> None:
    library = tmp_path / "model"
    library.write_bytes(b"not for running")
    path = tmp_path / "Master.dss"
    path.write_text(HEAD + how.format(lib=library) + "\n" + TAIL)
    with pytest.raises(FeederError, match="user models are not loaded"):
        Feeder.from_opendss(path)


def test_data_files_may_stand_in_folders_with_spaces(tmp_path: Path) -> None:
    folder = tmp_path / "my feeder"
    folder.mkdir()
    (folder / "day.csv").write_text("0.5\n1.0\n")
    (folder / "xy.csv").write_text("src, 0, 1\na, 2, 3\n")
    path = folder / "Master.dss"
    load = "new load.l bus1=a phases=3 kv=12.47 kw=10 kvar=1 daily=day ! data/day.csv\n"
    shape = "new loadshape.day npts=2 interval=1 mult=(file=day.csv)\n"
    path.write_text(HEAD + shape + load + TAIL + 'buscoords "xy.csv"\n')
    feeder = Feeder.from_opendss(path)
    np.testing.assert_array_equal(feeder.shape("day")[1], [0.5, 1.0])
    assert feeder.bus.set_index("name").loc["a", ["x", "y"]].tolist() == [2.0, 3.0]
    assert feeder.home[["x", "y"]].to_numpy().tolist() == [[2.0, 3.0]]


def test_a_feeder_of_another_master_is_refused_by_name(tmp_path: Path) -> None:
    master = tmp_path / "Master.dss"
    master.write_text(
        "clear\nnew circuit.x bus1=b basekv=12.47 phases=3\nnew line.l1 bus1=b bus2=c length=1\n"
        "new load.d bus1=c kw=5 kv=12.47\nset voltagebases=[12.47]\ncalcvoltagebases\nsolve\n"
    )
    with pytest.raises(FeederError, match="transformer: does not have 3 of the feeder's transformers"):
        compare(Feeder.generate(8), master)
