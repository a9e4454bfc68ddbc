"""The bench: an entry's body with a simulated meter, its materials and contacts, and the currents it is tested with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.contact_entry import ContactEntry
from cosim.entries import Frozen, MaterialEntry, Quantity, of
from cosim.heat_body import HeatModel, Joint
from cosim.studies.type_test.draws import assign
from cosim.thermal.network import Float, HeatNetwork, build

METER = "meter"
JAW = "meter-jaw"  # entry of models/contacts for a jaw whose joint names none


class Settings(Frozen):
    """What the standard's text would say of the overheating cycles; not public, so each has a range.

    Parameters
    ----------
    cycle_ratio
        Current of the cycles over the rated current.
    duty
        Share of each hour in which it runs.
    """

    cycle_ratio: Annotated[Quantity, of("1", 1.0, 3.0)] = Quantity(
        value=1.25,
        unit="1",
        range=(1.0, 1.65),
        confidence="estimate",
        source="current of the overheating cycles: not found. 125 % is the most that UL 414 lets a socket be marked "
        "for intermittent use; 165 % is the cycling current of lugs in UL 486A-B (140 A on a conductor of 85 A)",
    )
    duty: Annotated[Quantity, of("1", 0.0, 1.0)] = Quantity(
        value=0.5,
        unit="1",
        range=(0.5, 0.5),
        confidence="estimate",
        source="duty of the overheating cycles: not found; half of each hour as for lugs in UL 486A-B",
    )


@dataclass(frozen=True)
class Loading:
    """R.m.s. currents of a test [A]: grid (service to tap), load (tap to panel), branch."""

    name: str
    grid_a: float
    load_a: float
    branch_a: float

    @property
    def i2_a2(self) -> Float:
        """(6,) squared currents, leg by leg."""
        return np.repeat(np.array([self.grid_a, self.load_a, self.branch_a]) ** 2, 2)


def loadings(entry: AdapterEntry, current_a: float) -> list[Loading]:
    """Ways the rated currents may run through an entry's body when its service carries `current_a`.

    The branch carries its rating in the proportion of `current_a` to the entry's rating, so that all squares
    scale together. What hangs on the tap may draw (the grid side then carries the rating) or, if it is a source,
    feed (the panel side does). A generator takes the place of the grid.
    """
    rated = entry.branch_rating_a
    if rated is None or not rated.known or not has_branch(entry.heat):
        return [Loading("service", current_a, current_a, 0.0)]
    branch = min(rated.value * current_a / entry.rating_a.value, current_a)
    if entry.transfer is not None:
        on_grid = Loading("service", current_a, current_a, 0.0)
        return [on_grid, Loading("generator", 0.0, branch, branch)]
    drawing = Loading("branch drawing", current_a, current_a - branch, branch)
    if entry.kind != "der-connection":
        return [drawing]
    return [drawing, Loading("branch feeding", current_a - branch, current_a, branch)]


def has_branch(heat: HeatModel) -> bool:
    """Whether any part carries branch current."""
    return any(part.current == "branch" for part in heat.parts.values())


def sliding_contacts(heat: HeatModel) -> list[tuple[int, Joint]]:
    """Joints in which a jaw holds a blade, with their places: they slide, and a spring presses them."""
    return [
        (place, joint)
        for place, joint in enumerate(heat.joints)
        if joint.contact_ohm is not None
        and (joint.contact or joint.face_m2 is not None)
        and "jaw" in {heat.parts[end].role for end in joint.between}
    ]


def contact_name(joint: Joint) -> str:
    """Entry of models/contacts that says how a sliding contact ages."""
    return joint.contact or JAW


@dataclass(frozen=True)
class Bench:
    """Models of one test by name: ``heat``, ``test`` (`Settings`), ``materials.*``, ``contacts.*``."""

    models: Mapping[str, BaseModel]

    @staticmethod
    def of(entry: AdapterEntry, settings: Settings) -> Bench:
        """Private copies of what an entry needs; its meter keeps its bars and loses its electronics."""
        heat = copy.deepcopy(entry.heat)
        if METER in heat.parts and (loss := heat.parts[METER].loss_w) is not None:
            assign(loss, 0.0)
            object.__setattr__(loss, "range", None)
        models: dict[str, BaseModel] = {"heat": heat, "test": settings}
        for kind, name in sorted(entry.references()):
            if kind == "materials":
                models[f"materials.{name}"] = library.load("materials", name)
        for _, joint in sliding_contacts(heat):
            models[f"contacts.{contact_name(joint)}"] = library.load("contacts", contact_name(joint))
        return Bench(models)

    @property
    def heat(self) -> HeatModel:
        """The body."""
        model = self.models["heat"]
        assert isinstance(model, HeatModel)
        return model

    @property
    def settings(self) -> Settings:
        """What was assumed of the cycles."""
        model = self.models["test"]
        assert isinstance(model, Settings)
        return model

    def contact(self, joint: Joint) -> ContactEntry:
        """How a sliding contact ages."""
        model = self.models[f"contacts.{contact_name(joint)}"]
        assert isinstance(model, ContactEntry)
        return model

    def materials(self) -> dict[str, MaterialEntry]:
        """Materials by name."""
        return {
            name.partition(".")[2]: model
            for name, model in self.models.items()
            if isinstance(model, MaterialEntry)
        }

    def network(self) -> HeatNetwork:
        """Heat network of the body as the models stand now."""
        return build(self.heat, self.materials())

    def node(self, network: HeatNetwork, joint: Joint) -> int:
        """Node of leg 1 (or the shared one) of the jaw of a sliding contact."""
        jaw = next(end for end in joint.between if self.heat.parts[end].role == "jaw")
        return network.names.index(f"l1.{jaw}" if f"l1.{jaw}" in network.names else jaw)

    def degrade(self, place: int, ohm: float) -> str:
        """Give the contact at a place another resistance, with certainty; returns what joins what."""
        if place < 0:
            return ""
        joint = self.heat.joints[place]
        if joint.contact_ohm is not None:
            assign(joint.contact_ohm, ohm)
            object.__setattr__(joint.contact_ohm, "range", None)
        return " to ".join(joint.between)
