"""Figures of docs/contacts.md: ``python -m cosim.studies.hot_socket_figures docs`` writes them and prints its table."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cosim import library
from cosim.studies.hot_socket_charts import Axis, Curve, xy_chart
from cosim.thermal import contact_kernels as laws
from cosim.thermal.contact import constants, load_contact
from cosim.thermal.contact_glow import LAB_C, GlowRun, glow_run

CONTACT, ADAPTER = "meter-jaw", "bare-socket"
AMPS = (5.0, 15.0, 30.0, 60.0, 80.0, 100.0, 120.0, 150.0, 200.0)


def relaxation() -> str:
    """Share of the brass's stress over log time at several temperatures, with the published span at 75 degC."""
    entry = load_contact(CONTACT)
    c = constants(entry, {"steel_share": 0.0})
    hours = np.logspace(0.0, 6.0, 121)
    curves = []
    for at in (25.0, 50.0, 75.0, 100.0):
        rate = laws.arrhenius(c[laws.RELAX_J], c[laws.RELAX_C], at)
        left = [laws.force(c, 1.0, 3600.0 * h * rate) / c[laws.FORCE_N] for h in hours]
        curves.append(Curve(f"{at:g} degC", hours, np.array(left)))
    late = entry.relaxation_h.value
    span = Curve("50 to 60 % at 75 degC, published", np.full(2, late), np.array([0.5, 0.6]), dots=True)
    return xy_chart(
        "Force of a brass spring",
        Axis("hours under stress (place of the published span estimated)", 1.0, 1e6, log=True),
        Axis("share of the force as new", 0.0, 1.0), [*curves, span], key="bottom left",
    )  # fmt: skip


def branches() -> str:
    """Heat over current of jaws at several forces, up to melting, and the glow branch through its points."""
    c = constants(load_contact(CONTACT))
    amp = np.logspace(-0.5, np.log10(300.0), 200)
    curves = []
    for hold, rim, film, word in (
        (1.0, 0.0, 0.0, "as new"),
        (0.01, 0.0, 0.0, "1 % of the force"),
        (0.01, 1e-12, 3e-10, "1 % of the force, fretted"),
        (0.001, 1e-12, 1e-8, "0.1 %, fretted"),
    ):
        force = c[laws.FORCE_N] * hold
        watt = [laws.power(c, 3e-5, force, rim, film, 0.0, i, 40.0) for i in amp]
        curves.append(Curve(word, amp, np.array(watt)))
    glow = np.array([laws.glow_w(c, i) for i in amp])
    curves.append(Curve("glow branch", amp, np.where(glow > 0.0, glow, np.nan)))
    points = Curve("NBSIR 76-1011", np.array([0.8, 15.0]), np.array([5.0, 35.0]), dots=True)
    return xy_chart(
        "Heat of a jaw", Axis("current [A]", 0.3, 300.0, log=True),
        Axis("heat [W]", 1e-4, 1e3, log=True), [*curves, points], key="bottom right",
    )  # fmt: skip


def glow_runs() -> dict[float, list[GlowRun]]:
    """Runs over current at both ends and the middle of the exponent above the published points."""
    entry = library.load("adapters", ADAPTER)
    beyond = load_contact(CONTACT).glow_exponent_above
    ends = beyond.range or (beyond.value, beyond.value)
    return {
        p: [glow_run(entry, amp, changed={"glow_exponent_above": p}) for amp in AMPS]
        for p in (ends[0], beyond.value, ends[1])
    }


def passing(runs: dict[float, list[GlowRun]]) -> str:
    """Minutes until a glowing jaw's stab passes 538 degC over current."""
    curves = []
    for p, of_amp in runs.items():
        minutes = np.array([run.time_to() / 60.0 for run in of_amp])
        shown = np.where(np.isfinite(minutes), minutes, np.nan)
        curves.append(Curve(f"exponent {p:g}", np.array([run.amp for run in of_amp]), shown))
    return xy_chart(
        f"Glowing jaw: time until its stab passes {LAB_C:g} degC", Axis("current [A]", 0.0, 200.0),
        Axis("minutes", 1.0, 100.0, log=True), curves,
    )  # fmt: skip


def table(runs: dict[float, list[GlowRun]]) -> str:
    """Rows of docs/contacts.md: current, then per exponent heat, stab at rest and minutes to 538 degC."""
    lines = []
    for k, amp in enumerate(AMPS):
        cells = [f"{amp:g}"]
        for of_amp in runs.values():
            run = of_amp[k]
            minutes = run.time_to() / 60.0
            cells.append(
                f"{run.glow_w:.0f} W, {run.patch_c[-1]:.0f} °C, "
                + (f"{minutes:.0f} min" if np.isfinite(minutes) else "never")
            )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Write the figures into a folder and print the table."""
    runs = glow_runs()
    for name, text in (
        ("contacts-relaxation.svg", relaxation()),
        ("contacts-branches.svg", branches()),
        ("contacts-538.svg", passing(runs)),
    ):
        (folder / name).write_text(text + "\n", encoding="utf-8")
    print(table(runs))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
