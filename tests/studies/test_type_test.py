"""The heat-rise test and the certificate: laws of the bench first, then what it must say of products."""

from __future__ import annotations

import dataclasses
import html
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.cli import app
from cosim.entries import Quantity
from cosim.errors import LibraryError
from cosim.studies.type_test import COMPUTED, Certificate, Settings, heat_rise, run
from cosim.studies.type_test.bodies import Bench, Loading, loadings, sliding_contacts
from cosim.studies.type_test.draws import Variants, drawn, unknowns, values_of
from cosim.studies.type_test.jaw_force import JawForce
from cosim.studies.type_test.network_draws import NetworkDraws, at_rest
from cosim.studies.type_test.page import render, write_page
from cosim.thermal.contact import ContactState, force_n, load_contact, relaxed_s
from cosim.thermal.limits import LIMIT_K, steady_state
from cosim.thermal.network import HeatNetwork, Links
from cosim.ul414 import UL_414_TESTS

SWITCH, SOLAR = "tesla-backup-switch", "connectder-solar-60"


def entry(name: str, **changed: Any) -> AdapterEntry:
    found = library.check("adapters", {**library.raw("adapters", name), **changed})
    assert isinstance(found, AdapterEntry)
    return found


def heat_test(name: str, draws: int = 60, **options: Any) -> heat_rise.HeatRise:
    product = entry(name)
    options = {"current_a": product.rating_a.value, "ambient_c": 25.0, "seed": 3, **options}
    return heat_rise.run(product, draws=draws, **options)


def network(name: str = SWITCH) -> HeatNetwork:
    return Bench.of(entry(name), Settings()).network()


SERVICE = Loading("service", 200.0, 200.0, 0.0)

# -- laws ---------------------------------------------------------------------------------


def test_rises_go_with_the_square_of_current_where_nothing_bends_them() -> None:
    """Constant resistances and films: four times the rise at twice the current."""
    net = network()
    empty = Links.of([])
    straight = dataclasses.replace(net, slope=0.0 * net.slope, convection=empty, radiation=empty)
    outside = Links.of([*zip(net.linear.a, net.linear.b, net.linear.w, strict=True), (len(net) - 1, -1, 2.0)])
    straight = dataclasses.replace(straight, linear=outside)
    one, two = (at_rest(straight, factor**2 * SERVICE.i2_a2, 25.0) - 25.0 for factor in (1.0, 2.0))
    np.testing.assert_allclose(two, 4.0 * one, rtol=1e-9)


def test_rises_of_a_real_body_stay_by_the_square() -> None:
    """Natural convection alone gives the power 1.6; a resistance that rises with heat adds at most its slope."""
    net = network()
    one, two = (at_rest(net, factor**2 * SERVICE.i2_a2, 25.0) - 25.0 for factor in (0.5, 1.0))
    ratio = two / one
    assert (ratio > 2.0**1.6).all()
    assert (ratio < 4.0 * (1.0 + 0.0043 * two.max())).all()


def test_no_current_no_rise() -> None:
    """The simulated meter makes no heat of its own."""
    found = heat_test(SWITCH, draws=20, current_a=0.0)
    assert max(abs(part.after_k) for part in found.parts) < 1e-9
    assert found.probability == found.initial == 1.0


def test_draws_rest_where_one_network_rests() -> None:
    product = entry(SOLAR)
    bench = Bench.of(product, Settings())
    variants = Variants(bench.models, unknowns(bench.models, 12, 5))
    mine = Bench(variants.models)
    nets = [mine.network() for _ in variants.draws(12)]
    way = loadings(product, 200.0)[0]
    together = NetworkDraws.of(nets).at_rest(way.i2_a2, 30.0)
    for net, found in zip(nets, together, strict=True):
        np.testing.assert_allclose(found, steady_state(net, way.i2_a2, 30.0), atol=1e-6)
    for name, model in bench.models.items():
        assert model == Bench.of(product, Settings()).models[name], "the entry itself must not change"


def test_heat_that_outgrows_its_paths_has_no_rest() -> None:
    net = network()
    hungry = dataclasses.replace(net, slope=net.slope + 0.2 * net.ohm)
    assert np.isinf(at_rest(hungry, 4.0 * SERVICE.i2_a2, 25.0)).all()


@pytest.mark.parametrize("name", [SWITCH, SOLAR, "connectder-ev", "tesco-bptm"])
def test_currents_of_a_loading_add_up(name: str) -> None:
    """What comes from the grid goes to the panel and the branch, with either sign of the branch."""
    ways = loadings(entry(name), 200.0)
    for way in ways:
        assert max(way.grid_a, way.load_a) <= 200.0
        assert way.branch_a in (
            pytest.approx(way.grid_a - way.load_a),
            pytest.approx(way.load_a - way.grid_a),
        )
    half = loadings(entry(name), 100.0)
    for one, two in zip(ways, half, strict=True):
        np.testing.assert_allclose(one.i2_a2, 4.0 * two.i2_a2)


def test_a_jaw_relaxes_as_the_contact_room_says() -> None:
    contact = load_contact("meter-jaw")
    law = JawForce.of(contact)
    trace = np.array([60.0, 90.0, 120.0])
    hours = law.stress_hours(trace, 8.0)
    seconds = float(relaxed_s(contact, 8.0 * 3600.0, trace).sum())
    assert hours * 3600.0 == pytest.approx(seconds, rel=1e-12)
    hold = (1.0 - contact.insertion_loss.value) ** 5
    there = force_n(contact, ContactState(hold=hold, relaxed_s=seconds)) / contact.force_n.value
    assert law.kept(hours, 5) == pytest.approx(float(there), rel=1e-12)
    assert law.kept(0.0) == 1.0
    assert law.temperature_c(law.stress_hours(np.array([83.0]), 1.0)) == pytest.approx(83.0)


# -- draws --------------------------------------------------------------------------------

WIDE = Quantity(value=2.0, unit="1", range=(1.0, 8.0), confidence="estimate", source="a test")


def test_draws_keep_their_range_and_shape() -> None:
    u = (np.arange(20_000) + 0.5) / 20_000
    triangular, flat = drawn(WIDE, u), drawn(WIDE, u, "log-uniform")
    for values in (triangular, flat):
        assert values.min() >= 1.0
        assert values.max() <= 8.0
        assert (np.diff(values) > 0.0).all()
    # In the logarithm: mean of a triangle is the mean of its corners, half of the flat draws lie below the middle.
    assert np.log(triangular).mean() == pytest.approx(math.log(1.0 * 2.0 * 8.0) / 3.0, abs=1e-4)
    assert np.mean(flat < math.sqrt(8.0)) == pytest.approx(0.5, abs=1e-3)
    touching = WIDE.model_copy(update={"range": (0.0, 8.0)})
    assert drawn(touching, u).mean() == pytest.approx((0.0 + 2.0 + 8.0) / 3.0, abs=1e-3)


def test_a_draw_is_its_address() -> None:
    many, few = values_of(WIDE, 50, 9), values_of(WIDE, 10, 9)
    np.testing.assert_array_equal(many[:10], few)
    assert not np.array_equal(values_of(WIDE, 10, 10), few)


def test_numbers_alike_are_one_unknown() -> None:
    found = unknowns(Bench.of(entry(SWITCH), Settings()).models, 4, 1)
    contacts = [u for u in found if any(key.endswith("contact_ohm") for key in u.keys)]
    assert max(len(u.keys) for u in contacts) == len(sliding_contacts(entry(SWITCH).heat))


# -- the run ------------------------------------------------------------------------------


def test_readings_end_as_the_standard_says() -> None:
    found = heat_test(SWITCH, draws=10)
    initial, cycles, repeat = found.phases
    for phase in (initial, repeat):
        at = [phase.time_s[k] for k in phase.reading]
        assert at == [900.0 * (k + 1) for k in range(len(at))]
        assert at[-1] >= 5 * 3600.0
        assert phase.settled
        for rise in phase.rise_k.values():
            assert np.ptp(rise[list(phase.reading[-3:])]) <= 1.0
    jaw = max(part.before_k for part in found.parts if part.role == "jaw")
    assert 0.0 <= jaw - initial.rise_k["jaw"][-1] < 1.0
    assert cycles.time_s[-1] == 48 * 3600.0
    assert cycles.loading.grid_a == pytest.approx(250.0)
    assert cycles.rise_k["jaw"].max() > jaw
    assert repeat.rise_k["jaw"][-1] > initial.rise_k["jaw"][-1], "jaws that lost force run hotter"
    assert 0.5 < found.kept < 1.0


def test_insertions_come_before_the_initial_run() -> None:
    """The initial run is hotter than a body whose jaws are as new, by their loss of force alone."""
    product = entry(SWITCH)
    fresh = at_rest(network(), SERVICE.i2_a2, 25.0) - 25.0
    jaws = network().where("jaw")
    found = heat_test(SWITCH, draws=3)
    initial = max(part.before_k for part in found.parts if part.role == "jaw")
    assert fresh[jaws].max() < initial < 1.05 * fresh[jaws].max()
    assert product.rating_a.value == found.current_a


def test_a_degraded_jaw_fails() -> None:
    well, ill = heat_test(SOLAR, draws=40), heat_test(SOLAR, draws=40, degraded_ohm=1e-3)
    assert ill.degraded
    assert ill.probability == 0.0
    assert max(p.after_k for p in ill.parts if p.role == "jaw") > LIMIT_K["jaw"] + 20.0
    assert well.probability >= ill.probability
    row = run(entry(SOLAR), ("heat-rise",), draws=20, degraded_ohm=1e-3).row("heat-rise")
    assert row.verdict == "fail"
    assert "Degraded" in row.summary


def test_a_jaw_without_any_rest_is_told_not_raised() -> None:
    found = heat_test(SWITCH, draws=5, degraded_ohm=0.05)
    assert found.probability == 0.0
    assert not found.phases[0].settled or max(p.after_k for p in found.parts) > 400.0


def test_probability_is_of_the_seed_and_falls_with_current() -> None:
    at = [heat_test(SOLAR, draws=60, current_a=amps) for amps in (120.0, 170.0, 200.0, 240.0)]
    chances = [found.probability for found in at]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.5 > chances[-1]
    again = heat_test(SOLAR, draws=60, current_a=170.0)
    assert again.probability == at[1].probability
    assert again.probability_flat == at[1].probability_flat
    assert heat_test(SOLAR, draws=60, current_a=170.0, seed=4).parts != again.parts


def test_hotter_air_changes_little_and_never_helps_resistance() -> None:
    """Rises are over the air: only resistance and films feel its temperature."""
    cold, warm = (heat_test(SWITCH, draws=5, ambient_c=c) for c in (10.0, 40.0))
    for one, two in zip(cold.parts, warm.parts, strict=True):
        assert one.part == two.part
        assert two.before_k == pytest.approx(one.before_k, rel=0.12)


# -- certificates -------------------------------------------------------------------------


def complete(certificate: Certificate, product: AdapterEntry) -> None:
    """Every row there, in exactly one state, and nothing assumed."""
    assert [row.test for row in certificate.rows] == list(UL_414_TESTS)
    for row in certificate.rows:
        assert row.state in ("computed", "evidence", "missing")
        assert row.summary
        if row.state == "computed":
            assert row.test in COMPUTED
            assert row.verdict not in (None, "no verdict")
            assert row.probability is not None
            assert row.checks
            assert not any(check.outcome == "open" and check.counts for check in row.checks)
        else:
            assert row.verdict in (None, "no verdict")
            assert row.probability is None
        told = [c for c in product.certification if c.test == row.test and c.status != "not found"]
        if row.state == "evidence":
            assert told
            assert row.document or row.source
        if row.state == "missing":
            assert not told
            assert not row.document


@pytest.mark.parametrize("name", library.names("adapters"))
def test_every_entry_gets_a_whole_certificate(name: str) -> None:
    product = entry(name)
    certificate = run(product, draws=4)
    complete(certificate, product)
    heat = certificate.row("heat-rise")
    public = product.rating_a.confidence in ("measured", "stated", "derived")
    if not public:
        assert heat.state != "computed"
        assert heat.verdict == "no verdict"
    assert certificate.as_dict()["adapter"] == name


def test_public_ratings_get_a_verdict_and_others_none() -> None:
    assert run(entry(SWITCH), ("heat-rise",), draws=20).row("heat-rise").state == "computed"
    row = run(entry("connectder-ev"), ("heat-rise",), draws=20).row("heat-rise")
    assert (row.state, row.verdict) == ("missing", "no verdict")
    assert "No public rated current" in row.summary
    assert row.checks, "figures are still told"


def test_a_verdict_on_estimates_says_so_and_no_product_borrows_anothers_level() -> None:
    row = run(entry(SWITCH), ("heat-rise",), draws=20).row("heat-rise")
    assert "numbers are estimates: this judges the entry, not a product" in row.summary
    told = json.dumps(run(entry(SWITCH), ("short-circuit",), draws=5).as_dict()["rows"])
    assert "22 kA" not in told
    assert "ConnectDER" not in told


def test_a_body_without_rest_is_told_in_words() -> None:
    row = run(entry(SOLAR), ("heat-rise",), draws=5, degraded_ohm=0.5).row("heat-rise")
    assert "finds no state of rest" in row.summary
    assert "inf" not in row.summary


def test_evidence_is_a_document_not_a_verdict() -> None:
    rows = [
        {"test": test, "status": "not found", "source": "looked for", "confidence": "not found"}
        for test in UL_414_TESTS
        if test != "impact"
    ]
    rows.append({"test": "impact", "status": "passed", "document": "Report 12-345", "source": "a laboratory",
                 "confidence": "stated"})  # fmt: skip
    certificate = run(entry(SOLAR, certification=rows), ("dielectric",), draws=5)
    row = certificate.row("impact")
    assert (row.state, row.verdict, row.document) == ("evidence", None, "Report 12-345")
    assert certificate.row("rain").state == "missing"
    assert certificate.row("heat-rise").summary == "Not computed in this run."


def test_requests_that_make_no_sense_are_told_at_once() -> None:
    with pytest.raises(LibraryError) as found:
        run(
            entry(SWITCH), ("heatrise", "rain"), current_a=5000.0, ambient_c=400.0, draws=0, degraded_ohm=-1.0
        )
    told = str(found.value)
    assert len(found.value.problems) == 6
    for word in ("heat-rise", "evidence", "--current", "--ambient", "--draws", "--degraded-jaw", "600"):
        assert word in told
    with pytest.raises(LibraryError):
        run(entry(SWITCH), current_a=math.nan)


def test_settings_of_the_cycles_are_the_readers() -> None:
    """Hotter cycles leave less force."""
    hard = Settings(
        cycle_ratio=Quantity(value=1.65, unit="1", range=(1.6, 1.7), confidence="estimate", source="a test")
    )
    soft, strong = heat_test(SWITCH, draws=5), heat_test(SWITCH, draws=5, settings=hard)
    assert strong.kept < soft.kept
    assert strong.phases[1].rise_k["jaw"].max() > soft.phases[1].rise_k["jaw"].max()


# -- the page and the command -------------------------------------------------------------


def test_the_page_holds_every_row_and_needs_nothing_else(tmp_path: Path) -> None:
    certificate = run(entry(SOLAR), draws=10)
    target = write_page(certificate, tmp_path / "certificate.html")
    text = target.read_text(encoding="utf-8")
    for row in certificate.rows:
        assert row.title in text
        assert html.escape(row.clause) in text
    assert text.count("<svg") >= 3
    assert text.count("<circle") >= 2 * 20
    assert "<script" not in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert render(certificate) == text
    with pytest.raises(LibraryError, match="folder does not exist"):
        write_page(certificate, tmp_path / "none" / "c.html")


def command(*words: str) -> Result:
    return CliRunner().invoke(app, ["adapter", "test", *words])


def test_the_command_prints_rows_and_json(tmp_path: Path) -> None:
    page = tmp_path / "c.html"
    found = command(SWITCH, "--draws", "5", "--out", str(page))
    assert found.exit_code == 0, found.output
    for test in UL_414_TESTS:
        assert test in found.stdout
    assert page.is_file()
    data = json.loads(command(SWITCH, "--test", "heat-rise", "--draws", "5", "--json").stdout)
    assert [row["test"] for row in data["rows"]] == list(UL_414_TESTS)
    assert len(data["heat"]["phases"]) == 3


def test_a_file_of_ones_own_is_tested(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(library.entry_path("adapters", SWITCH).read_text(encoding="utf-8"), encoding="utf-8")
    data = json.loads(command(str(own), "--test", "dielectric", "--draws", "3", "--json").stdout)
    assert data["adapter"] == "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tesla-backup-swich"], "did you mean 'tesla-backup-switch'?"),
        (["no-such.toml"], "no such file"),
        ([SWITCH, "--current", "5000"], "--current: must lie between 0 and 600"),
        ([SWITCH, "--test", "dielectrc"], "did you mean 'dielectric'?"),
        ([SWITCH, "--test", "rain"], "evidence, not physics"),
        ([SWITCH, "--ambient", "200"], "--ambient"),
        ([SWITCH, "--out", "no-such-folder/c.html"], "folder does not exist"),
    ],
)
def test_bad_input_is_one_message(words: list[str], told: str) -> None:
    found = command(*words)
    assert found.exit_code == 2
    assert told in found.output
    assert "Traceback" not in found.output


def test_a_broken_file_is_told_with_its_keys(tmp_path: Path) -> None:
    own = tmp_path / "broken.toml"
    text = library.entry_path("adapters", SWITCH).read_text(encoding="utf-8")
    own.write_text(text.replace('kind = "islanding"', 'kind = "island"'), encoding="utf-8")
    found = command(str(own))
    assert found.exit_code == 2
    assert "kind" in found.output
    own.write_text("title = ", encoding="utf-8")
    assert "not a TOML file" in command(str(own)).output


def test_the_documented_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "type-test.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), {})
    assert "K" in capsys.readouterr().out
