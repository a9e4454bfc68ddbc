"""Entries of the impedance matrix, found along paths, against whole columns of the solved network."""

from __future__ import annotations

import numpy as np
import pytest
from electrical_sketch import random_feeder
from hypothesis import given
from hypothesis import strategies as st

from cosim.electrical.impedance import ImpedanceMatrix
from cosim.electrical.network import LoadsAs, Network


@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(0, 3), st.integers(0, 4))
def test_entries_are_those_of_the_inverse(seed: int, buses: int, ties: int, homes: int) -> None:
    network = Network(random_feeder(seed, buses, ties, homes))
    n = len(network.circuit.nodes)
    loads: tuple[LoadsAs, ...] = ("off", "admittance")
    for how in loads:
        whole = network.respond(np.eye(n, dtype=np.complex128), loads=how)
        found = ImpedanceMatrix(network, loads=how).among(np.arange(n)[None, :])[0]
        np.testing.assert_allclose(found, whole, rtol=1e-9, atol=1e-12 * np.abs(whole).max())
        np.testing.assert_allclose(found, found.T, atol=1e-11 * np.abs(whole).max())  # reciprocity


def test_groups_do_not_disturb_each_other_and_ground_is_zero() -> None:
    network = Network(random_feeder(3, 6, 1, 3))
    matrix = ImpedanceMatrix(network)
    groups = np.array([[0, 5, -1], [7, 5, 2], [5, 5, -1]])
    together = matrix.among(groups)
    for group, z in zip(groups, together, strict=True):
        np.testing.assert_array_equal(matrix.among(group), z[None])
    assert (together[0, 2] == 0).all()
    assert together[2, 0, 1] == together[2, 0, 0]


def test_dead_nodes_are_infinite() -> None:
    circuit = random_feeder(5, 5, 0, 6)
    lines = [i for i, e in enumerate(circuit.elements) if e.name == "line"][:1]
    network = Network(circuit.without(lines))
    dead = np.flatnonzero(~network.energised)
    assert len(dead)
    matrix = ImpedanceMatrix(network)
    assert np.isinf(matrix.between(dead[:1], np.array([-1]))).all()
    assert np.isinf(matrix.between(np.array([0]), dead[:1])).all()
    assert matrix.among(np.array([[0, int(dead[0])]]))[0, 0, 0] == pytest.approx(
        complex(matrix.between(np.array([0]), np.array([-1]))[0])
    )
