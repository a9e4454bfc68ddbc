"""The page in a real browser: no error, no overflow on a phone, dots that change colour, something to see."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from html import unescape
from pathlib import Path
from typing import Any

import made_up_runs as runs
import pytest
import report_runs

from cosim.report import write_report

PHONE = 390
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome on this machine")

# Runs in the page before its own script: collects what goes wrong.
LISTEN = """<script>window.wrong = [];
addEventListener("error", (e) => wrong.push(e.message));
addEventListener("securitypolicyviolation", (e) => wrong.push("address " + e.blockedURI));
for (const level of ["error", "warn"]) console[level] = (...a) => wrong.push(a.join(" "));
</script><meta http-equiv="Content-Security-Policy"
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">"""
# Runs after it: looks, acts as a reader would, and tells the page around the frame.
ACT = """<script>
const look = () => ({
  shades: [...document.querySelectorAll("#homes circle")].sort((a, b) => a.dataset.i - b.dataset.i)
    .map((dot) => dot.getAttribute("class")),
  fills: [...new Set([...document.querySelectorAll("#homes circle")].map((dot) => getComputedStyle(dot).fill))],
  tip: document.querySelector('#homes circle[data-i="1"] title').textContent,
  legend: document.getElementById("map-legend").innerText,
  box: document.getElementById("map").getAttribute("viewBox"),
});
const told = { width: innerWidth, page: document.documentElement.scrollWidth, before: look() };
const choice = document.getElementById("map-quantity");
choice.value = "unsupplied_s"; choice.dispatchEvent(new Event("change"));
told.after = look();
document.querySelector("[data-zoom]").click();
told.zoomed = look();
document.querySelector('[data-view="first"]').click();
told.back = look();
document.querySelector('#homes circle[data-i="1"]').dispatchEvent(new MouseEvent("click", { bubbles: true }));
told.picked = document.getElementById("map-pick").textContent;
told.wrong = wrong;
parent.postMessage(JSON.stringify(told), "*");
</script>"""
AROUND = """<!DOCTYPE html><body style="margin:0">
<iframe src="probe.html" style="border:0;width:{width}px;height:4000px"></iframe><pre id="told"></pre>
<script>addEventListener("message", (e) => {{ document.getElementById("told").textContent = e.data; }});</script>"""


def browse(folder: Path, *flags: str) -> str:
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-quic", "--hide-scrollbars",
             f"--user-data-dir={folder / 'profile'}")  # fmt: skip
    done = subprocess.run(
        [str(CHROMIUM), *quiet, *flags], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every section, two homes of which were without power."""
    folder = tmp_path_factory.mktemp("page")
    block = report_runs.calm()
    for leg in ("voltage_l1_v", "voltage_l2_v"):
        block.home[leg][:60, [1, 2]] = 0.0
    names = [f"home-{k}" for k in range(runs.HOMES - 1)] + ["x" * 90]  # one too long for a phone's line
    table = report_runs.homes(id=names, x=[0.0] * runs.HOMES)
    return write_report(
        report_runs.write(folder / "r.h5", block, table=table, study=True, events=3, full=(1, 6))
    )


def told(page: Path, width: int) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    probe = text.replace("<head>", f"<head>{LISTEN}", 1).replace("</body>", f"{ACT}</body>", 1)
    (page.parent / "probe.html").write_text(probe, encoding="utf-8")
    around = page.parent / "around.html"
    around.write_text(AROUND.format(width=width), encoding="utf-8")
    dom = browse(page.parent, "--virtual-time-budget=5000", "--dump-dom", around.as_uri())
    found = re.search(r'<pre id="told">(.+?)</pre>', dom, re.DOTALL)
    assert found, "the page did not finish"
    answer: dict[str, Any] = json.loads(unescape(found[1]))
    return answer


def test_the_page_lives_on_a_phone(page: Path) -> None:
    found = told(page, PHONE)
    assert found["wrong"] == []
    assert found["width"] == PHONE
    assert found["page"] <= PHONE, "the page scrolls sideways"

    before, after = found["before"], found["after"]
    assert before["shades"] == ["kx", "k0"] * 3 + ["kx"]  # every second home has an adapter
    assert after["shades"] == ["kx", "k0", "k0", "kx", "kx", "kx", "kx"]
    assert len(before["fills"]) == 2
    assert before["tip"] != after["tip"]
    assert "1 h" in after["tip"]
    assert before["legend"] != after["legend"]

    assert found["zoomed"]["box"] != before["box"]
    assert found["back"]["box"] == before["box"]
    assert "home-1" in found["picked"]
    assert "time without power 1 h" in found["picked"]


def test_a_picture_of_the_page_is_not_blank(page: Path) -> None:
    picture = page.parent / "page.png"
    browse(page.parent, f"--screenshot={picture}", "--window-size=1100,1600", page.as_uri())
    assert distinct_rows(picture.read_bytes()) > 300


def distinct_rows(png: bytes) -> int:
    """How many different (filtered) rows a PNG holds; a blank picture has a handful."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    data, at = b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        data += png[at + 8 : at + 8 + size] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + size
    stride = 1 + width * depth // 8 * {0: 1, 2: 3, 6: 4}[colour]
    rows = zlib.decompress(data)
    return len({rows[k * stride : (k + 1) * stride] for k in range(height)})
