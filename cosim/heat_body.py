"""The body of an adapter, with socket and meter around it, as geometry and material.

The heat model is written as things one can measure with a ruler (lengths, sections, surfaces, contact
resistances, wires); `cosim.thermal.network` turns them into capacities, conductances and resistances.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from cosim.entries import Entry, Frozen, Quantity, of

Path = Literal["grid", "load", "branch"]
Role = Literal["jaw", "bus_bar", "factory_terminal", "field_terminal", "other"]

AMBIENT = "ambient"

# A conductance divides by most of these: none may be zero, and none so large that a unit was mistaken.
Metre = Annotated[Quantity, of("m", 1e-7, 1e3)]
SquareMetre = Annotated[Quantity, of("m2", 1e-9, 100.0)]
Lit = Annotated[Quantity, of("m2", 0.0, 100.0)]  # an area that may be hidden
Ohm = Annotated[Quantity, of("ohm", 1e-9, 1e6)]
Kilogram = Annotated[Quantity, of("kg", 1e-6, 1e4)]
Watt = Annotated[Quantity, of("W", 0.0, 1e5)]
Film = Annotated[Quantity, of("W/(m2 K)", 1e-3, 1e5)]


class Part(Frozen):
    """One node of the heat network; one for each leg unless `shared`.

    Give `length_m` and `section_m2` along the current and, for what else hangs on it, `mass_kg` of the
    same material. `resistance_ohm` replaces the resistance of the geometry, `resistance_slope` the
    material's temperature coefficient at 20 degC; `loss_w` is heat that no current decides (a meter's
    electronics). A shared part in a current path carries leg 1.
    """

    role: Role
    material: str
    current: Path | Literal["none"] = "none"
    shared: bool = False
    length_m: Metre | None = None
    section_m2: SquareMetre | None = None
    mass_kg: Kilogram | None = None
    resistance_ohm: Ohm | None = None
    resistance_slope: Annotated[Quantity, of("1/K")] | None = None
    loss_w: Watt | None = None

    @model_validator(mode="after")
    def _complete(self) -> Part:
        solid = self.length_m is not None and self.section_m2 is not None
        if not solid and self.mass_kg is None:
            raise ValueError("give length_m and section_m2, or mass_kg: a part without mass has no capacity")
        if (self.length_m is None) != (self.section_m2 is None):
            raise ValueError("length_m and section_m2 belong together")
        if self.current != "none" and not solid and self.resistance_ohm is None:
            raise ValueError(f"it carries {self.current} current: give resistance_ohm or a geometry")
        return self


class Joint(Frozen):
    """What connects two parts: a contact, a piece of some material (a wire, a support), or both in series.

    Beside the metal of the contact, heat crosses the air of `gap_m` over `face_m2`. `contact_ohm` is the
    resistance as new; `contact` names the entry of ``models/contacts`` that says how it ages.
    """

    between: tuple[str, str]
    current: Path | Literal["none"] = "none"
    contact_ohm: Ohm | None = None
    contact: str = ""
    face_m2: SquareMetre | None = None
    gap_m: Metre | None = None
    material: str = ""
    length_m: Metre | None = None
    section_m2: SquareMetre | None = None

    @model_validator(mode="after")
    def _complete(self) -> Joint:
        piece = (bool(self.material), self.length_m is not None, self.section_m2 is not None)
        if any(piece) and not all(piece):
            raise ValueError("material, length_m and section_m2 belong together")
        if (self.face_m2 is None) != (self.gap_m is None) or (self.gap_m and not self.contact_ohm):
            raise ValueError("face_m2 and gap_m belong together and to a contact_ohm")
        if self.contact and not self.contact_ohm:
            raise ValueError("contact belongs to a contact_ohm, the resistance as new")
        if self.contact_ohm is None and not any(piece):
            raise ValueError("give contact_ohm, or a piece by material, length_m and section_m2")
        return self


class Surface(Frozen):
    """A surface of `part` that gives heat to the air (``ambient`` or an inner air) or to a wall.

    With `height_m` it is a vertical wall in still air: laminar natural convection, and radiation unless
    `radiates` is false; outdoors wind adds to it. With `h_w_per_m2k` both together are one constant film, for
    small inner parts. `front_m2`, `top_m2` and `side_m2` are what sun falls on: the areas seen from straight
    before the house wall, from above, and from either side.
    """

    part: str
    to: str
    area_m2: SquareMetre
    height_m: Metre | None = None
    h_w_per_m2k: Film | None = None
    radiates: bool = True
    front_m2: Lit | None = None
    top_m2: Lit | None = None
    side_m2: Lit | None = None

    @model_validator(mode="after")
    def _one_law(self) -> Surface:
        if (self.height_m is None) == (self.h_w_per_m2k is None):
            raise ValueError("give either height_m (natural convection) or h_w_per_m2k (constant film)")
        if self.to != AMBIENT and (self.front_m2 or self.top_m2 or self.side_m2):
            raise ValueError("front_m2, top_m2 and side_m2 belong to a surface to the ambient air")
        return self


class Wire(Frozen):
    """An insulated conductor that leaves `part` for the open air: a fin that heats itself."""

    part: str
    current: Path
    material: str
    section_m2: SquareMetre
    outer_diameter_m: Metre
    length_m: Metre
    h_w_per_m2k: Film


class HeatModel(Frozen):
    """The body of an adapter with socket and meter around it.

    `base` names the entry of ``models/bodies`` it stands on; its rows are part of this model (`heat_base`).
    That all hangs together is told by `heat_faults`, beside the faults of single fields.
    """

    base: str = ""
    derivation: str
    parts: dict[str, Part]
    joints: tuple[Joint, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    wires: tuple[Wire, ...] = ()

    def references(self) -> set[tuple[str, str]]:
        """Other entries this body needs, as (kind, name)."""
        pieces: tuple[Part | Joint | Wire, ...] = (*self.parts.values(), *self.joints, *self.wires)
        found = {("materials", piece.material) for piece in pieces if piece.material}
        return found | {("contacts", joint.contact) for joint in self.joints if joint.contact}


class BodyEntry(Entry):
    """A body that several products share; complete in itself, so that it can be checked alone."""

    heat: HeatModel
