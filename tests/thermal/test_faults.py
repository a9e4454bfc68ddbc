"""A body that is no network: one message with all that is wrong, each with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosim import library
from cosim.errors import LibraryError
from cosim.heat_faults import faults

BODY = """
title = "Two jaws and a box"

[heat]
derivation = "made up"

[heat.parts.jaw]
role = "jaw"
material = "coper"
current = "grid"
length_m = { value = 0.03, unit = "mm", source = "ruler", confidence = "measured" }
section_m2 = { value = 6e-5, unit = "m2", confidence = "measured" }

[heat.parts.bar]
role = "bus_bar"
material = "phenolic"
current = "grid"
length_m = { value = 0.1, unit = "m", source = "ruler", confidence = "measured" }
section_m2 = { value = 6e-5, unit = "m2", source = "ruler", confidence = "measured" }

[heat.parts.box]
role = "other"
material = "painted-steel"
shared = true
mass_kg = { value = 2.0, unit = "kg", source = "scales", confidence = "measured" }

[[heat.joints]]
between = ["jaw", "bar"]
current = "grid"
contact_ohm = { value = -3e-5, unit = "ohm", source = "bridge", confidence = "measured" }

[[heat.joints]]
between = ["bar", "bracket"]
contact_ohm = { value = 3e-5, unit = "ohm", source = "bridge", confidence = "measured" }

[[heat.surfaces]]
part = "box"
to = "ambient"
area_m2 = { value = 0.17, unit = "m2", source = "ruler", confidence = "measured" }
height_m = { value = 0.3, unit = "m", source = "ruler", confidence = "measured" }
"""


def test_all_faults_of_a_body_in_one_message(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BODY)
    with pytest.raises(LibraryError) as caught:
        library.load("bodies", path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert "did you mean 'copper'" in told["heat.parts.jaw.material"]
    assert "must be 'm', not 'mm'" in told["heat.parts.jaw.length_m"]
    assert "missing" in told["heat.parts.jaw.section_m2.source"]
    assert "phenolic has no resistivity" in told["heat.parts.bar"]
    assert "between 1e-09" in told["heat.joints.0.contact_ohm"]
    assert "unknown part bracket" in told["heat.joints.1.between"]
    assert told["heat"] == "no path for heat to the ambient air from bar, jaw"
    assert len(told) == 7


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("height_m = { value = 0.3", "height_m = { value = 0.0", "heat.surfaces.0.height_m"),
        ("area_m2 = { value = 0.17", "area_m2 = { value = 0.0", "heat.surfaces.0.area_m2"),
        ("value = -3e-5", "value = 0.0", "heat.joints.0.contact_ohm"),
        ("value = 2.0", "value = 0.0", "heat.parts.box.mass_kg"),
    ],
)
def test_nothing_that_a_conductance_divides_by_is_zero(tmp_path: Path, old: str, new: str, key: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BODY.replace(old, new, 1))
    with pytest.raises(LibraryError) as caught:
        library.load("bodies", path)
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert "must lie between" in told[key]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["bar", "bracket"]', '["bar", "bar"]', "joins bar with itself"),
        ('["bar", "bracket"]', '["bar", "ambient"]', "ambient is no part"),
        ('part = "box"', 'part = "ambient"', "ambient is no part"),
        ("[heat.parts.bar]", "[heat.parts.ambient]", "choose another name"),
    ],
)
def test_air_is_no_part_and_a_joint_has_two_ends(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BODY.replace(old, new))
    with pytest.raises(LibraryError, match=told):
        library.load("bodies", path)


@pytest.mark.parametrize(
    "heat", [None, 3, {}, {"parts": 5}, {"parts": {"a": 1}, "joints": 7, "wires": ["x"]}]
)
def test_what_is_no_table_is_left_to_the_schema(heat: object) -> None:
    assert all(key == "heat" for key, _ in faults(heat, {"copper"}, bool))


@pytest.mark.parametrize("name", library.names("adapters"))
def test_shipped_bodies_have_none(name: str) -> None:
    assert not list(
        faults(library.raw("adapters", name)["heat"], library.names("materials"), library.conducts)
    )
