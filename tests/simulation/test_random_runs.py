"""Random small runs of everything at once: stopped and resumed to the same bytes, and their accounts in order."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from cosim.errors import InterruptedRun
from cosim.results import Results
from cosim.scenario import Scenario
from cosim.simulation.run import run

BATTERIES = ("tesla-backup-switch", "enphase-iq-meter-collar", "connectder-islandder", "sigen-backup-switch")
SETS = (
    "tesco-bptm", "generlink-30", "marwell-quick-set", "trifecta", "generac-200a-transfer-switch",
    "manual-transfer-switch", "interlock-kit", "suicide-cord", "extension-cord",
)  # fmt: skip
START = "2026-07-14T{:02d}:{:02d}:{:02d}"
BEGINS_H, HOURS = 11, 3


def random_scenario(seed: int) -> str:
    """A feeder of some homes with some products, some of which is sure to be tried."""
    draw = random.Random(seed)

    def moment() -> str:
        return START.format(BEGINS_H + draw.randrange(HOURS), draw.randrange(1, 60), draw.choice((0, 13, 59)))

    def group(adapter: str) -> list[str]:
        lines = [f"[homes.{adapter}]", f'adapter = "{adapter}"', f"share = {draw.uniform(0.05, 0.2):.2f}"]
        lines.append(f"critical_share = {draw.choice((0.2, 0.5, 1.0))}")
        if adapter in SETS:
            kind = "standby-generator-12" if "generac" in adapter else "portable-generator-6.25"
            return [*lines, f'generator = {{ entry = "{kind}", tank = {draw.choice((0.02, 1.0))} }}']
        mode, charge = draw.choice(("self-consumption", "backup")), draw.choice((0.1, 0.5, 1.0))
        lines.append(f'battery = {{ entry = "powerwall-3", mode = "{mode}", initial_soc = {charge} }}')
        lines.append(f"pv_kw = {draw.choice((0, 4, 12))}")
        if draw.random() < 0.5:
            lines.append('inverter = { volt_var = "ieee1547-2018-b", volt_watt = "ieee1547-2018-b" }')
        return lines

    def event() -> list[str]:
        kind = draw.choice(("outage", "open", "fault", "lost-neutral", "source-voltage"))
        lines = ["[[events]]", f"at = {moment()}", f'kind = "{kind}"']
        lines.append(f'duration = "{draw.choice(("2 s", "8 s", "90 s", "10 min", "40 min"))}"')
        if kind == "source-voltage":
            return [*lines, f"value_pu = {draw.choice((0.05, 0.3, 0.7, 0.88, 1.15))}"]
        places = ("line:trunk-1", "line:trunk-2@b", "line:lateral-1")
        where = f"home:{draw.randint(1, 12)}" if kind == "lost-neutral" else draw.choice(places)
        return [*lines, f'where = "{where}"']

    lines = [
        f"start = {START.format(BEGINS_H, 0, 0)}",
        f'duration = "{HOURS} h"',
        f"seed = {seed}",
        f"feeder = {{ homes = 24, voltage_kv = {draw.choice((4.16, 12.47))} }}",
        f'protection.scheme = "{draw.choice(("fuse-saving", "fuse-blowing"))}"',
        f"crews.count = {draw.randrange(3)}",
        "controls = { regulators = true, capacitors = true }" if draw.random() < 0.5 else "",
        f'record.checkpoint = "{draw.choice(("10 min", "1 h"))}"',
    ]
    for adapter in draw.sample(BATTERIES + SETS, 4):
        lines += group(adapter)
    lines += ["[[storms]]", f"at = {moment()}", 'lasts = "1 min"', f"faults = {draw.randint(1, 4)}"]
    for _ in range(draw.randrange(4)):
        lines += event()
    if draw.random() < 0.5:
        battery = f"battery = {{ energy_kwh = {draw.choice((2, 200))}, power_kw = {draw.choice((5, 200))} }}"
        lines += ["[[islands]]", f'at = "line:{draw.choice(("lateral-1", "breaker-1"))}"', battery]
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_stopped_and_resumed_and_its_accounts_in_order(seed: int, tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(random_scenario(seed))
    case = Scenario.load(tmp_path / "case.toml")
    with run(case, tmp_path / "whole.h5", block_steps=7) as whole:
        accounts_in_order(whole)
    stop = random.Random(seed).randrange(HOURS * 60)

    def stopping(done: int, _: int) -> None:
        if done > stop:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRun):
        run(case, tmp_path / "parts.h5", threads=1, progress=stopping)
    run(case, tmp_path / "parts.h5", threads=1, resume=True).close()
    assert (tmp_path / "parts.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def accounts_in_order(results: Results) -> None:
    """Causes come before effects; who was out, for how long and on what adds up."""
    events = results.events
    assert (np.diff(events["time"].astype("int64")) >= 0).all()
    assert (events["cause"].to_numpy() < np.arange(len(events))).all()
    if not results.studies_of("interruptions"):
        return
    each, index, homes, over = (
        results.study(name).to_dataframe()
        for name in ("interruptions", "reliability", "outage_homes", "out_over_time")
    )
    count, long = int(index["homes"].iloc[0]), each["duration_s"] > 300.0
    assert index["saifi"].iloc[0] == pytest.approx(long.sum() / count)
    assert index["saidi_min"].iloc[0] == pytest.approx(each["duration_s"][long].sum() / 60 / count)
    assert index["maifi"].iloc[0] == pytest.approx((~long).sum() / count)
    ends = np.append(over["time"].to_numpy()[1:], np.datetime64(START.format(BEGINS_H + HOURS, 0, 0)))
    stretch_s = (ends - over["time"].to_numpy()) / np.timedelta64(1, "s")
    for counted, whose in (("without_grid", "without_grid_s"), ("without_power", "without_power_s")):
        assert (over[counted] * stretch_s).sum() == pytest.approx(homes[whose].sum(), abs=1e-3)
    assert (homes["without_grid_s"] <= homes["without_power_s"] + homes["on_own_s"] + 1e-6).all()
    if results.studies_of("island_energy"):
        made = results.study("island_energy").to_dataframe()
        columns = [name for name in made if name.endswith("_kwh")]
        assert (made[columns] >= 0.0).all(axis=None)
        assert (made["generator_kwh"] <= made["fuel_kwh"]).all()
