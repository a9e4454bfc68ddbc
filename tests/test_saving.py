"""Saved values come back bit for bit; what cannot be saved is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cosim import saving
from cosim.events.physics import Fault
from cosim.events.records import Signal
from cosim.feeder.control_parts import Setting
from cosim.saving import attributes, pack, set_attributes, unpack
from cosim.simulation.regulation import Grid
from cosim.simulation.ride_through import Change, Riding


def test_everything_comes_back() -> None:
    grid = Grid(frozenset({3, 1}), frozenset(), Setting((1, -2), (0,)), 0.1 + 0.2)
    value = {
        "grid": grid,
        "tuple keys": {(1, "a"): [None, True, 1e-320, -0.0]},
        "riding": Riding.calm(3),
        "signal": Signal("t", "s", ("x",), -1),
        "change": Change.TRIP,
        "scalar": np.float64(0.1),
        "object": np.array(["é", ""], dtype=object),
        "empty": np.zeros((0, 4)),
        "faults": frozenset(
            {Fault("b", "line:l", "line_to_ground", "a"), Fault("a", "line:l", "line_to_ground", "a")}
        ),
        "complex": np.array([1 + 2j]),
        "list in list": [["array", 0], ()],
    }
    back = unpack(pack(value))
    assert list(back) == list(value)
    assert back["grid"] == grid
    assert type(back["grid"].setting) is Setting
    assert back["tuple keys"] == value["tuple keys"]
    assert math.copysign(1, back["tuple keys"][1, "a"][3]) == -1
    np.testing.assert_array_equal(back["riding"].since_us, value["riding"].since_us)  # type: ignore[attr-defined]
    assert back["signal"] == value["signal"]
    assert back["change"] is Change.TRIP
    assert isinstance(back["scalar"], np.float64)
    assert back["object"].tolist() == ["é", ""]
    assert back["empty"].shape == (0, 4)
    assert back["list in list"] == [["array", 0], ()]


def test_arrays_come_back_to_the_last_bit() -> None:
    bits = np.random.default_rng(1).integers(0, 2**64, 1000, np.uint64)
    values = bits.view(np.float64)  # NaNs with payloads, subnormals and infinities among them
    np.testing.assert_array_equal(unpack(pack(values)).view(np.uint64), bits)


@pytest.mark.parametrize("odd", [object(), lambda: 0, {"a": [math]}, pytest])
def test_what_cannot_be_saved_is_refused(odd: object) -> None:
    with pytest.raises(TypeError, match="cannot be saved"):
        pack(odd)


def test_kinds_of_other_packages_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack(Signal("t", "s", (), 0))
    monkeypatch.setattr(saving, "OWN", "another.")
    with pytest.raises(TypeError, match="no kind of value"):
        unpack(content)


def test_an_object_takes_up_what_its_like_held() -> None:
    class Counter:
        def __init__(self, study: str) -> None:
            self.study, self.count, self.rows = study, 0, [1]

    one, other = Counter("a"), Counter("b")
    one.count = 7
    set_attributes(other, unpack(pack(attributes(one, ("study",)))), ("study",))
    assert (other.study, other.count) == ("b", 7)
    with pytest.raises(TypeError, match="rows"):
        set_attributes(other, {"count": 1}, ("study",))
    with pytest.raises(TypeError, match="gone"):
        attributes(one, ("gone",))
