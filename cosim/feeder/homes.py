"""Services: the centre-tapped transformer, triplex drops and homes that hang on one primary phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from cosim import library
from cosim.electrical.circuit import Float
from cosim.feeder.builder import FeederBuilder, Winding
from cosim.feeder.layout import normals
from cosim.feeder.line_types import triplex_type
from cosim.randomness import stable_ids, uniforms

POWER_FACTOR = 0.95  # of a home at the feeder's peak; estimate
LEG_V = 120.0
GROUND_ROD_OHM = 25.0  # NEC 250.53: a single rod above 25 ohm needs a second one
SERVICE_KVA = (15.0, 25.0, 37.5, 50.0, 75.0, 100.0, 167.0)
SERVICE_OVERLOAD = 1.1  # of the rating, at the diversified peak of the homes behind it; estimate

# Service rating [A]: share of homes, demand relative to the mean, drop conductor, socket class. The mix and
# the demands are estimates; the conductors follow NEC table 310.12 for aluminium.
RATING_A = np.array([100.0, 125.0, 150.0, 200.0])
RATING_SHARE = np.array([0.25, 0.05, 0.15, 0.55])
RATING_DEMAND = np.array([0.75, 0.85, 0.95, 1.15])
DROP_CONDUCTOR = {100.0: "triplex-2", 125.0: "triplex-1-0", 150.0: "triplex-2-0", 200.0: "triplex-4-0"}
DEMAND_SIGMA = 0.3  # of the lognormal spread of demand within a rating; estimate
RING_SHARE = 0.35  # of sockets that are ring type, the others ringless; estimate

# Diversity factor of n homes, the sum of their own peaks over the peak of the sum (Kersting, Distribution
# System Modeling and Analysis, table 2.2); 70 homes stand for a feeder.
DIVERSITY_HOMES = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 70], dtype=np.float64)
DIVERSITY_FACTOR = np.array(
    [1.0, 1.6, 1.8, 2.1, 2.2, 2.3, 2.4, 2.55, 2.6, 2.65, 2.67, 2.7, 2.8, 2.9, 3.29], dtype=np.float64
)


@dataclass(frozen=True)
class Homes:
    """Homes to be served, one entry each: name, service rating [A], socket, nominal demand [kW, kvar]."""

    name: tuple[str, ...]
    rating_a: Float
    socket: tuple[str, ...]
    kw: Float
    kvar: Float

    def take(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Homes:
        """Some of the homes."""
        return Homes(
            tuple(self.name[i] for i in rows),
            self.rating_a[rows],
            tuple(self.socket[i] for i in rows),
            self.kw[rows],
            self.kvar[rows],
        )


def draw_homes(count: int, kw_per_home: float, seed: int) -> Homes:
    """Homes ``home-1`` ... with service ratings, sockets and demands whose mean is `kw_per_home`."""
    names = tuple(f"home-{number + 1}" for number in range(count))
    rating, socket, relative = draw_traits(names, seed)
    kw = relative * (kw_per_home / relative.mean())
    return Homes(names, rating, socket, kw, kw * math.tan(math.acos(POWER_FACTOR)))


def draw_traits(names: tuple[str, ...], seed: int) -> tuple[Float, tuple[str, ...], Float]:
    """Service rating [A], socket and relative demand of homes, each a function of seed and name alone."""
    ids = stable_ids(names)
    kind = np.searchsorted(np.cumsum(RATING_SHARE)[:-1], uniforms(seed, "feeder.rating", ids), side="right")
    ring = uniforms(seed, "feeder.socket", ids) < RING_SHARE
    rating = RATING_A[kind]
    socket = tuple(f"{'ring' if r else 'ringless'}-{a:g}" for r, a in zip(ring, rating, strict=True))
    return rating, socket, RATING_DEMAND[kind] * np.exp(DEMAND_SIGMA * normals(seed, "feeder.demand", ids))


def diversified_kva(kw: Float, power_factor: float = POWER_FACTOR) -> float:
    """Peak of a group of homes whose demands at the feeder's peak are `kw`."""
    factor = float(np.interp(len(kw), DIVERSITY_HOMES, DIVERSITY_FACTOR))
    return float(kw.sum()) * float(DIVERSITY_FACTOR[-1]) / factor / power_factor


def service_kva(kw: Float) -> float:
    """Smallest preferred rating that carries the homes' diversified peak; the largest if none does."""
    needed = diversified_kva(kw) / SERVICE_OVERLOAD
    return next((kva for kva in SERVICE_KVA if kva >= needed), SERVICE_KVA[-1])


@cache
def service_entry(kva: float) -> dict[str, float]:
    """Percentages of the service transformer of a preferred rating."""
    entry = library.load("transformers", f"service-{kva:g}".replace(".", "-"))
    return {
        "r": entry.r_percent.value,
        "x": entry.x_percent.value,
        "noload": entry.noload_loss_percent.value,
        "imag": entry.magnetising_percent.value,
    }


def add_service(
    builder: FeederBuilder,
    name: str,
    bus: str,
    nodes: str,
    coil_v: float,
    homes: Homes,
    drop_m: Float,
    *,
    place: Float,
    home_place: Float,
    cable: bool = False,
) -> None:
    """Add a centre-tapped transformer on `nodes` of a primary bus, with a drop and a home for each home.

    Interlaced secondary: R1 = R/2, R2 = R3 = R, X12 = X13 = 1.2 X, X23 = 0.8 X of the nameplate's
    full-winding R and X (Kersting, "Center-tap transformer and 120/240-V secondary modeling",
    DOI 10.1109/TIA.2009.2013590). The centre tap is solidly grounded, as the primary neutral it is bonded to.
    """
    kva = service_kva(homes.kw)
    unit = service_entry(kva)
    builder.add_bus(name, "1.2", LEG_V, place[0], place[1])
    row = builder.add_transformer(
        name,
        "service",
        [
            Winding(bus, nodes, coil_v / 1e3, 0.5 * unit["r"]),
            Winding(name, "1.0", LEG_V / 1e3, unit["r"]),
            Winding(name, "0.2", LEG_V / 1e3, unit["r"]),
        ],
        rated_kva=kva,
        x_percent=[1.2 * unit["x"], 1.2 * unit["x"], 0.8 * unit["x"]],
        noload_percent=unit["noload"],
        imag_percent=unit["imag"],
        model=f"service-{kva:g}".replace(".", "-"),
    )
    for index, home in enumerate(homes.name):
        rating = float(homes.rating_a[index])
        kind = triplex_type(DROP_CONDUCTOR[rating], cable)
        length = float(drop_m[index])
        x, y = float(home_place[index, 0]), float(home_place[index, 1])
        builder.add_bus(home, "1.2.3", LEG_V, x, y)
        drop = builder.add_line(
            home.replace("home", "drop"),
            name,
            "1.2.0",
            home,
            "1.2.3",
            kind.z_ohm_per_m * length,
            length_m=length,
            std_type=kind.name,
            rating_a=kind.rating_a,
            level="drop",
            cable=cable,
        )
        builder.add_other(
            home.replace("home", "rod"), [(home, "3")], [[1.0 / GROUND_ROD_OHM]], kind="ground rod"
        )
        builder.add_home(
            home,
            home,
            "1.2.3",
            "split",
            kw=homes.kw[index],
            kvar=homes.kvar[index],
            kv=LEG_V / 1e3,
            v_min_pu=0.8,
            v_max_pu=1.2,
            service_rating_a=rating,
            socket=homes.socket[index],
            transformer=row,
            drop=drop,
            x=x,
            y=y,
        )
