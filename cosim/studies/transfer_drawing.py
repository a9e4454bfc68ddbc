"""A state machine as SVG: states in a column, ways forward on the right, ways back on the left, each with its number.

A box shows what the contacts do: grid, panel and source in a row, joined where a contactor is closed. Ways run in
lanes of their own; a person's are dashed, an error's are red and dotted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cosim.transfer_entry import StateEntry, TransferEntry, TransitionEntry

BOX, HEAD, PORT, GAP, LANE, EDGE = 236, 46, 17, 20, 22, 14
LETTER = 6.6  # mean width of a letter of a title
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.n{font-size:10px;text-anchor:middle}.s{font-size:10px;fill:#666}"
    ".b{fill:#fff;stroke:#444}.b.first{stroke-width:2.5}.w{fill:none;stroke:#0072b2;stroke-width:1.4}"
    ".w.person{stroke-dasharray:6 3;stroke:#7a5200}.w.error{stroke-dasharray:2 3;stroke:#b3261e}"
    ".c{fill:#fff;stroke:#888}.a{fill:#0072b2}.a.person{fill:#7a5200}.a.error{fill:#b3261e}"
    ".k{stroke:#222;stroke-width:2.2}.o{stroke:#999;stroke-width:1.4;fill:none}.d{fill:#222}"
)


class Way(NamedTuple):
    """One arrow: its number, ends, who goes it ("device", "person" or "error"), and the entry it is drawn from."""

    number: int
    start: str
    end: str
    who: str
    entry: TransitionEntry


def ways(entry: TransferEntry) -> list[Way]:
    """Every transition in the order of the file, numbered from 1; an error follows the step it spoils."""
    found: list[Way] = []
    for name, state in entry.states.items():
        for leave in state.leave:
            found.append(Way(len(found) + 1, name, leave.to, leave.by, leave))
            if leave.errs is not None:
                found.append(Way(len(found) + 1, name, leave.errs.to, "error", leave))
    return found


@dataclass
class _Box:
    top: float
    height: float
    ports: dict[tuple[str, int, int], float]


def drawing(entry: TransferEntry) -> str:
    """The machine as a self-contained SVG; the same entry gives the same bytes."""
    order = {name: row for row, name in enumerate(entry.states)}
    arrows = ways(entry)
    side = {way.number: "right" if order[way.end] > order[way.start] else "left" for way in arrows}
    lanes = {
        which: _lanes([(way, order) for way in arrows if side[way.number] == which])
        for which in ("right", "left")
    }
    wide = {which: max(found.values(), default=-1) + 1 for which, found in lanes.items()}
    left = EDGE + LANE * (wide["left"] + 1)
    boxes, bottom = _boxes(entry, arrows, side, order)
    across = max(BOX, *(28 + round(LETTER * len(state.title)) for state in entry.states.values()))
    width = left + across + LANE * (wide["right"] + 1) + EDGE
    body = [*_boxes_svg(entry, boxes, left, across)]
    for way in arrows:
        which = side[way.number]
        lane = lanes[which][way.number]
        face = left + across if which == "right" else left
        out = face + (1 if which == "right" else -1) * LANE * (lane + 1)
        body += _way_svg(way, boxes, which, face, out)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {bottom:g}" width="{width:g}" '
        f'height="{bottom:g}" role="img"><title>{escape(entry.title)}</title><style>{STYLE}</style>'
        f'<rect width="{width:g}" height="{bottom:g}" fill="#fff"/>' + "".join(body) + "</svg>\n"
    )


def _lanes(arrows: Sequence[tuple[Way, dict[str, int]]]) -> dict[int, int]:
    """A lane for each way, short ones nearest to the boxes, so that no two share one where they overlap."""
    taken: list[list[tuple[int, int]]] = []
    found: dict[int, int] = {}
    spans = sorted(
        (abs(order[w.end] - order[w.start]), *sorted((order[w.start], order[w.end])), w.number)
        for w, order in arrows
    )
    for _, low, high, number in spans:
        lane = next(
            (k for k, row in enumerate(taken) if all(high < a or b < low for a, b in row)), len(taken)
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        found[number] = lane
    return found


def _boxes(
    entry: TransferEntry, arrows: Sequence[Way], side: dict[int, str], order: dict[str, int]
) -> tuple[dict[str, _Box], float]:
    """Where each box stands and at which height each way leaves or enters it."""
    boxes: dict[str, _Box] = {}
    top = float(EDGE)
    for name in entry.states:
        ends: dict[str, list[tuple[int, int, int]]] = {"right": [], "left": []}
        for way in arrows:
            for last, own, other in ((0, way.start, way.end), (1, way.end, way.start)):
                if own == name:
                    ends[side[way.number]].append((order[other], last, way.number))
        height = max(HEAD, PORT * max(len(found) for found in ends.values()) + 8)
        ports = {
            (which, number, last): top + height * (row + 1) / (len(found) + 1)
            for which, found in ends.items()
            for row, (_, last, number) in enumerate(sorted(found))
        }
        boxes[name] = _Box(top, height, ports)
        top += height + GAP
    return boxes, top - GAP + EDGE


def _boxes_svg(entry: TransferEntry, boxes: dict[str, _Box], left: float, across: int) -> Iterator[str]:
    for name, box in boxes.items():
        state = entry.states[name]
        kind = " first" if name == entry.initial else ""
        middle = box.top + 0.5 * box.height
        yield (
            f'<rect class="b{kind}" x="{left:g}" y="{box.top:.1f}" width="{across}" height="{box.height:.1f}" rx="6"/>'
            f'<text x="{left + 14:g}" y="{middle - 5:.1f}">{escape(state.title)}</text>'
        )
        yield from _contacts(state, left + 14, middle + 12)


def _contacts(state: StateEntry, x: float, y: float) -> Iterator[str]:
    """Grid, panel and source with the contactors between them, and what else the state asks for."""
    at = (x + 3, x + 43, x + 83)
    for begin, end, position in ((at[0], at[1], state.service), (at[1], at[2], state.source)):
        if position == "closed":
            yield f'<path class="k" d="M{begin:g} {y:.1f}H{end:g}"/>'
        else:
            blade = f"M{begin:g} {y:.1f}H{begin + 13:g}L{end - 14:g} {y - 8:.1f}"
            yield f'<path class="o" d="{blade}M{end - 12:g} {y:.1f}H{end:g}"/>'
    for place in at:
        yield f'<circle class="d" cx="{place:g}" cy="{y:.1f}" r="3"/>'
    asked = [f"engine {state.engine}" if state.engine else "", "sheds loads" if state.sheds else ""]
    said = ", ".join(filter(None, [*asked, "cords" if state.cords else ""]))
    if said:
        yield f'<text class="s" x="{x + 98:g}" y="{y + 3:.1f}">{said}</text>'


def _way_svg(way: Way, boxes: dict[str, _Box], which: str, face: float, out: float) -> Iterator[str]:
    start, end = boxes[way.start].ports[which, way.number, 0], boxes[way.end].ports[which, way.number, 1]
    tip = face + (6 if which == "right" else -6)
    yield f'<path class="w {way.who}" d="M{face:g} {start:.1f}H{out:g}V{end:.1f}H{tip:g}"/>'
    yield f'<path class="a {way.who}" d="M{face:g} {end:.1f}L{tip:g} {end - 4:.1f}V{end + 4:.1f}Z"/>'
    yield f'<circle class="c" cx="{out:g}" cy="{0.5 * (start + end):.1f}" r="8"/>'
    yield f'<text class="n" x="{out:g}" y="{0.5 * (start + end) + 3.5:.1f}">{way.number}</text>'
