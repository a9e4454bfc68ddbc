"""What a result file keeps about the homes, transformers and lines of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.results.record import FeederMap

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study


def home_table(study: Study) -> dict[str, Any]:
    """Columns of the homes table."""
    home, population = study.feeder.home, study.population
    bus = study.feeder.bus["name"].to_numpy()
    battery_kw = np.zeros(study.homes)
    battery_kw[study.battery_home] = study.battery.discharge_w / 1e3
    return {
        "id": list(study.home_names),
        "group": population.group,
        "kind": [str(kind) for kind in home["kind"]],
        "bus": [str(name) for name in bus[home["bus"].to_numpy(np.int64)]],
        "transformer_row": study.compiled.home_transformer,
        "socket": population.socket,
        "adapter": population.adapter,
        "nominal_v": study.nominal_v,
        "service_rating_a": population.service_rating_a,
        "temperature_limit_c": study.equipment.temperature_limit_c,
        "drop_limit_c": study.grid_heat.drops.limit_c,
        "pv_kw": population.pv_kw,
        "ev_kw": population.ev_kw,
        "battery_kw": battery_kw,
        "x": home["x"].to_numpy(float),
        "y": home["y"].to_numpy(float),
    }


def transformer_table(study: Study) -> dict[str, Any]:
    """Columns of the service transformers table."""
    rows = study.compiled.service_transformers
    winding = study.feeder.winding
    second = winding[winding["number"] == 2]
    bus_of = np.full(len(study.feeder.transformer), -1, dtype=np.int64)
    bus_of[second["transformer"].to_numpy(np.int64)] = second["bus"].to_numpy(np.int64)
    buses = bus_of[rows]
    bus = study.feeder.bus
    return {
        "id": study.feeder.transformer["name"].to_numpy()[rows],
        "bus": bus["name"].to_numpy()[buses],
        "rated_kva": study.transformer_va / 1e3,
        "x": bus["x"].to_numpy(float)[buses],
        "y": bus["y"].to_numpy(float)[buses],
    }


def feeder_map(study: Study) -> FeederMap:
    """Lines as drawn."""
    line, bus = study.feeder.line, study.feeder.bus
    x, y = bus["x"].to_numpy(float), bus["y"].to_numpy(float)
    a, b = line["from_bus"].to_numpy(np.int64), line["to_bus"].to_numpy(np.int64)
    return FeederMap(
        id=line["name"].tolist(),
        level=line["level"].tolist(),
        phases=line["from_nodes"].tolist(),
        x1=x[a],
        y1=y[a],
        x2=x[b],
        y2=y[b],
        rating_a=line["max_i_ka"].to_numpy(float) * 1e3,
    )
