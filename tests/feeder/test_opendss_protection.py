"""Protective devices of OpenDSS models: carried, refused where there are none, and acting when the engine's do.

The engine looks at the currents once a step and acts at the first step at or after the time it has set itself, so its
times are late by up to a step for each look and each act. It sets that time by the current at pick-up and drops it when
the current falls below; here the current's whole course counts. With a constant current between switchings both are the
same. What is not the same is said at the test that shows it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.devices.operating import opening_s
from cosim.errors import FeederError
from cosim.events import Environment
from cosim.events.fault_processes import ComingFault, Faults
from cosim.events.protection_processes import ProtectionWatch
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import AskedDevice, AskedProtection, protection_of
from cosim.reliability.event_physics import EventPhysics, FaultedGrid

dss = pytest.importorskip("dss")

CARRIED = AskedProtection("feeder")
STRUCK_S, STEP_S = 0.01, 0.0002
TELLING = {
    "fuse_blows",
    "recloser_opens",
    "recloser_locks_out",
    "breaker_opens",
    "breaker_locks_out",
    "recloses",
}

SMALL = """
clear
new circuit.case bus1=src basekv=12.47 mvasc3=200 mvasc1=180
new line.head phases=3 bus1=src bus2=a r1=0.2 x1=0.6 r0=0.5 x0=1.8 length=1 units=km
new line.tap phases=1 bus1=a.2 bus2=b.2 r1=0.5 x1=0.6 r0=0.5 x0=0.6 length=3 units=km
new load.b bus1=b.2 phases=1 kv=7.2 kw=40
new tcc_curve.own npts=3 c_array=(2 10 100) t_array=(10 0.1 0.02)
new fuse.f monitoredobj=line.tap fusecurve=own ratedcurrent=25 delay=0.01
new relay.r monitoredobj=line.head type=current phasecurve=ext_inv phasetrip=300 tdphase=0.5 groundcurve=very_inv
~ groundtrip=80 tdground=0.3 phaseinst=4000 breakertime=0.05 shots=2 recloseintervals=(3) eventlog=yes
new relay.under monitoredobj=line.head type=voltage kvbase=12.47
new recloser.far monitoredobj=line.tap switchedobj=line.head
new fuse.gone monitoredobj=line.tap enabled=no
set voltagebases=[12.47]
calcvoltagebases
solve
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Feeder:
    file = tmp_path_factory.mktemp("small") / "master.dss"
    file.write_text(SMALL)
    return Feeder.from_opendss(file)


def test_devices_and_curves_are_carried(small: Feeder) -> None:
    protection = protection_of(small, CARRIED)
    assert protection.names == ("relay:r", "fuse:f")
    assert protection.upstream["line:tap"] == ("fuse:f", "relay:r")
    fuse, relay = protection.device("fuse:f"), protection.device("relay:r")
    assert (fuse.section, fuse.conductors, fuse.ganged) == ("line:tap", "b", False)
    assert opening_s(fuse, (0.0, 250.0, 0.0, 250.0)) == pytest.approx(0.11)
    assert (relay.conductors, relay.ganged, relay.reset_us) == ("abc", True, 15_000_000)
    assert [shot.dead_us for shot in relay.shots] == [3_000_000, None]
    assert [one.sees for one in relay.shots[0].elements] == ["phase", "ground", "phase"]
    assert len(relay.shots[1].elements) == 2, (
        "the engine's instantaneous units act on the first opening alone"
    )
    # 0.01 s of the unit and twice the breaker's 0.05 s, as the engine has it
    assert opening_s(relay, (5000.0, 0.0, 0.0, 0.0)) == pytest.approx(0.11)


def test_the_report_says_what_was_left_out(small: Feeder) -> None:
    assert small.report is not None
    told = {name: (item.kind, item.effect) for item in small.report.items for name in item.names}
    assert told["under"] == ("relay", "of type voltage: only overcurrent relays are carried")
    assert told["far"] == ("recloser", "opens another element than it monitors")
    assert told["gone"] == ("fuse", "disabled in the file")


def test_they_are_saved_with_the_feeder(small: Feeder, tmp_path: Path) -> None:
    again = Feeder.load(small.save(tmp_path / "small.feeder"))
    assert again.digest() == small.digest()
    assert repr(protection_of(again, CARRIED)) == repr(protection_of(small, CARRIED))
    for table, row, column, value in (
        ("protective_element", 0, "pickup_a", 26.0),
        ("curve_point", 1, "seconds", 0.2),
        ("protective_shot", 1, "dead_s", 4.0),
    ):
        other = Feeder.load(tmp_path / "small.feeder")
        other.table(table).loc[row, column] = value
        assert other.digest() != small.digest(), table


@pytest.mark.parametrize(
    ("table", "column", "value", "says"),
    [
        ("protective_device", "section", "line:nowhere", "must stand at line:NAME"),
        ("protective_device", "conductors", "c", "has the phases b"),
        ("protective_element", "curve", "lost", "no such curve"),
        ("protective_element", "pickup_a", -1.0, "must be above 0"),
        ("protective_element", "shot", 7, "no such shot"),
        ("curve_point", "seconds", 0.0, "times be above 0"),
        ("protective_shot", "dead_s", 1.0, "dead time after every shot but the last"),
    ],
)
def test_tables_that_contradict_themselves_are_named(
    small: Feeder, tmp_path: Path, table: str, column: str, value: object, says: str
) -> None:
    other = Feeder.load(small.save(tmp_path / "small.feeder"))
    other.table(table).loc[0, column] = value
    assert any(says in str(problem) for problem in other.check())
    with pytest.raises(FeederError, match=says):
        other.save(tmp_path / "other.feeder")


def test_a_feeder_without_devices_of_its_own_is_refused() -> None:
    with pytest.raises(FeederError, match='carries no protective devices: take "fuse-saving"'):
        protection_of(Feeder.generate(5, seed=1), CARRIED)


def test_a_chosen_device_takes_the_place_of_a_carried_one(small: Feeder) -> None:
    chosen = AskedDevice("line:tap", "k-link", rating_a=40.0)
    protection = protection_of(small, AskedProtection("feeder", (chosen,)))
    assert protection.names == ("relay:r", "fuse:tap")


def engine_tells(
    script: list[str], fault: str, seconds: float, step_s: float
) -> list[tuple[str, str, float]]:
    """(device, what it does, time [s]) of the engine's event log."""
    engine = dss.DSS.NewContext()
    engine.AllowChangeDir = False
    for line in [*script, f"new fault.struck {fault} ontime={STRUCK_S}"]:
        engine.Text.Command = line
    mode = "set mode=dynamic controlmode=time time=(0,0) maxiter=100"
    engine.Text.Command = f"{mode} stepsize={step_s} number={round(seconds / step_s)}"
    engine.Text.Command = "solve"
    found = []
    for line in engine.ActiveCircuit.Solution.EventLog:
        told = re.match(r"Hour=(\d+), Sec=([\d.e+-]+),.*Element=(\w+)\.(.+), Action=(.+)", line)
        if told and told[3].lower() in ("fuse", "recloser", "relay") and "RESET" not in told[5].upper():
            name = f"{told[3]}:{told[4]}".lower()
            found.append((name, _act(told[5]), float(told[2])))
    return found


def _act(text: str) -> str:
    text = text.upper()
    if "BLOWN" in text:
        return f"{text.split()[1]} blows"
    return "closes" if "CLOSED" in text else "locks out" if "LOCKED" in text else "opens"


def devices_tell(feeder: Feeder, fault: ComingFault, seconds: float) -> list[tuple[str, str, float]]:
    """The same of the processes that follow the devices."""
    protection = protection_of(feeder, CARRIED)
    env = Environment(EventPhysics(FaultedGrid(feeder, feeder.compile(), protection)))
    env.start(Faults(name="faults", coming=[fault]))
    env.start(ProtectionWatch(name="protection"))
    env.run_until(round(seconds * 1e6))
    found = []
    for record in env.log:
        if record.kind not in TELLING:
            continue
        name = next(one for one in protection.names if one in record.detail)
        # the engine counts the phases of the line that a fuse is on
        phases = [
            protection.device(name).conductors.index(one) + 1
            for one in re.findall(r", ([abc])\b", record.detail)
        ]
        act = {"fuse_blows": f"{phases[0] if phases else ''} blows", "recloses": "closes"}.get(record.kind)
        act = act or ("locks out" if record.kind.endswith("locks_out") else "opens")
        found.append((name, act, record.time_us * 1e-6))
    return found


def same(ours: list[tuple[str, str, float]], theirs: list[tuple[str, str, float]], step_s: float) -> None:
    """The same devices do the same in the same order; from act to act it takes as long, but for the engine's steps."""
    assert [one[:2] for one in ours] == [one[:2] for one in theirs]
    assert ours, "nothing acted"
    spans = [np.diff([STRUCK_S, *(time for *_, time in one)]) for one in (ours, theirs)]
    late = spans[1] - spans[0]
    # The engine's log prints five digits, 1 ms beyond 10 s.
    slack = np.where(np.array([time for *_, time in theirs]) >= 10.0, 1e-3, 1e-4)
    assert (np.abs(late) <= np.maximum(2.0 * step_s, 5e-4) + slack).all(), late


def curve(name: str) -> str:
    """A curve of the library as the engine takes it."""
    entry = library.load("curves", name)
    points = [" ".join(map(str, one)) for one in (entry.multiple, entry.seconds)]
    return f"new tcc_curve.{name} npts={len(entry.seconds)} c_array=({points[0]}) t_array=({points[1]})"


OWN = [
    "clear",
    "new circuit.own bus1=src basekv=12.47 mvasc3=200 mvasc1=180",
    *(curve(f"recloser-{number}") for number in (104, 106, 117, 135)),
    curve("k-link"),
    "new line.head phases=3 bus1=src bus2=a r1=0.2 x1=0.6 r0=0.5 x0=1.8 length=1 units=km",
    "new line.trunk phases=3 bus1=a bus2=b r1=0.2 x1=0.6 r0=0.5 x0=1.8 length=4 units=km",
    "new line.tap phases=1 bus1=b.2 bus2=c.2 r1=0.5 x1=0.6 r0=0.5 x0=0.6 length=3 units=km",
    "new line.far phases=3 bus1=b bus2=d r1=0.3 x1=0.6 r0=0.6 x0=1.8 length=6 units=km",
    "new load.c bus1=c.2 phases=1 kv=7.2 kw=40",
    "new relay.s monitoredobj=line.head type=current phasecurve=very_inv phasetrip=240 tdphase=3 "
    "groundcurve=very_inv groundtrip=120 tdground=5 breakertime=0.083 shots=2 recloseintervals=(2) eventlog=yes",
    "new recloser.r monitoredobj=line.trunk switchedobj=line.trunk numfast=2 phasefast=recloser-104 "
    "phasedelayed=recloser-117 phasetrip=150 groundfast=recloser-106 grounddelayed=recloser-135 groundtrip=100 "
    "shots=4 recloseintervals=(0.5 2 5) delay=0.042",
    "new fuse.tap monitoredobj=line.tap fusecurve=k-link ratedcurrent=40",
    "new fuse.far monitoredobj=line.far fusecurve=k-link ratedcurrent=100",
    "set voltagebases=[12.47]",
    "calcvoltagebases",
    "solve",
]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Feeder:
    file = tmp_path_factory.mktemp("own") / "master.dss"
    file.write_text("\n".join(OWN))
    return Feeder.from_opendss(file)


@pytest.mark.parametrize(
    ("bus", "kind", "conductors", "ohm", "acts"),
    [
        ("b", "three-phase-ground", "abc", 1e-4, 7),  # the recloser to lockout
        ("b", "line-line", "bc", 10.0, 7),
        ("b", "line-ground", "a", 30.0, 7),  # by its ground curves
        ("c", "line-ground", "b", 1e-4, 1),  # the link before the first shot
        ("c", "line-ground", "b", 20.0, 5),  # and after the fast shots
        ("d", "line-ground", "c", 1e-4, 5),  # one of three links
        ("a", "line-ground", "c", 10.0, 3),  # the relay to lockout
    ],
)
def test_devices_of_the_library_s_curves_act_as_the_engine_has_them(
    own: Feeder, bus: str, kind: str, conductors: str, ohm: float, acts: int
) -> None:
    ours, struck = fault_at(bus, kind, conductors, ohm)
    told = devices_tell(own, ours, 20.0)
    assert len(told) == acts
    script = [*OWN, "batchedit load..* enabled=no"]  # as the processes have it
    same(told, engine_tells(script, struck, 20.0, 0.0005), 0.0005)


def dg_script(shared: Path) -> list[str]:
    """EPRI's feeder with its reclosers and fuses on and its wind generator, which the engine alone could model, off."""
    text = (shared / "feeders" / "dss" / "dg-protection" / "DG_Prot_Fdr.dss").read_text()
    text = text[: text.index("edit Recloser.A enabled=no")]
    dropped = ("new vsource.windgen1", "new monitor", "new relay.lv", "~ overvoltcurve", "//", "clear")
    lines = [line.split("//")[0].strip() for line in text.splitlines()]
    return ["clear", *(line for line in lines if line and not line.lower().startswith(dropped)), "solve"]


@pytest.fixture(scope="module")
def dg(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Feeder:
    file = tmp_path_factory.mktemp("dg") / "master.dss"
    file.write_text("\n".join(dg_script(shared)))
    return Feeder.from_opendss(file)


@pytest.mark.parametrize(
    ("bus", "kind", "conductors"),
    [
        ("bm", "three-phase-ground", "abc"),
        ("bm", "line-ground", "a"),
        ("bm", "line-line", "bc"),
        ("bt", "three-phase-ground", "abc"),
        ("bt", "line-ground", "a"),
        ("bt", "line-ground", "c"),
        ("bt", "line-line", "ab"),
        ("bp", "line-ground", "b"),
        ("bp", "three-phase-ground", "abc"),
        ("lat1", "line-ground", "a"),
        ("lat2", "line-ground", "a"),
    ],
)
def test_reclosers_and_fuses_act_as_the_engine_has_them(
    dg: Feeder, shared: Path, bus: str, kind: str, conductors: str
) -> None:
    """Reclosers A, B, D go through their shots to lockout; fuses F1 and F2 blow, before or after them."""
    ours, struck = fault_at(bus, kind, conductors, 1e-4)
    same(devices_tell(dg, ours, 15.0), engine_tells(dg_script(shared), struck, 15.0, STEP_S), STEP_S)


def fault_at(bus: str, kind: str, conductors: str, ohm: float) -> tuple[ComingFault, str]:
    """A fault as the processes and as the engine are told of it."""
    nodes = [str("abc".index(one) + 1) for one in conductors]
    where = f"bus1={bus}.{'.'.join(nodes)} phases={len(nodes)}"
    if kind == "line-line":
        where = f"bus1={bus}.{nodes[0]} bus2={bus}.{nodes[1]} phases=1"
    at_us = round(STRUCK_S * 1e6)
    known = {"where": f"bus:{bus}", "fault": kind, "conductors": conductors, "ohm": ohm}
    return ComingFault(at_us=at_us, name="struck", **known), f"{where} r={ohm}"


@pytest.fixture(scope="module")
def large_script(shared: Path) -> list[str]:
    """IEEE's 8500-node feeder with the fuses that its folder has, and a relay at its head.

    Its master for siting reclosers has this relay with other shots; its opening time is added.
    """
    folder = shared / "feeders" / "dss" / "ieee8500"
    relay = "new relay.subbreaker monitoredobj=line.ln5815900-1 phasecurve=d groundcurve=a phasetrip=600"
    return [
        f'redirect "{folder / "Master.dss"}"',
        "set maxiterations=500",
        "solve",
        f"{relay} groundtrip=600 breakertime=0.05 shots=3 recloseintervals=(0.5 2) eventlog=yes",
        f'redirect "{folder / "Fuses.DSS"}"',
    ]


@pytest.fixture(scope="module")
def large(large_script: list[str], tmp_path_factory: pytest.TempPathFactory) -> Feeder:
    file = tmp_path_factory.mktemp("large") / "master.dss"
    file.write_text("\n".join(large_script))
    return Feeder.from_opendss(file)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behind", "kind", "conductors", "ohm", "seconds", "step_s"),
    [
        ("ln5744326-1", "line-ground", "b", 1e-4, 0.1, 0.0005),
        ("ln5744326-1", "line-ground", "b", 60.0, 0.6, 0.001),
        ("ln5815900-1", "line-ground", "a", 1e-4, 4.0, 0.002),
    ],
)
def test_the_large_feeder_acts_as_the_engine_has_it(
    large: Feeder,
    large_script: list[str],
    behind: str,
    kind: str,
    conductors: str,
    ohm: float,
    seconds: float,
    step_s: float,
) -> None:
    """Fuses one behind the other race, the relay goes to lockout; loads off, as the processes have them."""
    line = large.line.set_index("name").loc[behind]
    ours, struck = fault_at(str(large.bus["name"].iloc[int(line["to_bus"])]), kind, conductors, ohm)
    # The loads leave after the solution that sets the taps, before the first device looks at a current.
    script = [*large_script[:3], "batchedit load..* enabled=no", *large_script[3:]]
    told, theirs = devices_tell(large, ours, seconds), engine_tells(script, struck, seconds, step_s)
    # Of equal links in series the outer carries a little charging current more and is first by microseconds, and the
    # inner stays whole. The engine, which looks once a step, has both blow in the same one.
    kept = {one[:2] for one in told}
    beside = [one for one in theirs if one[:2] not in kept]
    assert all(one[0].startswith("fuse:") and one[2] == theirs[0][2] for one in beside)
    same(told, [one for one in theirs if one[:2] in kept], step_s)
