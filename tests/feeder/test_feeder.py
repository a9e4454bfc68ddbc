"""A feeder holds together, survives its file bit by bit, and refuses what does not."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.errors import FeederError
from cosim.feeder.builder import FeederBuilder, Winding
from cosim.feeder.checks import require_studiable
from cosim.feeder.feeder import Feeder
from cosim.feeder.tables import TABLES

TURN = np.exp(-2j * np.pi / 3 * np.arange(3))


def street(homes: int = 3) -> Feeder:
    """A three-phase primary, one centre-tapped service, `homes` split-phase homes on triplex drops."""
    build = FeederBuilder("street")
    build.add_bus("head", "1.2.3", 7200.0, 0.0, 0.0)
    build.add_bus("pole", "1.2.3", 7200.0, 100.0, 0.0)
    build.add_bus("tank", "1.2.3", 120.0)
    build.add_source("grid", "head", "1.2.3", 7200.0 * TURN, np.eye(3) * (0.01 + 0.1j))
    z = np.full((3, 3), 0.02 + 0.08j) + np.eye(3) * (0.05 + 0.12j)
    trunk = build.add_line("trunk", "head", "1.2.3", "pole", "1.2.3", z, length_m=300.0, rating_a=400.0)
    build.add_switch(trunk, "head", name="recloser")
    build.add_transformer(
        "tank",
        "service",
        [
            Winding("pole", "1.0", 7.2, 0.6),
            Winding("tank", "1.3", 0.12, 1.2),
            Winding("tank", "3.2", 0.12, 1.2),
        ],
        rated_kva=25.0,
        x_percent=(2.04, 2.04, 1.36),
        noload_percent=0.3,
    )
    build.add_other("rod", [("tank", "3")], [[1 / 25]], kind="ground")
    drop = np.full((3, 3), 0.003 + 0.004j) + np.eye(3) * (0.009 + 0.001j)
    build.add_shape("day", np.linspace(0.2, 1.0, 24), interval_s=3600.0)
    for number in range(homes):
        build.add_bus(f"h{number}", "1.2.3", 120.0)
        build.add_line(
            f"drop{number}",
            "tank",
            "1.2.3",
            f"h{number}",
            "1.2.3",
            drop,
            length_m=25.0,
            std_type="4/0 triplex",
            level="drop",
        )
        build.add_home(
            f"home{number}",
            f"h{number}",
            "1.2.3",
            "split",
            kw=2.0 + number,
            kvar=0.5,
            kv=0.12,
            service_rating_a=200.0,
            shape="day",
        )
    return build.build()


def test_builder_finds_service_transformer_and_drop() -> None:
    feeder = street()
    assert feeder.check() == []
    assert feeder.home["transformer"].tolist() == [0, 0, 0]
    assert feeder.line["name"].iloc[feeder.home["drop"]].tolist() == ["drop0", "drop1", "drop2"]


def test_round_trip_is_bitwise(tmp_path: Path) -> None:
    feeder = street()
    path = feeder.save(tmp_path / "a.feeder")
    again = Feeder.load(path)
    for name in TABLES:
        pd.testing.assert_frame_equal(again.table(name), feeder.table(name), check_exact=True)
    for ours, theirs in zip(again.matrices.line_z_ohm, feeder.matrices.line_z_ohm, strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert again.digest() == feeder.digest()
    assert again.save(tmp_path / "b.feeder").read_bytes() == path.read_bytes()
    np.testing.assert_array_equal(again.power_flow()["voltage_v"], feeder.power_flow()["voltage_v"])


def test_digest_sees_every_table_and_matrix() -> None:
    seen = {street().digest()}
    for change in (
        lambda f: f.frames["home"].__setitem__("kw", 9.0),
        lambda f: f.frames["switch"].__setitem__("closed", False),
        lambda f: f.matrices.line_z_ohm[0].__setitem__((0, 0), 1.0),
        lambda f: f.matrices.shape_p[0].__setitem__(0, 5.0),
    ):
        feeder = street()
        change(feeder)
        seen.add(feeder.digest())
    assert len(seen) == 5


def test_net_shares_the_frames_and_counts_once_replaced() -> None:
    feeder = street()
    net = feeder.net
    assert net.line is feeder.line
    assert net.bus is feeder.table("bus")
    net.line.loc[1, "in_service"] = False
    assert not feeder.line["in_service"].iloc[1]
    net.line = net.line.copy()
    net.line.loc[2, "in_service"] = False
    assert not feeder.line["in_service"].iloc[2]
    assert feeder.compile().line_element.tolist() == [0, 1, 2, 3]


def test_loads_added_to_the_net_are_not_lost_silently() -> None:
    import pandapower

    feeder = street()
    pandapower.create_load(feeder.net, 0, 0.1)
    assert any(problem.key == "net.load" for problem in feeder.check())


def change_length(feeder: Feeder) -> None:
    feeder.frames["line"].loc[1, "length_km"] = 0.05


def change_type(feeder: Feeder) -> None:
    feeder.frames["line"].loc[1, "std_type"] = "1/0 triplex"


def twice(feeder: Feeder) -> None:
    feeder.frames["bus"].loc[1, "name"] = "head"


def wrong_bus(feeder: Feeder) -> None:
    feeder.frames["home"].loc[0, "bus"] = 99


def wrong_node(feeder: Feeder) -> None:
    feeder.frames["home"].loc[0, "nodes"] = "1.4.3"


def zero_impedance(feeder: Feeder) -> None:
    feeder.matrices.line_z_ohm[1][:] = 0.0


def not_finite(feeder: Feeder) -> None:
    feeder.matrices.line_z_ohm[1][0, 0] = np.nan


def no_column(feeder: Feeder) -> None:
    del feeder.frames["home"]["kw"]


def no_source(feeder: Feeder) -> None:
    feeder.frames["ext_grid"]["in_service"] = False


def no_winding(feeder: Feeder) -> None:
    feeder.frames["winding"] = feeder.frames["winding"].iloc[:1]


def unknown_shape(feeder: Feeder) -> None:
    feeder.frames["home"].loc[0, "shape"] = "night"


def in_parallel(feeder: Feeder) -> None:
    feeder.frames["line"].loc[0, "parallel"] = 2


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (change_length, "length_km changed under its matrices"),
        (change_type, "std_type changed under its matrices"),
        (twice, "used twice"),
        (wrong_bus, "points at row 99"),
        (wrong_node, "has conductors 1.2.3 only"),
        (zero_impedance, "zero impedance"),
        (not_finite, "finite"),
        (no_column, "column is missing"),
        (no_source, "no source is in service"),
        (no_winding, "must have windings"),
        (unknown_shape, "no such load shape"),
        (in_parallel, "parallel must be 1"),
    ],
)
def test_what_does_not_hold_together_is_neither_compiled_nor_saved(tmp_path: Path, spoil, says: str) -> None:
    feeder = street()
    spoil(feeder)
    assert any(says in str(problem) for problem in feeder.check())
    with pytest.raises(FeederError, match=says):
        feeder.compile()
    with pytest.raises(FeederError):
        feeder.save(tmp_path / "bad.feeder")
    assert list(tmp_path.iterdir()) == []


def test_all_problems_are_told_together() -> None:
    feeder = street()
    change_length(feeder)
    in_parallel(feeder)
    unknown_shape(feeder)
    assert len(feeder.check()) == 3


def test_homes_behind_an_open_switch_are_noted_and_can_be_studied(tmp_path: Path) -> None:
    feeder = street()
    feeder.frames["switch"]["closed"] = False
    assert feeder.check() == []
    assert "3 homes are without voltage behind lines that stand open" in str(feeder.advice()[0])
    assert feeder.compile().line_element[0] >= 0
    feeder.save(tmp_path / "open.feeder")


def test_homes_that_nothing_can_feed_are_refused() -> None:
    feeder = street()
    feeder.frames["transformer"]["in_service"] = False
    (problem,) = feeder.check()
    assert "not reached from any source" in str(problem)
    assert "home0" in problem.value
    with pytest.raises(FeederError, match=r"a\.feeder: home: 3 homes are not reached"):
        require_studiable(feeder, "a.feeder")


def test_lines_of_negative_length_or_resistance_are_refused() -> None:
    feeder = street()
    feeder.matrices.line_z_ohm[1][:] *= -1
    (problem,) = feeder.check()
    assert "absurd impedance" in str(problem)


def test_python_calls_with_nonsense_are_one_message_each() -> None:
    feeder = street()
    for call, says in (
        (lambda: feeder.power_flow(solver="x"), "solver: must be 'cosim' or 'pandapower'"),
        (lambda: feeder.power_flow(load_scale="high"), "load_scale: must be finite numbers"),
        (lambda: feeder.power_flow(load_scale=float("nan")), "load_scale: 1 values are no finite numbers"),
        (lambda: Feeder.generate(homes="x"), "homes: must be a number"),
        (lambda: Feeder.generate(homes=None), "homes: must be a number"),
        (lambda: Feeder.generate(seed=float("nan")), "seed: must lie between"),
        (lambda: Feeder.from_pandapower(None), "net: must be a pandapower net"),
    ):
        with pytest.raises(FeederError) as error:
            call()
        assert str(error.value).startswith(says)


def rewrite(path: Path, member: str, data: bytes | None) -> Path:
    """Replace or drop one member of a saved feeder."""
    out = path.with_name("changed.feeder")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name != member:
                new.writestr(name, old.read(name))
            elif data is not None:
                new.writestr(name, data)
    return out


def header(path: Path, **changes: object) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return json.dumps(json.loads(archive.read("header.json")) | changes).encode()


def npy(values: np.ndarray, pickled: bool = False) -> bytes:
    import io

    data = io.BytesIO()
    np.save(data, values, allow_pickle=pickled)
    return data.getvalue()


def test_files_of_another_kind_or_version_or_cut_short_are_refused(tmp_path: Path) -> None:
    path = street().save(tmp_path / "a.feeder")
    lengths = np.array([0.3, 0.05, 0.025, 0.025])
    changed = {
        "its kind must be": ("header.json", header(path, kind="cosim-run")),
        "reads version 2": ("header.json", header(path, version=1)),
        "has no header": ("header.json", None),
        "lacks columns": ("tables/home/kw.npy", None),
        "different length": ("tables/home/kw.npy", npy(np.zeros(2))),
        "missing or cut short": ("matrices/line_z_ohm.npy", npy(np.zeros(5, dtype=complex))),
        "length_km changed": ("tables/line/length_km.npy", npy(lengths)),
        "digest differs": ("tables/home/kw.npy", npy(np.array([2.0, 3.0, 5.0]))),
        "allow_pickle": ("tables/home/name.npy", npy(np.array([print, 1, 2], dtype=object), pickled=True)),
    }
    for says, (member, data) in changed.items():
        with pytest.raises(FeederError, match=says):
            Feeder.load(rewrite(path, member, data))
    whole = path.read_bytes()
    (tmp_path / "cut.feeder").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FeederError, match="not a cosim feeder file"):
        Feeder.load(tmp_path / "cut.feeder")
    with pytest.raises(FeederError, match="no such feeder file"):
        Feeder.load(tmp_path / "none.feeder")


def test_a_damaged_byte_is_noticed_or_without_effect(tmp_path: Path) -> None:
    feeder = street()
    path = feeder.save(tmp_path / "a.feeder")
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(0, 8))
        (tmp_path / "b.feeder").write_bytes(damaged)
        try:
            again = Feeder.load(tmp_path / "b.feeder")
        except FeederError:
            continue
        assert again.digest() == feeder.digest(), place


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = street().save(tmp_path / "a.feeder")
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("cosim.feeder.storage.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        street(4).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.feeder"]


def test_extra_columns_of_plain_kinds_survive(tmp_path: Path) -> None:
    feeder = street()
    feeder.frames["home"]["note"] = ["a", "", "c"]
    feeder.frames["home"]["rank"] = [3, 2, 1]
    again = Feeder.load(feeder.save(tmp_path / "a.feeder"))
    assert again.home["note"].tolist() == ["a", "", "c"]
    assert again.home["rank"].dtype == np.int64
    feeder.frames["home"]["thing"] = [object(), 1, 2]
    with pytest.raises(FeederError, match=r"home\.thing"):
        feeder.save(tmp_path / "b.feeder")


def test_unknown_cells_and_buses_are_refused_by_the_builder() -> None:
    build = FeederBuilder("x")
    build.add_bus("a", "1", 120.0)
    with pytest.raises(FeederError, match="no such bus"):
        build.add_home("h", "b", "1", "single", kw=1.0, kvar=0.0, kv=0.12)
    with pytest.raises(FeederError, match=r"home\.colour"):
        build.add_home("h", "a", "1", "single", kw=1.0, kvar=0.0, kv=0.12, colour="red")
    with pytest.raises(FeederError, match="exists"):
        build.add_bus("a", "1", 120.0)


def test_reading_tables_does_not_import_pandapower() -> None:
    code = "import sys, cosim.feeder.builder, cosim.feeder.compile; print('pandapower' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_replaced_feeder_shares_nothing_that_changes() -> None:
    feeder = street()
    copy = replace(feeder, frames={name: frame.copy() for name, frame in feeder.tables.items()})
    copy.frames["home"]["kw"] = 0.0
    assert feeder.home["kw"].iloc[0] == 2.0
