"""Bodies that products share: what is merged, what a file of one's own replaces, and whose fault is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.errors import LibraryError
from cosim.heat_base import merged
from cosim.thermal.network import HeatNetwork, heat_network

BODIES = library.models_folder() / "bodies"
SWITCH = (library.models_folder() / "adapters" / "tesla-backup-switch.toml").read_text()


@pytest.mark.parametrize("name", library.names("bodies"))
def test_a_body_is_complete_in_itself(name: str) -> None:
    entry = library.load("bodies", name)
    assert {library.load(kind, other).name for kind, other in entry.heat.references()}


def test_a_merged_body_written_out_is_the_same_network() -> None:
    """Without its base, an entry written out in full gives the arrays of the entry that names it, bit for bit."""
    for name in ("bare-socket", "connectder-solar-60", "tesla-backup-switch"):
        whole = library.raw("adapters", name)
        assert merged(whole["heat"], library.raw("bodies", whole["heat"]["base"])["heat"]) == whole["heat"]
        del whole["heat"]["base"]
        alone, named = library.check("adapters", whole), library.load("adapters", name)
        one, two = heat_network(alone), heat_network(named)
        assert one.names == two.names
        for a, b in zip(_arrays(one), _arrays(two), strict=True):
            np.testing.assert_array_equal(a, b)


def _arrays(net: HeatNetwork) -> list[np.ndarray]:
    ends = [array for links in net.links for array in (links.a, links.b, links.w)]
    return [net.capacity_j_per_k, net.loss_w, *ends, net.node, net.path, net.ohm, net.slope]


def test_own_rows_replace_the_base_and_come_first() -> None:
    base = {
        "derivation": "below",
        "parts": {"a": {"role": "jaw"}, "b": {"role": "other"}},
        "joints": [{"between": ["a", "b"], "contact_ohm": 1}, {"between": ["b", "c"]}],
        "wires": [{"part": "a", "current": "grid"}, {"part": "b", "current": "grid"}],
    }
    own = {
        "base": "x",
        "derivation": "above",
        "parts": {"a": {"role": "bus_bar"}},
        "joints": [{"between": ["b", "a"], "contact_ohm": 2}],
        "wires": [{"part": "a", "current": "load"}],
    }
    found = merged(own, base)
    assert found["parts"] == {"a": {"role": "bus_bar"}, "b": {"role": "other"}}
    assert found["joints"] == [{"between": ["b", "a"], "contact_ohm": 2}, {"between": ["b", "c"]}]
    assert found["wires"] == [{"part": "a", "current": "load"}, {"part": "b", "current": "grid"}]
    assert found["derivation"] == "below\nabove"
    assert merged(found, base) == found


def test_faults_name_the_file_they_stand_in(tmp_path: Path) -> None:
    body = (BODIES / "collar-2s-relay.toml").read_text()
    (tmp_path / "mine.toml").write_text(
        body.replace("mass_kg = {", "mas_kg = {").replace(
            'contactor]\nrole = "other"', 'contactor]\nrole = "odd"'
        )
    )
    path = tmp_path / "product.toml"
    path.write_text(
        SWITCH.replace('base = "collar-2s-relay"', 'base = "mine.toml"')
        + '\n[[heat.joints]]\nbetween = ["contactor", "meter"]\ncontact_ohm = 3.0\n'
    )
    with pytest.raises(LibraryError) as caught:
        library.load("adapters", path)
    told = {(Path(p.file).name, p.key) for p in caught.value.problems}
    assert told == {
        ("mine.toml", "heat.parts.contactor.mas_kg"),
        ("mine.toml", "heat.parts.contactor.role"),
        ("product.toml", "heat.joints.0.contact_ohm"),
    }


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ('"collar-2"', r"heat\.base: unknown entry of models/bodies 'collar-2'; did you mean 'collar-2s'"),
        ('"no/such.toml"', r"product\.toml: heat\.base: no such file"),
        ('"product.toml"', r"heat\.base: a body that stands on itself: product on product"),
        ("3", r"heat\.base"),
    ],
)
def test_a_base_that_cannot_be_used(tmp_path: Path, base: str, told: str) -> None:
    path = tmp_path / "product.toml"
    path.write_text(SWITCH.replace('"collar-2s-relay"', base))
    with pytest.raises(LibraryError, match=told):
        library.load("adapters", path)


def test_a_copy_kept_in_a_result_file_is_whole() -> None:
    kept = json.loads(library.raw_json("adapters", "connectder-solar-60"))
    assert "box" in kept["heat"]["parts"]
    assert library.from_json("adapters", json.dumps(kept)) == library.load("adapters", "connectder-solar-60")
