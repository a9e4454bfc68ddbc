"""What a scenario file may say, how it is changed, and how every mistake in it is told."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.errors import ScenarioError
from cosim.scenario import Scenario
from cosim.scenario.feeder_names import check_names
from cosim.scenario.loading import load, parse_settings, shipped_names, variant_names
from cosim.scenario.quantities import DAY_US, format_duration, parse_duration

MINIMAL = 'start = 2026-07-14T00:00:00\nduration = "2 d"\n'
GROUPS = (
    MINIMAL
    + "[homes.solar]\nshare = 0.3\npv_kw = { uniform = [4, 9] }\n[homes.ev]\nshare = 0.2\n[homes.ev.ev]\n"
)


def write(folder: Path, text: str, name: str = "case.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str, **options: object) -> list[str]:
    """Problems of a scenario, the folder left out of the sentences."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(write(folder, text), **options)  # type: ignore[arg-type]
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


# ------------------------------------------------------------------ what is right
def test_defaults_and_times(tmp_path: Path) -> None:
    case = Scenario.load(write(tmp_path, MINIMAL))
    assert (case.step_us, case.duration_us, case.steps) == (60_000_000, 2 * DAY_US, 2880)
    assert case.record_interval_us == DAY_US // 24
    assert case.start_utc.isoformat() == "2026-07-14T04:00:00+00:00"
    assert case.elapsed_us(datetime(2026, 7, 14, 1, 30)) == 5_400_000_000
    assert case.local(5_400_000_000) == datetime(2026, 7, 14, 1, 30)


def test_envelopes_are_daily_beyond_a_month(tmp_path: Path) -> None:
    case = Scenario.load(write(tmp_path, MINIMAL), {"duration": "365 d"})
    assert case.record_interval_us == DAY_US


def test_clock_times_count_daylight_saving(tmp_path: Path) -> None:
    case = Scenario.load(write(tmp_path, 'start = 2026-03-08T00:00:00\nduration = "1 d"\n'))
    assert case.elapsed_us(datetime(2026, 3, 8, 3)) == 2 * 3_600_000_000  # two o'clock is skipped
    assert case.local(2 * 3_600_000_000) == datetime(2026, 3, 8, 3)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 10_000 * DAY_US))
def test_durations_survive_writing(microseconds: int) -> None:
    assert parse_duration(format_duration(microseconds)) == microseconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60 s", 60), ("1.5 h", 5400), ("15min", 900), ("0.1 s", 0.1), ("7 d", 604800), ("10 ms", 0.01)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == round(seconds * 1e6)


def test_json_holds_everything(tmp_path: Path) -> None:
    text = (
        GROUPS
        + '[[events]]\nat = "2026-07-15T18:00"\nkind = "outage"\nwhere = "line:lateral-7"\nduration = "2 h"\n'
        + '[studies]\nfault_duty = { at = ["start", "peak", 2026-07-14T12:00:00] }\n'
        + '[record]\nfull = ["home:17"]\n[variants.late]\nstart = 2026-08-01T00:00:00\n'
    )
    case = Scenario.load(write(tmp_path, text))
    again = Scenario.from_json(case.to_json())
    assert again.to_json() == case.to_json()
    assert again.digest() == case.digest()
    assert hash(again) == hash(case)
    assert again.homes == case.homes
    assert again.studies.fault_duty == case.studies.fault_duty


def test_json_of_something_else_is_refused() -> None:
    with pytest.raises(ScenarioError, match="not the JSON of a scenario"):
        Scenario.from_json("{")
    with pytest.raises(ScenarioError, match="start"):
        Scenario.from_json('{"kind": "other"}')


def test_files_resolve_against_the_scenario_and_their_content_decides_the_digest(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    write(folder, "redirect lines.dss\n", "Master.dss")
    lines = write(folder, "new line.a\n", "lines.dss")
    file = write(folder, MINIMAL + '[feeder]\nsource = "opendss:Master.dss"\n')
    case = Scenario.load(file)
    assert case.feeder.kind == "opendss"
    assert case.feeder.path == folder / "Master.dss"
    before = case.digest()
    lines.write_text("new line.b\n")
    assert Scenario.load(file).digest() != before


def test_digest_ignores_variants_and_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    more = MINIMAL + '[demand]\nsource = "csv:load.csv"\n'
    digests = set()
    for folder, text in (("a", more), ("b", more + "[variants.x]\nseed = 3\n")):
        write(tmp_path / folder, "home,kw\n", "load.csv")
        digests.add(Scenario.load(write(tmp_path / folder, text)).digest())
    assert len(digests) == 1


# ------------------------------------------------------------------ overrides and variants
def test_overrides_replace_values_and_keep_the_rest(tmp_path: Path) -> None:
    file = write(tmp_path, GROUPS)
    case = Scenario.load(
        file,
        {
            "homes.solar.share": 0.5,
            "homes.solar.pv_kw": 6,
            "record.interval": "2 h",
            "homes.new": {"share": 0.1},
        },
    )
    assert case.homes["solar"].share == 0.5
    assert case.homes["solar"].pv_kw.value == 6.0
    assert case.homes["ev"].share == 0.2
    assert case.homes["new"].share == 0.1
    assert case.record.interval == 7_200_000_000


def test_list_items_are_overridden_by_number(tmp_path: Path) -> None:
    event = '[[events]]\nat = 2026-07-14T10:00:00\nkind = "open"\nwhere = "line:a"\n'
    case = Scenario.load(write(tmp_path, MINIMAL + event), {"events.0.where": "line:b"})
    assert case.events[0].where == "line:b"


def test_settings_are_read_as_toml_and_else_as_text(tmp_path: Path) -> None:
    given = parse_settings(
        [
            "seed=7",
            "title=7",
            "title=a=b" if False else "title=2026-01-01",
            "start=2026-07-14",
            "feeder.homes=12",
        ]
    )
    case = Scenario.load(write(tmp_path, MINIMAL), given)
    assert (case.seed, case.title, case.feeder.homes) == (7, "2026-01-01", 12)
    assert case.start == datetime(2026, 7, 14)
    tilted = parse_settings(["homes.solar.pv_kw={normal = [7, 1]}", "homes.solar.share=0.25"])
    case = Scenario.load(write(tmp_path, GROUPS), tilted)
    assert case.homes["solar"].pv_kw.normal == (7.0, 1.0)


def test_settings_without_a_key_are_told_together() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_settings(["seed", "=3", "seed=4"])
    assert len(caught.value.problems) == 2


def test_override_problems_name_the_flag(tmp_path: Path) -> None:
    found = problems(
        tmp_path, GROUPS, overrides={"homes.solar.share": 2, "homes.solr.share": 0.1, "step.x": 1}
    )
    assert found == [
        "--set: homes.solr.share: no group of this name (did you mean 'solar'?)",
        '--set: step: should be a number and a unit in quotes, such as "60 s", "15 min", "2 h" or "7 d"',
        "--set: homes.solar.share: should be less than or equal to 1 (got 2)",
    ]


@pytest.mark.parametrize(
    "table",
    [
        "[variants.none]\nhomes.solar.share = 0\n",
        '[variants.none]\n"homes.solar.share" = 0\n',
        "[variants.none.homes.solar]\nshare = 0\n",
        "[variants.none.homes]\nsolar = { share = 0 }\n",
    ],
)
def test_variants_are_nested_or_dotted(tmp_path: Path, table: str) -> None:
    file = write(tmp_path, GROUPS + table)
    assert variant_names(file) == ["none"]
    assert Scenario.load(file).homes["solar"].share == 0.3
    case = Scenario.load(file, variant="none")
    assert case.homes["solar"].share == 0.0
    assert case.homes["solar"].pv_kw.uniform == (4.0, 9.0)


def test_a_variant_replaces_a_distribution_whole_and_overrides_come_last(tmp_path: Path) -> None:
    file = write(tmp_path, GROUPS + "[variants.big]\nseed = 2\nhomes.solar.pv_kw = { normal = [9, 1] }\n")
    case = Scenario.load(file, {"seed": 3}, variant="big")
    assert case.homes["solar"].pv_kw.normal == (9.0, 1.0)
    assert case.homes["solar"].pv_kw.uniform is None
    assert case.seed == 3


def test_problems_of_a_variant_stand_on_its_lines(tmp_path: Path) -> None:
    found = problems(tmp_path, GROUPS + "[variants.bad]\nhomes.ev.share = 0.9\nseed = -1\n", variant="bad")
    assert found == [
        "case.toml:3: homes: shares should be at most 1 in sum, they are 1.2 (solar 0.3 + ev 0.9)",
        "case.toml:11: seed: should be greater than or equal to 0 (got -1)",
    ]


def test_a_variant_may_add_a_group_and_a_misspelt_group_is_told(tmp_path: Path) -> None:
    more = GROUPS + "[variants.more.homes.new]\nshare = 0.1\npv_kw = 3\n"
    assert Scenario.load(write(tmp_path, more), variant="more").homes["new"].pv_kw.value == 3.0
    wrong = GROUPS + "[variants.less]\nhomes.solr.share = 0\n"
    assert problems(tmp_path, wrong, variant="less") == [
        "case.toml:10: homes.solr.share: no group of this name (did you mean 'solar'?)"
    ]


def test_an_unknown_variant_names_the_nearest(tmp_path: Path) -> None:
    text = MINIMAL + "[variants.no-adapters]\nseed = 2\n"
    assert problems(tmp_path, text, variant="no-adapter") == [
        "case.toml: variants: no variant of this name (did you mean 'no-adapters'?) (got no-adapter)"
    ]
    assert problems(tmp_path, MINIMAL, variant="x") == [
        "case.toml: variants: no variant of this name; the file has none (got x)"
    ]


# ------------------------------------------------------------------ bad input
SAVING = '[protection]\nscheme = "fuse-saving"\n'
BAD = [
    ("hommes = 3\n", ":3: hommes: unknown key (did you mean 'homes'?)"),
    ("[feeder]\nhommes = 3\n", ":4: feeder.hommes: unknown key (did you mean 'homes'?)"),
    ("[homes.a]\nshare = 0.1\nadaptor = 3\n", ":5: homes.a.adaptor: unknown key (did you mean 'adapter'?)"),
    ("[homes.a]\n", ":3: homes.a.share: missing; a scenario must give it"),
    ('[homes.a]\nshare = "0.1"\n', ":4: homes.a.share: should be a number (got '0.1')"),
    ("[homes.a]\nshare = true\n", ":4: homes.a.share: should be a number (got True)"),
    ("[homes.a]\nshare = nan\n", ":4: homes.a.share: should be a finite number (got nan)"),
    ("homes = 3\n", ":3: homes: should be a table for each group, such as [homes.solar] (got 3)"),
    ("homes = []\n", ":3: homes: should be a table for each group, such as [homes.solar] (got [])"),
    ("feeder = 3\n", ":3: feeder: should be a table (got 3)"),
    (
        "[homes.a]\nshare = 0.1\ninverter = 5\n",
        ":5: homes.a.inverter: should be the name of an entry of models/der, or a table (got 5)",
    ),
    ("title = 3\n", ":3: title: should be text in quotes (got 3)"),
    ("[record]\nfull = 3\n", ":4: record.full: should be a list in brackets (got 3)"),
    ("[record]\nquantize = 1\n", ":4: record.quantize: should be true or false (got 1)"),
    ("[homes.'a b']\nshare = 0.1\n", "should match pattern"),
    (
        "[homes.a]\nshare = 0.7\n[homes.b]\nshare = 0.4\n",
        ":3: homes: shares should be at most 1 in sum, they are 1.1",
    ),
    ("step = 60\n", ':3: step: should be a number and a unit in quotes, such as "60 s"'),
    ('step = "60 kW"\n', ":3: step: should be a number and a unit in quotes"),
    ('step = "0 s"\n', ":3: step: should be longer than zero"),
    ('step = "0.5 s"\n', ":3: step: should be between 1 s and 15 min (got '500 ms')"),
    ('step = "1 h"\n', ":3: step: should be between 1 s and 15 min"),
    ('step = "7 min"\n', ":3: step: should divide a day"),
    ("seed = 1.5\n", ":3: seed: should be a whole number"),
    ('solver = "newton"\n', ":3: solver: should be 'cosim' or 'pandapower' (got 'newton')"),
    (
        'timezone = "America/New_Yorc"\n',
        ":3: timezone: should be an IANA name (did you mean 'America/New_York'?)",
    ),
    ('[feeder]\nsource = "opendss:no.dss"\n', ":4: feeder.source: no such file; paths are relative"),
    ('[feeder]\nsource = "opends:x.dss"\n', ':4: feeder.source: should be "generated", "opendss:'),
    (
        "[feeder]\nkva_per_home = 5\n",
        ":4: feeder.kva_per_home: has no meaning for this source; it belongs to pandapower",
    ),
    ("[feeder]\nvoltage_kv = 12\n", ":4: feeder.voltage_kv: should be one of 4.16, 12.47"),
    ("[feeder]\nhomes = 3\n", ":4: feeder.homes: should be greater than or equal to 4"),
    ('[weather]\nsource = "tmy3:greensbro"\n', ":4: weather.source: should be "),
    ('[weather]\nsource = "constant:hot"\n', ":4: weather.source: should be an air temperature"),
    ('[weather]\nsource = "clear:100,20"\n', ":4: weather.source: should be latitude and longitude"),
    ('[weather]\nsource = "file:none.csv"\n', ":4: weather.source: no such file"),
    ('[demand]\nsource = "shape"\n', ':4: demand.source: should be "households"'),
    ('[demand]\nsource = "shapes"\n', ':4: demand.source: is "households" now'),
    ('[demand]\nhousehold = "heat-pumpp"\n', ":4: demand.household: unknown entry of models/households"),
    ('[population]\ntable = "homes.csv"\n', ":4: population.table: no such file"),
    ('[homes.a]\nshare = 0.1\npv_kw = "6"\n', ":5: homes.a.pv_kw: should be a number, { uniform"),
    (
        "[homes.a]\nshare = 0.1\npv_kw = { uniform = [9, 4] }\n",
        ":5: homes.a.pv_kw: uniform should be [low, high]",
    ),
    ("[homes.a]\nshare = 0.1\npv_kw = { uniform = [1, 2], normal = [3, 1] }\n", "exactly one"),
    ("[homes.a]\nshare = 0.1\npv_kw = 4000\n", ":5: homes.a.pv_kw: should be at most 100"),
    (
        '[homes.a]\nshare = 0.1\nadapter = "tesla-backup-swich"\n',
        ":5: homes.a.adapter: unknown entry of models/adapters",
    ),
    ('[homes.a]\nshare = 0.1\nbattery = "powerwal-3"\n', ":5: homes.a.battery: unknown entry of models/der"),
    (
        "[homes.a]\nshare = 0.1\nev = { charger_kw = 50 }\n",
        ":5: homes.a.ev.charger_kw: should be less than or equal to 19.2",
    ),
    ('[[events]]\nkind = "open"\nwhere = "line:a"\n', ":3: events.0.at: missing"),
    (
        '[[events]]\nat = 2026-08-14T00:00:00\nkind = "open"\nwhere = "line:a"\n',
        ":4: events.0.at: should be within the run, 2026-07-14 00:00:00 to 2026-07-16 00:00:00",
    ),
    (
        '[[events]]\nat = 2026-07-14T00:00:00-04:00\nkind = "open"\nwhere = "line:a"\n',
        ":4: events.0.at: should be local time without an offset",
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "explode"\nwhere = "line:a"\n',
        ":5: events.0.kind: should be 'outage', 'open'",
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "open"\nwhere = "group:a"\n',
        ':6: events.0.where: should be "line:NAME", "transformer:NAME" or "home:NAME" for kind \'open\'',
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "lost-neutral"\nwhere = "home:a@n"\n',
        ":6: events.0.where: names conductors, which have no meaning for kind 'lost-neutral'",
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "fault"\nwhere = "line:a@n"\n' + SAVING,
        ":6: events.0.where: should name phases or legs only",
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "fault"\nwhere = "line:a@b"\nfault = "line-line"\n'
        + SAVING,
        ":6: events.0.where: should name 2 conductors for line-line",
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "outage"\nwhere = "line:a"\nohm = 1.0\n',
        ":7: events.0.ohm: is nothing for kind 'outage'",
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "fault"\nwhere = "line:a"\n',
        ':5: events.0.kind: nothing would clear it: give [protection] scheme = "fuse-saving"',
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "fault"\nwhere = "home:a"\nalong = 0.5\n' + SAVING,
        ":7: events.0.along: is for a fault on a line: remove it (got 0.5)",
    ),
    (
        2 * '[[events]]\nat = 2026-07-14T01:00:00\nkind = "lost-neutral"\nwhere = "home:a"\n',
        ":7: events.1: is the same as event number 0: remove one of them",
    ),
    (
        '[[islands]]\nat = "line:a"\nbattery = "powerwall-3"\n',
        ":5: islands.0.battery: should be a table (got 'powerwall-3')",
    ),
    (
        "[homes.a]\nshare = 0.1\ngenerator = 6.25\n",
        ":5: homes.a.generator: should be the name of an entry of models/der, or a table (got 6.25)",
    ),
    (
        '[protection]\nscheme = "feeder"\n',
        ":4: protection.scheme: a generated feeder has no devices of its own",
    ),
    (
        SAVING + '[[protection.devices]]\nkind = "fuse"\nat = "line:a"\nentry = "recloser"\n',
        ":8: protection.devices.0.entry: is a recloser, not a fuse",
    ),
    (
        SAVING + '[[protection.devices]]\nkind = "fuse"\nat = "home:a"\nentry = "k-link"\n',
        ':7: protection.devices.0.at: should be "line:NAME" or "transformer:NAME"',
    ),
    (SAVING + "[faults]\nfactor = 2.0\n", ":6: faults.factor: has no meaning without rates"),
    (
        SAVING + '[[storms]]\nat = 2026-08-14T01:00:00\nlasts = "6 h"\nfaults = 20\n',
        ":6: storms.0.at: should be within the run",
    ),
    ('[crews]\nentry = "us-averge"\n', ":4: crews.entry: unknown entry of models/reliability 'us-averge'"),
    (
        '[homes.a]\nshare = 0.1\ntransfer = "interlok-kit"\n',
        ":5: homes.a.transfer: unknown entry of models/transfer 'interlok-kit'; did you mean 'interlock-kit'?",
    ),
    (
        '[homes.a]\nshare = 0.1\ntransfer = "interlock-kit"\n',
        ":5: homes.a.transfer: has no source to go to: give the group a generator",
    ),
    (
        '[homes.a]\nshare = 0.1\nadapter = "tesla-backup-switch"\ngrid_code = "mars"\n',
        ":6: homes.a.grid_code: 'tesla-backup-switch' knows no such grid code",
    ),
    (
        '[homes.a]\nshare = 0.1\nadapter = "generlink-30"\nreturn_stagger = "5 min"\n',
        ":6: homes.a.return_stagger: staggers nothing: needs a transfer device that keeps a grid code's delay",
    ),
    (
        "[homes.a]\nshare = 0.1\nfailures = { service_welds = 0.1 }\n",
        ":5: homes.a.failures.service_welds: nothing to fail: name a transfer device, or an adapter that is one",
    ),
    (
        '[homes.a]\nshare = 0.1\nadapter = "tesla-backup-switch"\nbattery = "powerwall-3"\n'
        "failures = { sensor_wrong = 2 }\n",
        ":7: homes.a.failures.sensor_wrong: should be less than or equal to 1",
    ),
    (
        '[homes.a]\nshare = 0.1\ntransfer = "interlock-kit"\ngenerator = "portable-generator-6.25"\n'
        "failures = { sensor_wrong = 0.5 }\n",
        ":7: homes.a.failures.sensor_wrong: 'interlock-kit' has no sensor of the grid's voltage; remove it",
    ),
    (
        '[homes.a]\nshare = 0.1\ntransfer = "suicide-cord"\ngenerator = "portable-generator-6.25"\n'
        "failures = { interlock_defeated = 0.5 }\n",
        ":7: homes.a.failures.interlock_defeated: 'suicide-cord' has no interlock; remove it",
    ),
    (
        '[homes.a]\nshare = 0.1\ngenerator = { entry = "portable-generator-6.25", tank = 2 }\n',
        ":5: homes.a.generator.tank: should be less than or equal to 1",
    ),
    (
        '[[events]]\nat = 2026-07-14T01:00:00\nkind = "der-connect"\nwhere = "group:solr"\n'
        "[homes.solar]\nshare = 0.1\n",
        ":6: events.0.where: no group of this name (did you mean 'solar'?)",
    ),
    ('[studies]\nfault_duty = { at = ["noon"] }\n', ':4: studies.fault_duty.at.0: should be "start", "peak"'),
    ("[studies]\nfault_duty = { at = [] }\n", ":4: studies.fault_duty.at: "),
    (
        "[studies]\nfault_duty = { at = [2027-01-01T00:00:00] }\n",
        ":4: studies.fault_duty.at.0: should be within the run",
    ),
    ('[record]\nfull = ["17"]\n', ':4: record.full.0: should be "home:NAME" or "worst:'),
    ('[record]\nfull = ["worst:jaw_temperature:5"]\n', ":4: record.full.0: unknown quantity"),
    ('[record]\nfull = ["worst:jaw_rise:0"]\n', ":4: record.full.0: the count should be a whole number"),
    ('[record]\ninterval = "90 s"\n', ":4: record.interval: should be a whole number of steps"),
]


@pytest.mark.parametrize(("text", "expected"), BAD, ids=[expected[:48] for _, expected in BAD])
def test_each_mistake_is_told_once_with_file_line_key_and_remedy(
    tmp_path: Path, text: str, expected: str
) -> None:
    found = problems(tmp_path, MINIMAL + text)
    assert len(found) == 1, found
    assert found[0].startswith("case.toml")
    assert expected in found[0]


def test_mistakes_of_all_kinds_are_told_together_in_order(tmp_path: Path) -> None:
    text = (
        'duration = 7\n[feeder]\nhommes = 3\nsource = "opendss:no.dss"\n[homes.a]\nshare = 0.9\n'
        '[homes.b]\nshare = 0.2\npv_kw = "x"\n[[events]]\nat = "soon"\nkind = "outage"\nwhere = "lateral"\n'
        '[record]\nfull = ["best"]\n'
    )
    found = problems(tmp_path, text)
    keys = [problem.split(": ")[1] for problem in found]
    assert keys == [
        "start",
        "duration",
        "feeder.hommes",
        "feeder.source",
        "homes",
        "homes.b.pv_kw",
        "events.0.at",
        "record.full.0",
    ]


def test_a_file_that_is_not_toml_and_a_missing_one(tmp_path: Path) -> None:
    (message,) = problems(tmp_path, "a = 1\nb = = 2\n")
    assert message.startswith("case.toml:2: not valid TOML")
    with pytest.raises(ScenarioError, match="no such file"):
        Scenario.load(tmp_path / "missing.toml")
    with pytest.raises(ScenarioError, match="did you mean 'heat-wave'"):
        Scenario.load("heat-wve")


def test_names_are_checked_against_the_feeder(tmp_path: Path) -> None:
    event = '[[events]]\nat = 2026-07-14T10:00:00\nkind = "open"\nwhere = "line:lateral-l"\n'
    event += '[[events]]\nat = 2026-07-14T10:00:00\nkind = "open"\nwhere = "line:trunk-1@aa"\n'
    record = '[record]\nfull = ["home:2", "home:home-1", "home:9"]\n'
    case = Scenario.load(write(tmp_path, MINIMAL + event + record))
    with pytest.raises(ScenarioError) as caught:
        check_names(case, {"line": ["lateral-1", "trunk-1"], "transformer": [], "home": ["home-1", "home-2"]})
    first, conductors, second = map(str, caught.value.problems)
    assert "events.1.where: should name conductors behind the @, each once" in conductors
    place, _, first = first.partition(": ")
    assert re.fullmatch(r".*\.toml:\d+", place)
    assert first == (
        "events.0.where: the feeder has no line of this name (did you mean 'lateral-1'?) (got line:lateral-l)"
    )
    assert "record.full.2: the feeder has no home of this name" in second


# ------------------------------------------------------------------ shipped scenarios
@pytest.mark.parametrize("name", ["fault-duty", "heat-wave", "winter-evening", "cold-morning", "storm-night"])
def test_shipped_scenarios_load_with_every_variant(name: str) -> None:
    assert name in shipped_names()
    case = Scenario.load(name)
    assert case.title
    for variant in case.variants:
        assert Scenario.load(name, variant=variant).digest() != case.digest()
    bare = Scenario.load(name, variant="no-adapters")
    assert sum(group.share for group in bare.homes.values()) == 0.0


def test_dates_beyond_the_calendars_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "case.toml"
    for start in ("0001-01-01", "1899-12-31", "2201-01-01", "9999-12-31"):
        file.write_text(f'start = {start}\nduration = "1 d"\n')
        with pytest.raises(ScenarioError, match="start: should be in the years 1900 to 2200"):
            load(file)


def test_another_source_of_the_feeder_takes_the_place_of_the_files_keys(tmp_path: Path) -> None:
    file = tmp_path / "case.toml"
    file.write_text('start = 2026-07-14\nduration = "1 d"\n[feeder]\nhomes = 12\nseed = 3\n')
    (tmp_path / "a.feeder").write_text("")
    found = load(file, overrides={"feeder.source": "file:a.feeder"})
    assert found.feeder.model_fields_set == {"source"}
    with pytest.raises(ScenarioError, match=r"--set: feeder\.homes: has no meaning for this source"):
        load(file, overrides={"feeder.source": "file:a.feeder", "feeder.homes": 20})
