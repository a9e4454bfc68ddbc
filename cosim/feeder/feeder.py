"""A feeder: tables of what stands where, and beside them the full phase matrices.

The tables use pandapower's own column names where pandapower has the element, and
``feeder.net`` is a pandapower net holding the very same frames. pandapower cannot hold
phase matrices, single-phase laterals, centre-tapped units or homes; those stand beside
the net. The net owns topology, length, state and rating; the matrices own impedance and
remember the length and type they were made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cosim.electrical.circuit import Complex, Float
from cosim.errors import FeederError, Problem
from cosim.feeder.tables import NET_TABLES, TABLES

if TYPE_CHECKING:
    import xarray

    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.import_report import ImportReport


@dataclass(frozen=True)
class Matrices:
    """What tables cannot hold, one entry per row of its table.

    Parameters
    ----------
    line_z_ohm, line_y_siemens
        (n, n) series impedance in total, and shunt admittance at each end.
    line_length_km, line_std_type
        The length and type that the matrices belong to.
    source_emf_v, source_z_ohm
        (k,) EMF to ground at ``vm_pu = 1``, ``va_degree = 0``, and (k, k) impedance behind it.
    other_y_siemens
        (k, k) primitive admittance over the block's terminals in order.
    shape_p, shape_q
        (points,) values; an empty `shape_q` follows `shape_p`.
    """

    line_z_ohm: tuple[Complex, ...] = ()
    line_y_siemens: tuple[Complex, ...] = ()
    line_length_km: tuple[float, ...] = ()
    line_std_type: tuple[str, ...] = ()
    source_emf_v: tuple[Complex, ...] = ()
    source_z_ohm: tuple[Complex, ...] = ()
    other_y_siemens: tuple[Complex, ...] = ()
    shape_p: tuple[Float, ...] = ()
    shape_q: tuple[Float, ...] = ()


_COUNTED = (("bus", "buses"), ("line", "lines"), ("transformer", "transformers"), ("home", "homes"))


@dataclass(repr=False)
class Feeder:
    """A distribution feeder with its services and homes.

    Make one with `Feeder.generate`, `Feeder.from_opendss`, `Feeder.from_pandapower`,
    `Feeder.load` or a `cosim.feeder.builder.FeederBuilder`.

    Parameters
    ----------
    name
        What to call it.
    frequency_hz
        Of the supply.
    frames
        Table name to frame, as `cosim.feeder.tables.TABLES` describes them. Read them with
        `table`, which sees the net's own frames once ``net`` exists.
    matrices
        See `Matrices`.
    report
        What an import carried, approximated and left out; None for other sources.
    """

    name: str
    frequency_hz: float
    frames: dict[str, pd.DataFrame]
    matrices: Matrices
    report: ImportReport | None = None
    _net: Any = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.table(name))} {word}" for name, word in _COUNTED)
        return f"<Feeder {self.name}: {counts}>"

    # ------------------------------------------------------------------ sources
    @classmethod
    def from_opendss(
        cls, path: str | Path, *, strict: bool = False, controls: Literal["solved", "off"] = "solved"
    ) -> Feeder:
        """Read an OpenDSS master file through the OpenDSS engine.

        Parameters
        ----------
        path
            The master file. It is treated as data: nothing it says is written, shown or plotted.
        strict
            Refuse the file if anything in it can only be approximated.
        controls
            ``"solved"``: taps and capacitor states after the master's own controls have acted;
            ``"off"``: as written.

        Raises
        ------
        FeederError
            The engine rejects the file, or it holds something that cannot be carried.
        MissingExtraError
            The extra ``opendss`` is not installed.
        """
        from cosim.feeder.opendss import read_opendss

        return read_opendss(Path(path), strict=strict, controls=controls)

    @classmethod
    def generate(
        cls,
        homes: int = 240,
        *,
        voltage_kv: float = 12.47,
        density_homes_per_km2: float = 1200.0,
        overhead_share: float = 0.7,
        kw_per_home: float = 3.5,
        substation_distance_km: float = 0.8,
        short_circuit_mva: float = 1500.0,
        seed: int = 7,
        name: str = "generated",
    ) -> Feeder:
        """Build a synthetic US residential feeder; parameters as in `cosim.feeder.generate.generate`."""
        from cosim.feeder.generate import generate

        return generate(
            homes,
            voltage_kv=voltage_kv,
            density_homes_per_km2=density_homes_per_km2,
            overhead_share=overhead_share,
            kw_per_home=kw_per_home,
            substation_distance_km=substation_distance_km,
            short_circuit_mva=short_circuit_mva,
            seed=seed,
            name=name,
        )

    @classmethod
    def from_pandapower(
        cls,
        net: Any,
        *,
        kva_per_home: float | None = 2.75,
        services: Literal["auto", "split", "direct"] = "auto",
        homes_per_transformer: int = 8,
        drop_length_m: tuple[float, float] = (24.4, 0.45),
        seed: int = 7,
        name: str | None = None,
    ) -> Feeder:
        """Attach services and homes to a pandapower net; see `cosim.feeder.attach.from_pandapower`."""
        from cosim.feeder.attach import from_pandapower

        return from_pandapower(
            net,
            kva_per_home=kva_per_home,
            services=services,
            homes_per_transformer=homes_per_transformer,
            drop_length_m=drop_length_m,
            seed=seed,
            name=name,
        )

    @classmethod
    def load(cls, path: str | Path) -> Feeder:
        """Read a feeder saved with `save`; everything is checked, nothing in the file is executed.

        Raises
        ------
        FeederError
            The file is of another kind or version, or its content does not hold together.
        """
        from cosim.feeder.storage import load_feeder

        return load_feeder(Path(path))

    def save(self, path: str | Path) -> Path:
        """Write the feeder to one file; the name appears only when the file is whole.

        Raises
        ------
        FeederError
            The tables do not hold together (see `check`); nothing is written.
        """
        from cosim.feeder.storage import save_feeder

        return save_feeder(self, Path(path))

    # ------------------------------------------------------------------- tables
    def table(self, name: str) -> pd.DataFrame:
        """The frame that counts: the net's own once the net exists, even if replaced there."""
        if self._net is not None and name in NET_TABLES:
            frame: pd.DataFrame = self._net[name]
            return frame
        return self.frames[name]

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """All tables by name."""
        return {name: self.table(name) for name in TABLES}

    @property
    def bus(self) -> pd.DataFrame:
        """Buses."""
        return self.table("bus")

    @property
    def line(self) -> pd.DataFrame:
        """Lines, cables, service drops and switching devices."""
        return self.table("line")

    @property
    def transformer(self) -> pd.DataFrame:
        """Transformers and regulators, one row a unit."""
        return self.table("transformer")

    @property
    def winding(self) -> pd.DataFrame:
        """Windings of the transformers."""
        return self.table("winding")

    @property
    def home(self) -> pd.DataFrame:
        """Homes and other customers."""
        return self.table("home")

    @property
    def net(self) -> Any:
        """The feeder's pandapower net, made when first asked for (importing pandapower takes seconds).

        Its bus, line, switch, ext_grid, shunt and trafo frames are the feeder's own: a change in
        either is a change in both. Loads are not in it; see `cosim.feeder.reference`.
        """
        if self._net is None:
            import pandapower

            net = pandapower.create_empty_network(name=self.name, f_hz=self.frequency_hz)
            for name in NET_TABLES:
                net[name] = self.frames[name]
            self._net = net
        return self._net

    @property
    def materialised(self) -> bool:
        """Whether ``net`` exists already."""
        return self._net is not None

    def shape(self, name: str) -> tuple[float, Float, Float]:
        """Interval [s] and values of P and Q of a named load shape.

        Raises
        ------
        FeederError
            There is no such shape.
        """
        rows = np.flatnonzero((self.table("shape")["name"] == name).to_numpy())
        if not len(rows):
            raise FeederError(Problem("no such load shape", key="shape", value=name))
        row = int(rows[0])
        p, q = self.matrices.shape_p[row], self.matrices.shape_q[row]
        return float(self.table("shape")["interval_s"].iloc[row]), p, q if len(q) else p

    # ------------------------------------------------------------------ answers
    def check(self) -> list[Problem]:
        """Everything that would keep the feeder from being studied; empty if nothing."""
        from cosim.feeder.checks import check_feeder

        return check_feeder(self)

    def advice(self) -> list[Problem]:
        """What is missing for some answers, such as ratings; nothing here keeps a study from running."""
        from cosim.feeder.checks import advise

        return advise(self)

    def digest(self) -> str:
        """SHA-256 of the content: the same for equal tables and matrices, whatever their origin."""
        from cosim.feeder.storage import digest

        return digest(self)

    def compile(self) -> CompiledFeeder:
        """The feeder as arrays for the solvers; see `cosim.feeder.compile.compile_feeder`."""
        from cosim.feeder.compile import compile_feeder

        return compile_feeder(self)

    def power_flow(
        self,
        *,
        load_scale: ArrayLike = 1.0,
        taps: Mapping[str, float] | None = None,
        tolerance_pu: float = 1e-9,
        max_iterations: int = 200,
        strict: bool = True,
        controls: Literal["held", "settled"] = "held",
        solver: Literal["cosim", "pandapower"] = "cosim",
    ) -> xarray.Dataset:
        """Node voltages, element currents and powers of one state or several.

        See `cosim.feeder.flow.power_flow` for the parameters, what is in the Dataset, and errors.
        ``solver="pandapower"`` is a slow reference for feeders that pandapower can represent.
        """
        from cosim.feeder.flow import power_flow, reference_flow

        if solver not in ("cosim", "pandapower"):
            raise FeederError(Problem("must be 'cosim' or 'pandapower'", key="solver", value=repr(solver)))
        if solver == "pandapower":
            return reference_flow(self, load_scale=load_scale, taps=taps)
        return power_flow(
            self,
            load_scale=load_scale,
            taps=taps,
            tolerance_pu=tolerance_pu,
            max_iterations=max_iterations,
            strict=strict,
            controls=controls,
        )
