"""What the entries of ``models/envelopes`` and ``models/hvac`` may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cosim.entries import Confidence, Entry, Frozen, Quantity, of


class EnvelopeEntry(Entry):
    """How well a house is insulated and sealed.

    Parameters
    ----------
    r_roof_m2k_per_w, r_wall_m2k_per_w, r_floor_m2k_per_w, r_door_m2k_per_w
        Thermal resistance of a square metre.
    u_window_w_per_m2k
        Transmittance of a window.
    air_changes_per_h
        Air that outdoor air replaces.
    """

    r_roof_m2k_per_w: Annotated[Quantity, of("m2 K/W", 0.01, 50)]
    r_wall_m2k_per_w: Annotated[Quantity, of("m2 K/W", 0.01, 50)]
    r_floor_m2k_per_w: Annotated[Quantity, of("m2 K/W", 0.01, 50)]
    r_door_m2k_per_w: Annotated[Quantity, of("m2 K/W", 0.01, 50)]
    u_window_w_per_m2k: Annotated[Quantity, of("W/(m2 K)", 0.05, 20)]
    air_changes_per_h: Annotated[Quantity, of("1/h", 0, 20)]


class CurveCoefficients(Frozen):
    """A polynomial of the outdoor temperature To and the indoor one Ti, over the value at rating.

    Parameters
    ----------
    unit
        Of To and Ti as they enter the polynomial; what the entry says of ranges is in degC.
    outdoor
        Of 1, To, To^2, To^3.
    indoor
        Of Ti, Ti^2.
    cross
        Of To Ti.
    """

    unit: Literal["degC", "degF"]
    outdoor: tuple[float, ...] = Field(min_length=1, max_length=4)
    indoor: tuple[float, float] = (0.0, 0.0)
    cross: float = 0.0
    source: str = Field(min_length=3)
    confidence: Confidence


class HvacEntry(Entry):
    """How a heat pump and air conditioner perform, and how a thermostat runs them.

    Parameters
    ----------
    heat_capacity, heat_eir
        Of a heat pump: heat, and power over heat, over rating; Ti is the dry bulb.
    cool_capacity, cool_eir
        Of cooling with its latent share; Ti is the wet bulb, which stays at `indoor_wet_bulb_c`.
    heat_range_c, cool_range_c
        Outdoor temperatures in which the curves are used; beyond, the end's value holds.
    indoor_range_c
        Indoor temperatures in which the heating curves are used.
    indoor_wet_bulb_c
        Wet bulb of the air that is cooled.
    latent_loss, latent_share
        Cooling is all cooling over 1 + loss + share / (1 + exp(4 - 10 h)) with relative humidity h outdoors.
    defrosts
        Whether frost on the outdoor coil is counted.
    pump_lockout_c
        Colder than this outdoors, the pump does not run.
    strip_lockout_c
        Warmer than this, strips do not help the pump.
    strip_below_k, strip_band_k
        Strips help this far below the set point, and leave after this rise; None: a dead band and a dead band.
    strip_delay_s
        Strips also come after heating for so long, and stay until it ends; None: never.
    strips_alone
        Whether strips replace the pump while they are on.
    crankcase_w, crankcase_below_c
        Heater of a compressor that stands, and the air below which it is on.
    min_on_s, min_off_s, restart_s
        Shortest run and rest of the compressor, and its wait after power returns.
    deadband_k
        Between switching on and off.
    """

    heat_capacity: CurveCoefficients
    heat_eir: CurveCoefficients
    cool_capacity: CurveCoefficients
    cool_eir: CurveCoefficients
    heat_range_c: tuple[float, float] = (-60.0, 60.0)
    cool_range_c: tuple[float, float] = (-60.0, 60.0)
    indoor_range_c: tuple[float, float] = (-60.0, 60.0)
    indoor_wet_bulb_c: Annotated[Quantity, of("degC", 0, 40)] | None = None
    latent_loss: Annotated[Quantity, of("1", 0, 1)]
    latent_share: Annotated[Quantity, of("1", 0, 2)]
    defrosts: bool
    pump_lockout_c: Annotated[Quantity, of("degC", -100, 20)] | None = None
    strip_lockout_c: Annotated[Quantity, of("degC", -50, 60)] | None = None
    strip_below_k: Annotated[Quantity, of("K", 0, 20)] | None = None
    strip_band_k: Annotated[Quantity, of("K", 0.05, 20)] | None = None
    strip_delay_s: Annotated[Quantity, of("s", 30, 86400)] | None = None
    strips_alone: bool = False
    crankcase_w: Annotated[Quantity, of("W", 0, 500)]
    crankcase_below_c: Annotated[Quantity, of("degC", -50, 50)] | None = None
    min_on_s: Annotated[Quantity, of("s", 0.0, 3600.0)]
    min_off_s: Annotated[Quantity, of("s", 0.0, 3600.0)]
    restart_s: Annotated[Quantity, of("s", 0.0, 3600.0)]
    deadband_k: Annotated[Quantity, of("K", 0.1, 10)]


SCHEMAS = {"envelopes": EnvelopeEntry, "hvac": HvacEntry}
