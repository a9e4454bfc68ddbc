"""A solved snapshot in a few numbers and short lists, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cosim.feeder.quality import RANGES

if TYPE_CHECKING:
    import xarray

    from cosim.feeder.feeder import Feeder

_LISTS = (
    "loading_percent",
    "transformer_loading_percent",
    "unbalance_percent",
    "neutral_a",
    "transformer_load_loss_w",
)


def totals(feeder: Feeder, flow: xarray.Dataset) -> dict[str, object]:
    """Power, losses by kind, lines and transformers over their rating, homes by ANSI C84.1 range."""
    loss = dict(zip(flow["part"].to_numpy(), flow["loss_w"].to_numpy()[0], strict=True))
    level = feeder.line.set_index("name")["level"]
    lines = {
        f"{name} lines": sum(loss[f"line.{line}"] for line in flow["line"].to_numpy() if level[line] == name)
        for name in dict.fromkeys(level)
    }
    core, coil = (float(flow[f"transformer_{kind}_loss_w"].sum()) for kind in ("noload", "load"))
    rest = sum(loss.values()) - sum(lines.values()) - core - coil
    kinds = {**lines, "transformers, no load": core, "transformers, load": coil, "other": rest}
    source = complex(flow["source_power_va"].to_numpy()[0])
    verdict = flow["ansi_range"].to_numpy()[0]
    ranges = {f"ansi {name}": int((verdict == k).sum()) for k, name in enumerate(RANGES)}
    return {
        "source_kw": round(source.real / 1e3, 3),
        "source_kvar": round(source.imag / 1e3, 3),
        "loss_kw": round(sum(loss.values()) / 1e3, 4),
        "loss_kw_by_kind": {kind: round(watts / 1e3, 4) for kind, watts in kinds.items()},
        "lines_over_rating": int((flow["loading_percent"] > 100.0).sum()),
        "transformers_over_rating": int((flow["transformer_loading_percent"] > 100.0).sum()),
        "homes": {**ranges, "dead": int((verdict < 0).sum())},
    }


def lists(flow: xarray.Dataset, most: int) -> dict[str, dict[str, float]]:
    """The largest values of each figure by item; lowest and highest voltages of homes."""
    found = {name: _top(flow[name], most) for name in _LISTS}
    found["lowest home_voltage_pu"] = _top(flow["home_voltage_pu"], most, low=True)
    found["highest home_voltage_pu"] = _top(flow["home_voltage_pu"], most)
    return found


def _top(array: xarray.DataArray, most: int, *, low: bool = False) -> dict[str, float]:
    values = array.to_numpy()[0]
    names = array[array.dims[1]].to_numpy()
    order = np.argsort(values if low else -values, kind="stable")[:most]
    return {str(names[k]): float(values[k]) for k in order if np.isfinite(values[k])}
