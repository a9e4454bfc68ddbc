"""The command about the protective devices of a feeder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.feeders import FeederArgument, open_feeder
from cosim.cli.runs import JsonOption
from cosim.cli.shell import print_json, print_table

if TYPE_CHECKING:
    from cosim.devices.protection import ProtectiveDevice
    from cosim.errors import Problem
    from cosim.feeder.protection import AskedDevice
    from cosim.studies.coordination import Coordination

MOST_OHM = 10_000.0
SCHEMES = ("fuse-saving", "fuse-blowing", "feeder", "none")


def add_to(app: typer.Typer) -> None:
    """Add the command to `cosim feeder`."""
    app.command()(protection)


def protection(
    feeder: FeederArgument,
    scheme: Annotated[
        str, typer.Option(help="fuse-saving, fuse-blowing, feeder (what an OpenDSS model carries) or none.")
    ] = "fuse-saving",
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="A device in a chosen place, SECTION=ENTRY or SECTION=ENTRY:RATING_A; may be repeated."
        ),
    ] = None,
    fault_ohm: Annotated[
        float, typer.Option(help="Resistance of the smallest fault to ground on the primary, in ohm.")
    ] = 20.0,
    json: JsonOption = False,
) -> None:
    """Protective devices, the faults they may meet, and whether they act in order and see them.

    Example: cosim feeder protection oak-street.feeder --device line:switch-1=recloser --json
    """
    from cosim.errors import FeederError, Problem
    from cosim.feeder.protection import AskedProtection, protection_of
    from cosim.studies.coordination import coordination

    wrong = []
    if scheme not in SCHEMES:
        wrong.append(Problem(f"should be one of {', '.join(SCHEMES)}", key="--scheme", value=scheme))
    if not 0.0 <= fault_ohm <= MOST_OHM:
        right = f"should be a number from 0 to {MOST_OHM:g}"
        wrong.append(Problem(right, key="--fault-ohm", value=f"{fault_ohm:g}"))
    placed = [_placed(one) for one in device or ()]
    wrong += [one for one in placed if isinstance(one, Problem)]
    if wrong:
        raise FeederError(wrong)
    asked = AskedProtection(scheme, tuple(one for one in placed if not isinstance(one, Problem)))
    opened = open_feeder(feeder)
    found = protection_of(opened, asked)
    told = coordination(opened, found, fault_ohm=fault_ohm)
    if json:
        print_json(
            {
                "file": str(feeder),
                "scheme": scheme,
                "devices": [_device(one, told) for one in found.devices],
                "findings": [vars(one) for one in told.findings],
            }
        )
        return
    rows = [_device(one, told) for one in found.devices]
    keys = ("name", "phases", "settings", "largest_a", "smallest_a", "resistive_a")
    print_table(
        ("device", "phases", "settings", "largest A", "smallest A", f"{fault_ohm:g} ohm A"),
        [[_shown(row[key]) for key in keys] for row in rows],
    )
    typer.echo(f"\n{len(told.findings) or 'no'} finding{'' if len(told.findings) == 1 else 's'}")
    if told.findings:
        print_table(
            ("what", "device", "next upstream", "at", "A", "device s", "upstream s", "what would be right"),
            [
                (
                    one.kind, one.device, one.backup, one.place, _shown(one.worst_a),
                    _shown(one.device_s), _shown(one.backup_s), one.right,
                )
                for one in told.findings
            ],
        )  # fmt: skip


def _placed(text: str) -> AskedDevice | Problem:
    """A device as asked for on the command line, or what is wrong with it."""
    from cosim import library
    from cosim.errors import Problem
    from cosim.feeder.protection import AskedDevice

    section, _, rest = text.partition("=")
    entry, _, rating = rest.partition(":")
    known = library.names("protection")
    if not section or not entry:
        return Problem("should read SECTION=ENTRY, as in line:switch-1=recloser", key="--device", value=text)
    if entry not in known:
        return Problem(f"should name one of {', '.join(known)}", key="--device", value=text)
    try:
        rating_a = float(rating) if rating else None
    except ValueError:
        rating_a = math.nan
    if rating_a is not None and not 0.0 < rating_a < math.inf:
        return Problem("should have a rating in amperes above 0", key="--device", value=text)
    return AskedDevice(section, entry, rating_a)


def _device(device: ProtectiveDevice, told: Coordination) -> dict[str, object]:
    """What a device is, how it is set and what it may meet."""
    reach = next((one for one in told.reaches if one.device == device.name), None)
    return {
        "name": device.name,
        "kind": device.kind,
        "section": device.section,
        "phases": device.conductors,
        "settings": settings(device),
        "largest_a": reach and reach.largest_a,
        "smallest_a": reach and reach.smallest_a,
        "resistive_a": reach and reach.resistive_a,
        "source": device.source,
    }


def settings(device: ProtectiveDevice) -> str:
    """Settings in a line: link, or pick-ups, shots and dead times."""
    if device.kind == "sectionalizer":
        return f"opens at count {device.counts}, from {device.actuating_a:.0f} A"
    if device.kind == "fuse":
        return device.shots[0].elements[0].name
    picked = dict.fromkeys(
        f"{one.name.removesuffix(' delayed').removesuffix(' fast') if one.sees == 'ground' else 'phase'} "
        f"{one.pickup_a:.0f} A"
        for one in device.shots[-1].elements
    )
    shots = "-".join(shot.elements[0].name for shot in device.shots)
    dead = ", ".join(f"{shot.dead_us / 1e6:g}" for shot in device.shots if shot.dead_us is not None)
    return f"{', '.join(picked)}; {shots}" + (f"; dead {dead} s" if dead else "")


def _shown(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return "never" if math.isinf(value) else f"{value:.3g}"
    return str(value)
