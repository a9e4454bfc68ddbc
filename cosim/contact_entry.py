"""What an entry of ``models/contacts`` may hold: how a contact ages, and who the jaws in the field are.

Two kinds: a ``contact`` is the physics of one kind of sprung joint (docs/contacts.md has the equations, symbol by
symbol), a ``population`` says how jaws, insertions and meters vary from home to home. Resistances as new stand in
the body that uses a contact (`cosim.heat_body.Joint.contact_ohm`), not here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cosim.entries import Entry, Quantity, of

Share = Annotated[Quantity, of("1", 0.0, 1.0)]
Celsius = Annotated[Quantity, of("degC", -40.0, 3000.0)]
Activation = Annotated[Quantity, of("kJ/mol")]
FilmOhm = Annotated[Quantity, of("ohm m2")]


class ContactEntry(Entry):
    """A sprung contact: force, constriction, films, relaxation, oxidation, fretting, and the glow branch.

    Parameters
    ----------
    fingers, force_n, spots, hardness
        Fingers in parallel, normal force of each as new, conducting spots under each, hardness of the plating.
    resistance_slope
        Temperature coefficient of the constriction at 20 degC.
    softening_c, melting_c, plating_melting_c
        Where the metal of the spots softens and melts, and where the plating does.
    relaxation_left, relaxation_c, relaxation_h, relaxation_onset_h, relaxation_activation
        Share of the spring's stress left at a temperature after a long time, and the time before which relaxation
        does not show at that temperature; between them the share falls linearly in the logarithm of time.
    steel_share
        Share of the force that comes from a steel clip, which does not relax.
    insertion_loss
        Share of the force lost at each insertion of a blade.
    oxidation_rate, oxidation_activation, tarnish
        Parabolic rate [m2/s] at 100 degC at which the rim of a spot oxidises inwards, its activation energy, and the
        film resistance of the oxidised rim.
    fretting_per_cycle, fretting_most, fretting_cycles, slip_per_k, friction, stiffness, wiping_force_n
        Film that one cycle of full slip adds at 25 degC and its most; thermal cycles a day; slip per kelvin of a
        cycle if nothing held it; what holds it (friction over tangential stiffness); the force that wipes films.
    glow_w, glow_a
        Published points of the glow branch: power at current, the lower current first.
    glow_least_a, glow_exponent_above, glow_patch_m
        Current below which a glow goes out; exponent of power over current above the points; radius of the patch
        through which a glow heats either side.
    """

    kind: Literal["contact"]
    fingers: Annotated[Quantity, of("1", 1.0, 20.0)]
    force_n: Annotated[Quantity, of("N", 1e-3)]
    spots: Annotated[Quantity, of("1", 1.0)]
    hardness: Annotated[Quantity, of("Pa", 1e6)]
    resistance_slope: Annotated[Quantity, of("1/K")]
    softening_c: Celsius
    melting_c: Celsius
    plating_melting_c: Celsius
    relaxation_left: Share
    relaxation_c: Celsius
    relaxation_h: Annotated[Quantity, of("h", 1.0)]
    relaxation_onset_h: Annotated[Quantity, of("h", 1e-3)]
    relaxation_activation: Activation
    steel_share: Share
    insertion_loss: Share
    oxidation_rate: Annotated[Quantity, of("m2/s")]
    oxidation_activation: Activation
    tarnish: FilmOhm
    fretting_per_cycle: FilmOhm
    fretting_most: FilmOhm
    fretting_cycles: Annotated[Quantity, of("1/d")]
    slip_per_k: Annotated[Quantity, of("m/K")]
    friction: Annotated[Quantity, of("1", 0.0, 2.0)]
    stiffness: Annotated[Quantity, of("N/m", 1.0)]
    wiping_force_n: Annotated[Quantity, of("N", 1e-3)]
    glow_w: tuple[Annotated[Quantity, of("W", 1e-3)], Annotated[Quantity, of("W", 1e-3)]]
    glow_a: tuple[Annotated[Quantity, of("A", 1e-3)], Annotated[Quantity, of("A", 1e-3)]]
    glow_least_a: Annotated[Quantity, of("A")]
    glow_exponent_above: Annotated[Quantity, of("1", 0.0, 2.0)]
    glow_patch_m: Annotated[Quantity, of("m", 1e-5)]

    @model_validator(mode="after")
    def _ordered(self) -> ContactEntry:
        if self.glow_a[0].value >= self.glow_a[1].value:
            raise ValueError("glow_a must rise from the first point to the second")
        if self.softening_c.value >= self.melting_c.value:
            raise ValueError("softening_c must lie below melting_c")
        if self.relaxation_onset_h.value >= self.relaxation_h.value:
            raise ValueError("relaxation_onset_h must lie before relaxation_h")
        return self


class PopulationEntry(Entry):
    """How jaws, insertions and meters vary from home to home.

    Parameters
    ----------
    force_spread, resistance_spread
        Standard deviation of the logarithm of a jaw's force and of its resistance as new.
    poor_per_insertion
        Chance that an insertion leaves one jaw of the socket sprung, bent or missed by its blade.
    poor_least, poor_most
        Share of its force that such a jaw keeps, between these ends, uniform in the logarithm.
    sensor_share
        Where a meter's temperature sensor stands between the meter's inner air and body (0) and its blades (1).
    hot_c
        Temperature above which a jaw counts as a hot socket.
    alarm_c, trip_c
        Sensor temperatures at which a meter tells, and at which it opens its disconnect.
    disconnect_share
        Share of meters that have a disconnect and use it so.
    spread_share
        Share of burnt sockets whose fire spreads beyond the meter.
    """

    kind: Literal["population"]
    force_spread: Annotated[Quantity, of("1", 0.0, 2.0)]
    resistance_spread: Annotated[Quantity, of("1", 0.0, 2.0)]
    poor_per_insertion: Share
    poor_least: Share
    poor_most: Share
    sensor_share: Share
    hot_c: Celsius
    alarm_c: Celsius
    trip_c: Celsius
    disconnect_share: Share
    spread_share: Share

    @model_validator(mode="after")
    def _ordered(self) -> PopulationEntry:
        if not 0.0 < self.poor_least.value < self.poor_most.value:
            raise ValueError("poor_least must lie above 0 and below poor_most")
        return self


ContactsEntry = Annotated[ContactEntry | PopulationEntry, Field(discriminator="kind")]
