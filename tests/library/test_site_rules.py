"""Homes against their utility's rules: PSE&G's row by row, and what stays unjudged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosim import library
from cosim.scenario.population import Population
from cosim.studies.site_rules import BARRED, BROKEN, UNJUDGED, SiteCheck, site_check


def homes(adapters: Sequence[str], sockets: Sequence[str], rating_a: float = 200.0) -> Population:
    count = len(adapters)
    texts = {name: np.array([""] * count, dtype=object) for name, kind in _fields() if "object" in kind}
    numbers = {name: np.zeros(count) for name, kind in _fields() if kind == "Float" or "int64" in kind}
    return Population(
        **{
            **texts,
            **numbers,
            "home": tuple(f"home-{k}" for k in range(count)),
            "kind": np.array(["split"] * count, dtype=object),
            "adapter": np.array(adapters, dtype=object),
            "socket": np.array(sockets, dtype=object),
            "service_rating_a": np.full(count, rating_a),
        }
    )


def _fields() -> list[tuple[str, str]]:
    kinds = {name: str(field.type) for name, field in Population.__dataclass_fields__.items()}
    return [(name, "object" if kind == "Text" else kind) for name, kind in kinds.items() if name != "notes"]


def check(adapter: str, socket: str, utility: str | None = "pseg", **more: float) -> SiteCheck:
    volts, fault_a = more.get("volts", 240.0), more.get("fault_a", 8e3)
    population = homes([adapter], [socket], more.get("rating_a", 200.0))
    return site_check(population, np.array([volts]), utility, np.array([fault_a]))


def said(found: SiteCheck, verdict: int = BROKEN) -> list[str]:
    return [finding.rule for finding in found.findings if finding.verdict == verdict]


def test_what_pseg_allows_breaks_nothing() -> None:
    for name in ("connectder-solar-40", "connectder-solar-60", "connectder-solar-80"):
        for socket in ("ringless-100", "ringless-125", "ringless-150", "ringless-200", "ringless-200-5"):
            assert said(check(name, socket)) == []


def test_every_rule_of_pseg_is_found_where_it_is_broken() -> None:
    solar = "connectder-solar-60"
    assert said(check(solar, "ringless-320")) == ["socket-rating"]
    assert said(check(solar, "ringless-400")) == ["socket-rating"]
    assert set(said(check(solar, "ringless-60"))) == {"socket-rating", "adapter-rating"}
    assert said(check(solar, "ring-200")) == ["cover"]
    assert said(check(solar, "ringless-200", fault_a=22_001.0)) == ["fault-current"]
    assert said(check(solar, "ringless-200", fault_a=22_000.0)) == []
    assert said(check("tesla-backup-switch", "ringless-200")) == ["approval"]
    assert "jaws" in said(check("tesla-backup-switch", "ringless-200-5"))
    assert said(check(solar, "ringless-200-5", volts=208.0)) == []


def test_the_breaker_of_a_source_is_judged() -> None:
    entry = library.load("adapters", "connectder-solar-60")
    rules = library.load("utilities", "pseg").rules
    assert rules is not None
    low, high, interrupts = rules.der_breaker_min_a, rules.der_breaker_max_a, rules.der_interrupting_a
    assert low is not None
    assert high is not None
    assert interrupts is not None
    assert (low.value, high.value, interrupts.value) == (35.0, 80.0, 22_000.0)
    from cosim.studies.site_rules import _device

    weak = entry.model_copy(update={"der_breaker": "branch-30"})
    assert [row[0] for row in _device(rules, weak, None)] == ["der-breaker", "der-interrupting"]
    unknown = entry.model_copy(update={"der_breaker": ""})
    assert [row[:2] for row in _device(rules, unknown, None)] == [("der-breaker", UNJUDGED)]


def test_estimates_are_judged_only_where_their_range_allows() -> None:
    assert "enclosure-height" in said(check("connectder-solar-60", "ringless-200"), UNJUDGED)
    assert "enclosure-height" not in said(check("connectder-solar-60", "ringless-320"), UNJUDGED)
    assert "adapter-rating" in said(check("connectder-solar-60", "made-up"), UNJUDGED)
    assert (
        said(check("connectder-solar-60", "ringless-200", fault_a=float("nan")), UNJUDGED)[-1]
        == "fault-current"
    )


def test_a_socket_below_the_adapter_is_named_without_a_utility() -> None:
    found = check("tesla-backup-switch", "ringless-100", None)
    assert said(found) == ["adapter-rating"]
    assert "200 A stands on a socket of 100 A" in found.findings[0].text
    assert check("", "ringless-100", None).findings == ()


def test_homes_without_an_adapter_say_whether_they_could_take_one() -> None:
    assert said(check("", "ringless-60"), BARRED) == ["socket-rating"]
    assert check("", "ringless-200").findings == ()
    assert said(check("", "ring-200", fault_a=3e4), BARRED) == ["cover", "fault-current"]


def test_cords_are_no_business_of_the_meter() -> None:
    assert check("extension-cord", "ring-60").findings == ()


def test_pilots_and_unknown_lists() -> None:
    pilot = check("connectder-islandder", "ringless-200", "pge")
    assert said(pilot) == ["approval"]
    assert "pilot" in pilot.findings[0].text
    assert said(check("tesla-backup-switch", "ringless-200", "pge")) == []
    assert said(check("tesla-backup-switch", "ringless-200", "pge", rating_a=320.0)) == ["panel"]
    assert said(check("tesla-backup-switch", "ringless-200", "comed"), UNJUDGED) == ["approval"]


def test_counts_and_the_line() -> None:
    adapters = ["connectder-solar-60"] * 3 + ["", "tesla-backup-switch"]
    sockets = ["ringless-320", "ringless-200", "ringless-320", "ringless-60", "ringless-320"]
    found = site_check(homes(adapters, sockets), np.full(5, 240.0), "pseg")
    assert found.homes(BROKEN) == 3
    assert found.rules(BROKEN) == {"socket-rating": 3, "approval": 1}
    assert found.homes(BARRED) == 1
    assert found.line().startswith("pseg: 3 homes break a rule (socket-rating 3, approval 1)")
    assert any("1.12 m" in rule for rule in found.unseen)
    assert [finding.home for finding in found.findings] == sorted(f.home for f in found.findings)
