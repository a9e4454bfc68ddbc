"""Protective devices under current: when they open, which phases, and whether they close again.

Whoever keeps the clock asks `next_operation` of every device that carries current or is not at rest, waits for the
earliest, brings all of them there with `advanced` (the currents being those of the interval that ends), and hands the
operation to `operated`. Time is in whole microseconds; currents are (4,): r.m.s. of phases a, b, c and of their sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from cosim.devices.protection import (
    GROUND,
    NEVER,
    PHASES,
    Currents,
    Element,
    Operation,
    Pole,
    ProtectiveDevice,
    Response,
    Shot,
)


def opening_s(device: ProtectiveDevice, current_a: Currents, shot: int = 0) -> float:
    """Time from rest until the current has stopped, at constant current; infinite if it never does."""
    operation = next_operation(device, Response({pole: Pole(shot=shot) for pole in device.poles}), current_a)
    return operation.after_us / 1e6 if operation and operation.does == "open" else math.inf


def next_operation(
    device: ProtectiveDevice, response: Response, current_a: Currents, dead: str = ""
) -> Operation | None:
    """What the device does next if its current stays as it is; None if nothing.

    Parameters
    ----------
    device, response
        Settings and state.
    current_a : (4,)
        R.m.s. current of phases a, b, c and of their sum [A].
    dead
        Phases without voltage on the feeding side; only sectionalizers ask.

    Returns
    -------
    The earliest; of poles that do the same at the same time, one operation with the conductors of all.
    """
    first: Operation | None = None
    for name in device.poles:
        found = _next(device, name, response.poles.get(name) or Pole(), current_a, dead)
        if found is None or (first is not None and found.after_us > first.after_us):
            continue
        if first is not None and found == replace(first, conductors=name):
            found = replace(first, conductors=first.conductors + name)
        elif first is not None and found.after_us == first.after_us:
            continue  # another kind of act at this instant: the next call tells it, with nothing left to wait
        first = found
    return first


def advanced(
    device: ProtectiveDevice, response: Response, current_a: Currents, elapsed_us: int, dead: str = ""
) -> Response:
    """The state after `elapsed_us` at constant current; not beyond what `next_operation` tells of."""
    if elapsed_us <= 0:
        return response
    poles = {}
    for name in device.poles:
        pole = response.poles.get(name) or Pole()
        pole = _advanced(device, name, pole, current_a, elapsed_us, dead)
        if pole != _AT_REST:
            poles[name] = pole
    return Response(poles)


def operated(device: ProtectiveDevice, response: Response, operation: Operation) -> Response:
    """The state right after an operation whose time has come."""
    poles = dict(response.poles)
    for name in device.poles:
        if not set(name) <= set(operation.conductors):
            continue
        pole = poles.get(name) or Pole()
        if operation.does == "close":
            poles[name] = replace(pole, open=False, closing_us=NEVER, quiet_us=0)
            continue
        dead_us = device.shots[pole.shot].dead_us if device.shots else None
        poles[name] = replace(
            pole,
            way=_carried_over(device, pole),
            open=True,
            locked=dead_us is None,
            opening_us=NEVER,
            closing_us=NEVER if dead_us is None else dead_us,
            shot=pole.shot + 1,
        )
    return Response(poles)


def _carried_over(device: ProtectiveDevice, pole: Pole) -> dict[str, float]:
    """The way of elements that look on in the next shot: the same disc, not another one in its place."""
    these, following = (
        device.shots[n].elements if n < len(device.shots) else () for n in (pole.shot, pole.shot + 1)
    )
    same = {k for k, (one, other) in enumerate(zip(these, following, strict=False)) if one == other}
    return {key: way for key, way in pole.way.items() if int(key[:-1]) in same}


def stood_open(device: ProtectiveDevice, response: Response, conductors: str = "") -> Response:
    """The state after somebody has opened it by hand: it stays open."""
    named = _poles_with(device, conductors)
    return Response({**response.poles, **{name: Pole(open=True, locked=True) for name in named}})


def restored(device: ProtectiveDevice, response: Response, conductors: str = "") -> Response:
    """The state after a link has been replaced or a device closed by hand: at rest, of all poles or those named."""
    named = _poles_with(device, conductors)
    return Response({name: pole for name, pole in response.poles.items() if name not in named})


def _poles_with(device: ProtectiveDevice, conductors: str) -> list[str]:
    return [name for name in device.poles if not conductors or set(name) & set(conductors)]


_AT_REST = Pole()
_NEARLY = math.nextafter(1.0, 0.0)


def _next(
    device: ProtectiveDevice, name: str, pole: Pole, current_a: Currents, dead: str
) -> Operation | None:
    if pole.open:
        if pole.closing_us < 0:
            return None
        return Operation(device.name, pole.closing_us, "close", name, False, "dead time", pole.shot)
    if not device.shots:
        count = pole.counted + _pulse_ends(pole, dead)
        if pole.opening_us < 0 and (count == pole.counted or count < device.counts):
            return None
        after = pole.opening_us if pole.opening_us >= 0 else device.opening_us
        return Operation(device.name, after, "open", name, True, f"count {count}", pole.shot + 1)
    shot = device.shots[min(pole.shot, len(device.shots) - 1)]
    if pole.opening_us >= 0:
        by = next((shot.elements[int(key[:-1])].name for key, way in pole.way.items() if way >= 1.0), "")
        after = pole.opening_us
    else:
        decided = _decision(device, shot, name, pole, current_a)
        if decided is None:
            return None
        after, by = decided[0] + decided[1], shot.elements[int(decided[2][:-1])].name
    return Operation(device.name, after, "open", name, shot.dead_us is None, by, pole.shot + 1)


def _decision(
    device: ProtectiveDevice, shot: Shot, name: str, pole: Pole, current_a: Currents
) -> tuple[int, int, str] | None:
    """When the first element is at its end, how long the opening takes from there [us], and which it is."""
    found: list[tuple[int, int, str]] = []
    for key, element, amperes in _looks(shot, name, current_a):
        seconds = element.seconds(amperes)
        if math.isfinite(seconds):
            left_us = max(0, round((1.0 - pole.way.get(key, 0.0)) * seconds * 1e6))
            found.append((left_us, device.opening_us + element.arc_us(amperes), key))
    return min(found, default=None)


def _looks(shot: Shot, name: str, current_a: Currents) -> Iterator[tuple[str, Element, float]]:
    """What each element of a shot looks at: key of its way, the element, its current [A]."""
    for number, element in enumerate(shot.elements):
        if element.sees == "ground":
            yield f"{number}{GROUND}", element, float(current_a[3])
        else:
            for phase in name:
                yield f"{number}{phase}", element, float(current_a[PHASES.index(phase)])


def _advanced(
    device: ProtectiveDevice, name: str, pole: Pole, current_a: Currents, elapsed_us: int, dead: str
) -> Pole:
    if not device.shots:
        return _counting(device, name, pole, current_a, elapsed_us, dead)
    shot = device.shots[min(pole.shot, len(device.shots) - 1)]
    picked_up, way = False, {}
    decided = None
    if not pole.open and pole.opening_us < 0:
        decided = _decision(device, shot, name, pole, current_a)
        decided = None if decided is None or decided[0] > elapsed_us else decided
    for key, element, amperes in _looks(shot, name, current_a):
        moving_us = elapsed_us if decided is None else decided[0]
        gone = _gone(element, pole.way.get(key, 0.0), 0.0 if pole.open else amperes, moving_us)
        picked_up |= element.seconds(amperes) < math.inf
        if decided is not None:
            gone = 1.0 if key == decided[2] else min(gone, _NEARLY)  # one of them has decided
        if gone > 0.0:
            way[key] = gone
    opening, closing, quiet, number = pole.opening_us, pole.closing_us, pole.quiet_us, pole.shot
    if pole.open:
        closing = max(0, closing - elapsed_us) if closing >= 0 else closing
    elif opening >= 0:
        opening, way = max(0, opening - elapsed_us), pole.way
    elif decided is not None:
        opening, quiet = max(0, decided[0] + decided[1] - elapsed_us), 0
    elif number and not picked_up:
        quiet += elapsed_us
        if quiet >= device.reset_us:
            number, quiet = 0, 0
    else:
        quiet = 0
    return replace(pole, way=way, opening_us=opening, closing_us=closing, quiet_us=quiet, shot=number)


def _gone(element: Element, way: float, amperes: float, elapsed_us: int) -> float:
    """How far an element has gone after some time at constant current."""
    seconds = element.seconds(amperes)
    if seconds == 0.0:
        return 1.0
    if math.isfinite(seconds):
        return min(1.0, way + elapsed_us * 1e-6 / seconds)
    if way == 0.0 or element.reset_s == 0.0:
        return 0.0
    multiple = min(1.0, amperes / element.pickup_a)
    return max(0.0, way - elapsed_us * 1e-6 * (1.0 - multiple**2) / element.reset_s)


def _pulse_ends(pole: Pole, dead: str) -> bool:
    """Whether what a sectionalizer saw is over because the line went dead."""
    return bool(pole.armed) and set(pole.armed) <= set(dead)


def _counting(
    device: ProtectiveDevice, name: str, pole: Pole, current_a: Currents, elapsed_us: int, dead: str
) -> Pole:
    if pole.open:
        return pole
    if pole.opening_us >= 0:
        return replace(pole, opening_us=max(0, pole.opening_us - elapsed_us))
    seen = {phase for phase in name if current_a[PHASES.index(phase)] >= device.actuating_a}
    if seen:
        return replace(pole, armed="".join(sorted(seen | set(pole.armed))), quiet_us=0)
    if _pulse_ends(pole, dead):
        counted = pole.counted + 1
        if counted >= device.counts:
            return Pole(counted=counted, opening_us=max(0, device.opening_us - elapsed_us))
        return _AT_REST if elapsed_us >= device.reset_us else Pole(counted=counted, quiet_us=elapsed_us)
    quiet = pole.quiet_us + elapsed_us
    # A fault that was cleared further on leaves the line alive: nothing to count.
    armed = pole.armed if set(pole.armed) & set(dead) else ""
    if quiet >= device.reset_us or not (pole.counted or armed):
        return _AT_REST
    return replace(pole, armed=armed, quiet_us=quiet)
