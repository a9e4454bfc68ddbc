"""Whatever is written in whatever place: a scenario or a `ScenarioError`, never anything else."""

from __future__ import annotations

import copy
from datetime import date, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.errors import Problem, ScenarioError
from cosim.scenario import Scenario
from cosim.scenario.loading import Document

WHOLE: dict[str, Any] = {
    "title": "t",
    "start": datetime(2026, 7, 14),
    "timezone": "America/New_York",
    "duration": "1 d",
    "step": "60 s",
    "seed": 1,
    "feeder": {"source": "generated", "homes": 12, "drop_length_m": [20.0, 0.4]},
    "weather": {"source": "constant:25"},
    "demand": {"source": "households", "scale": 1.0},
    "homes": {
        "solar": {"share": 0.3, "adapter": "connectder-solar-60", "pv_kw": {"uniform": [4, 9]}},
        "ev": {"share": 0.2, "pv_kw": 5, "ev": {"share": 0.5, "charger_kw": 7.0}},
    },
    "population": {},
    "events": [{"at": "2026-07-14T06:00", "kind": "outage", "where": "line:a", "duration": "1 h"}],
    "studies": {"fault_duty": {"at": ["start", datetime(2026, 7, 14, 3)]}},
    "record": {"full": ["home:1", "worst:jaw_rise:2"], "interval": "1 h"},
    "variants": {"none": {"homes": {"solar": {"share": 0}}}},
}
VALUES = st.one_of(
    st.sampled_from(
        [0, -1, 2, 0.5, 1e300, float("nan"), True, "", "x", "60 s", "none", "worst:x:y", "home:", "line:"]
    ),
    st.sampled_from(
        [[], {}, [1], ["x"], [[]], {"x": 1}, [{}], [{"at": 1}], {"share": 0.1}, {"uniform": [1]}]
    ),
    st.sampled_from(
        [date(2026, 1, 1), datetime(2026, 7, 14, 5), "2026-07-14", "constant:", "clear:1", "csv:", "opendss:"]
    ),
    st.text(max_size=8),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*path, key), *places(item, (*path, key))]]


def outcome(document: Document) -> Scenario | tuple[Problem, ...]:
    try:
        return document.scenario()
    except ScenarioError as error:
        return error.problems


@settings(deadline=None, max_examples=120)
@given(
    st.lists(
        st.tuples(st.sampled_from(places(WHOLE)), st.one_of(st.none(), VALUES), st.booleans()),
        min_size=1,
        max_size=4,
    )
)
def test_any_value_in_any_place(changes: list[tuple[tuple[Any, ...], Any, bool]]) -> None:
    data = copy.deepcopy(WHOLE)
    for path, value, beside in changes:
        holder: Any = data
        try:
            for part in path[:-1]:
                holder = holder[part]
            if value is None:
                del holder[path[-1]]  # something is missing
            else:
                holder[f"{path[-1]}x" if beside and isinstance(holder, dict) else path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    case = outcome(Document(Path("case.toml"), data, {}))
    if isinstance(case, Scenario):
        assert Scenario.from_json(case.to_json()).to_json() == case.to_json()
    else:
        assert case
        assert all(problem.file and problem.message for problem in case)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(places(WHOLE)), VALUES)
def test_any_override_of_any_key(path: tuple[Any, ...], value: Any) -> None:
    document = Document(Path("case.toml"), copy.deepcopy(WHOLE), {})
    document.apply_overrides({".".join(map(str, path)): value})
    case = outcome(document)
    assert case
