"""Commands about faults and backfeed of a feeder: faults, backfeed, neutral."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.feeders import FeederArgument, open_feeder
from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table

if TYPE_CHECKING:
    from cosim.electrical.network import LoadsAs


def add_to(app: typer.Typer) -> None:
    """Add the commands to `cosim feeder`."""
    app.command()(faults)
    app.command()(backfeed)
    app.command()(neutral)


def faults(
    feeder: FeederArgument,
    bus: Annotated[list[str] | None, typer.Option(help="Only this bus; may be repeated.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only this kind: line-ground, line-line, three-phase ..; may be repeated."),
    ] = None,
    arc_ohm: Annotated[
        float, typer.Option(help="Resistance of the arc, in every kind of fault.", min=0.0)
    ] = 0.0,
    ground_ohm: Annotated[
        float, typer.Option(help="Resistance of the way to ground (or to the neutral).", min=0.0)
    ] = 0.0,
    loads: Annotated[bool, typer.Option(help="Loads stand as admittances, as OpenDSS has them.")] = False,
    json: JsonOption = False,
) -> None:
    """Fault currents of every kind at every bus: symmetrical, asymmetrical r.m.s., peak, X/R.

    Example: cosim feeder faults oak-street.feeder --bus lateral-1 --kind line-ground --json
    """
    from cosim.electrical.fault import FaultKind, bus_faults, places_of
    from cosim.electrical.network import Network
    from cosim.errors import FeederError, Problem

    network = Network(open_feeder(feeder).compile().circuit)
    how: LoadsAs = "admittance" if loads else "off"
    places = places_of(network, loads=how)
    wrong = [
        Problem("no such bus with voltage", key="--bus", value=b) for b in bus or () if b not in places.name
    ]
    wrong += [
        Problem("should be a finite number", key=key, value=f"{value:g}")
        for key, value in (("--arc-ohm", arc_ohm), ("--ground-ohm", ground_ohm))
        if not math.isfinite(value)
    ]
    known = [str(k) for k in FaultKind]
    wrong += [
        Problem(f"no such kind; known: {', '.join(known)}", key="--kind", value=k)
        for k in kind or ()
        if k not in known
    ]
    if wrong:
        raise FeederError(wrong)
    fault = bus_faults(network, places, loads=how, arc_ohm=arc_ohm, ground_ohm=ground_ohm)
    duty = fault.duty
    rows = [
        {
            "bus": places.name[fault.place[i]],
            "kind": str(fault.kind[i]),
            "conductors": fault.conductors[i],
            "symmetrical_a": float(duty.symmetrical_a[i]),
            "asymmetrical_a": float(duty.asymmetrical_a[i]),
            "peak_a": float(duty.peak_a[i]),
            "x_over_r": float(duty.x_over_r[i]),
        }
        for i in range(len(fault.place))
        if (not bus or places.name[fault.place[i]] in bus) and (not kind or str(fault.kind[i]) in kind)
    ]
    if json:
        print_json({"file": str(feeder), "faults": rows})
    else:
        print_table(
            ("bus", "kind", "conductors", "symmetrical A", "asymmetrical A", "peak A", "X/R"),
            [tuple(f"{v:.4g}" if isinstance(v, float) else v for v in row.values()) for row in rows],
        )


def backfeed(
    feeder: FeederArgument,
    home: Annotated[str, typer.Option(help="Home whose source runs.", show_default=False)],
    source: Annotated[
        str, typer.Option(help="Generator or grid-forming battery of models/der.")
    ] = "portable-generator-6.25",
    open_: Annotated[
        list[str] | None, typer.Option("--open", metavar="LINE", help="Line that is open; may be repeated.")
    ] = None,
    adapter: Annotated[str, typer.Option(help="Adapter of the home, none if not given.")] = "",
    fails: Annotated[bool, typer.Option(help="The adapter fails to isolate.")] = True,
    load_scale: Annotated[float, typer.Option(help="Share of nominal load that stays connected.")] = 1.0,
    body_ohm: Annotated[float, typer.Option(help="Resistance of whoever touches a conductor.")] = 1000.0,
    source_kva: Annotated[
        float | None, typer.Option(help="Rating of the source in place of its entry's.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """What a home's source energises when nothing isolates it from a dead feeder, and how dangerous that is.

    Example: cosim feeder backfeed oak-street.feeder --home home-5 --open lateral-1 --load-scale 0.2 --json
    """
    from cosim.studies.backfeed_hazard import backfeed_hazard

    found = backfeed_hazard(
        open_feeder(feeder), home, source, opened=open_ or (), adapter=adapter, fails=fails,
        load_scale=load_scale, body_ohm=body_ohm, source_kva=source_kva,
    )  # fmt: skip
    if json:
        print_json({"file": str(feeder), **found.as_dict()})
        return
    typer.echo(
        f"{home} with {source}: {found.hazard}; {len(found.nodes)} conductors and {len(found.homes)} other homes live"
    )
    rows = [tuple(f"{value:.4g}" for value in row.values()) for row in found.table()]
    print_table(("s", "source A", "source V", "primary V", "transformer A", "line A", "body A"), rows)
    for note in found.notes:
        typer.echo(note)


def neutral(
    feeder: FeederArgument,
    home: Annotated[str, typer.Option(help="Home whose neutral is lost.", show_default=False)],
    leg1_w: Annotated[
        list[float] | None, typer.Option(help="Load of leg 1 [W]; may be repeated, with --leg2-w as often.")
    ] = None,
    leg2_w: Annotated[list[float] | None, typer.Option(help="Load of leg 2 [W].")] = None,
    line_w: Annotated[float, typer.Option(help="Load from leg to leg [W].")] = 0.0,
    place: Annotated[str, typer.Option(help="Where it is lost: drop, socket or tail.")] = "drop",
    meter: Annotated[str, typer.Option(help="Form of the meter: 12S has a neutral, 2S has none.")] = "2S",
    body_ohm: Annotated[float, typer.Option(help="Resistance of whoever touches metal, in ohm.")] = 1000.0,
    json: JsonOption = False,
) -> None:
    """What a home's legs do without their neutral: voltages, harm, who notices, touch voltage.

    Without loads given, 2 kW are shared between the legs from even to one-sided.

    Example: cosim feeder neutral oak-street.feeder --home home-5 --leg1-w 1500 --leg2-w 300 --json
    """
    import numpy as np

    from cosim.errors import FeederError, Problem
    from cosim.studies.lost_neutral import PLACES, lost_neutral

    shares = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    one, two = 2000.0 * shares, 2000.0 * (1.0 - shares)
    if leg1_w or leg2_w:
        one = np.array(leg1_w) if leg1_w else np.zeros(len(leg2_w or ()))
        two = np.array(leg2_w) if leg2_w else np.zeros(len(one))
    known = next((known for known in PLACES if known == place), None)
    wrong = [] if known else [Problem(f"should be one of {', '.join(PLACES)}", key="--place", value=place)]
    if len(one) != len(two):
        wrong.append(
            Problem(f"should be given {len(one)} times, as --leg1-w", key="--leg2-w", value=str(len(two)))
        )
    if wrong or known is None:
        raise FeederError(wrong)
    power = np.stack([one, two, np.full(len(one), line_w)])
    found = lost_neutral(open_feeder(feeder), home, power, place=known, meter_form=meter, body_ohm=body_ohm)
    if json:
        print_json({"file": str(feeder), "power_w": power.tolist(), **found.as_dict()})
        return
    legs = "leg 1", "leg 2"
    typer.echo(f"{home}, neutral lost at the {place}: touch {found.hazard}; meter {found.meter}")
    for leg, borne, life, fails in zip(legs, found.tolerance, found.lamp_life, found.fails, strict=True):
        told = "; equipment fails within minutes" if fails else ""
        typer.echo(f"{leg}: {borne}; lamps last {life:.3g} of their life{told}")
    rows = np.stack(
        [*power, *found.leg_v, found.service_v, found.neutral_v, found.rod_a, 1e3 * found.contact_a], axis=1
    )
    print_table(
        ("leg 1 W", "leg 2 W", "line W", "leg 1 V", "leg 2 V", "line V", "touch V", "rod A", "body mA"),
        [tuple(f"{value:.4g}" for value in row) for row in rows],
    )
