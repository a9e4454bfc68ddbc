"""The certificate as one self-contained HTML page."""

from __future__ import annotations

import os
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from cosim.errors import LibraryError, Problem
from cosim.outputs import output_file
from cosim.studies.type_test.bench import COMPUTED
from cosim.studies.type_test.certificate import Certificate, Row, percent, told
from cosim.studies.type_test.chart import WORDS, keys, phase_chart
from cosim.studies.type_test.heat_rise import HeatRise

HERE = Path(__file__).parent
REPORT = HERE.parent.parent / "report"
TONES = {
    "pass": "good", "likely pass": "watch", "likely fail": "watch", "fail": "bad", "no verdict": "missing",
}  # fmt: skip


def write_page(certificate: Certificate, out: str | Path, hangs_on: str = "") -> Path:
    """Write the page; the same certificate gives the same bytes.

    `hangs_on` is HTML that follows the heat-rise test, such as a ranked list of estimates.

    Raises
    ------
    LibraryError
        If it cannot be written there.
    """
    target = output_file(out, error=LibraryError)
    aside = target.with_name(f".{target.name}.{os.getpid()}.writing")
    try:
        aside.write_text(render(certificate, hangs_on), encoding="utf-8", newline="\n")
        os.replace(aside, target)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise LibraryError(Problem(f"the page cannot be written ({error.strerror})", str(out))) from None
    return Path(out)


def render(certificate: Certificate, hangs_on: str = "") -> str:
    """The page as text."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((HERE / "page.html").read_text(encoding="utf-8"))
    heat = certificate.heat
    roles = list(heat.phases[0].rise_k) if heat else []
    return template.render(
        c=certificate,
        counts=dict.fromkeys(("computed", "evidence", "missing"), 0)
        | Counter(row.state for row in certificate.rows),
        charts=_charts(heat) if heat and roles else [],
        keys=keys(roles),
        details=_details(certificate),
        hangs_on=hangs_on,
        roles=roles,
        words=WORDS,
        readings=_readings(heat, roles) if heat else [],
        tone=_tone,
        told=told,
        percent=percent,
        footer=f"Made by cosim {version('msa-cosim')}.",
        css=(REPORT / "page.css").read_text(encoding="utf-8"),
        own_css=(HERE / "page.css").read_text(encoding="utf-8"),
    )


def _details(certificate: Certificate) -> list[Row]:
    """Rows with figures, in the order in which they are computed."""
    return [row for test in COMPUTED if (row := certificate.row(test)).checks or row.assumptions]


def _tone(row: Row) -> str:
    return TONES.get(row.verdict or "", "missing")


def _charts(heat: HeatRise) -> list[str]:
    highest = max(float(rise.max()) for phase in heat.phases for rise in phase.rise_k.values())
    return [
        phase_chart(phase, _title(phase.name, phase.settled), min(highest, 400.0)) for phase in heat.phases
    ]


def _title(name: str, settled: bool) -> str:
    rest = "" if settled or name == "overheating cycles" else ", readings do not settle"
    return f"{name.capitalize()}{rest}"


def _readings(heat: HeatRise, roles: list[str]) -> list[tuple[str, float, list[float]]]:
    return [
        (phase.name, float(phase.time_s[k]) / 3600.0, [float(phase.rise_k[role][k]) for role in roles])
        for phase in heat.phases
        for k in phase.reading
    ]
