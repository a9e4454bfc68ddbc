"""Cards about homes: rules of their utility, jaws, cars, rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosim.report.answer import Answer
from cosim.report.formatting import counted, number
from cosim.results.layout import ROOM_HIGH_C, ROOM_LOW_C, WATER_LOW_C

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosim.results.summary import Summary


def rules(summary: Summary) -> Iterator[Answer]:
    """What the utility asks of its sockets, if homes were held against anything."""
    site = summary.site
    if site is None:
        return
    asked = f"Rules of {site.utility}" if site.utility else "No utility is named; what holds at any socket"
    rules = f": {site.rules}" if site.rules else ""
    detail = (
        f"{asked}{rules}. Something is not judged at {counted(site.unjudged, 'home')}; {counted(site.barred, 'home')} "
        "without an adapter could take none."
    )
    figure = f"{counted(site.broken, 'home')} break one" if site.broken else "yes, where judged"
    state, said = ("bad", "broken") if site.broken else ("watch" if site.unjudged else "good", "")
    yield Answer("Do homes follow their utility's rules?", figure, detail, state, said)


def jaws(summary: Summary) -> Iterator[Answer]:
    """What years left of the jaws, if any are not as new."""
    jaws = summary.jaws
    if jaws is None:
        return
    glow = (
        f"{counted(jaws.glowing, 'home')} with one that glows at its usual current. " if jaws.glowing else ""
    )
    detail = (
        f"Of {counted(jaws.homes, 'home')} whose jaws are drawn and aged. {glow}Hottest: {jaws.hottest}, {jaws.joint}, "
        f"{number(100 * jaws.force_share)} % of its force, {number(jaws.micro_ohm)} µΩ after "
        f"{number(jaws.years)} years, jaws rose {number(jaws.rise_k)} K. Estimates, see models/contacts."
    )
    state = "bad" if jaws.glowing else "watch" if jaws.poor else "good"
    figure = f"poor at {counted(jaws.poor, 'home')}" if jaws.poor else "none poor"
    yield Answer("Have jaws gone poor?", figure, detail, state)


def cars(summary: Summary) -> Iterator[Answer]:
    """Whether cars were full when they left."""
    cars = summary.cars
    if cars is None or not cars.departures:
        return
    worst = f" Most was missing at {cars.worst_home}, {number(cars.worst_kwh)} kWh." if cars.short else ""
    detail = (
        f"{counted(cars.count, 'car')} left {counted(cars.departures, 'time')}; more than a hundredth of the battery "
        f"was missing at {number(cars.short)} of them, {number(cars.missing_kwh)} kWh in all.{worst}"
    )
    figure = f"not full {counted(cars.short, 'time')}" if cars.short else "full at every departure"
    yield Answer("Do cars leave full?", figure, detail, "watch" if cars.short else "good")


def comfort(summary: Summary) -> Iterator[Answer]:
    """Rooms, water and loads held off, where demand knows them."""
    found = summary.comfort
    if found is None:
        return
    shed = (
        f" {counted(found.shed_homes, 'home')} held off {number(found.shed_kwh)} kWh to stay within their service."
        if found.shed_homes
        else ""
    )
    detail = (
        f"Coldest {found.coldest}, {number(found.coldest_c)} °C; hottest {found.hottest}, {number(found.hottest_c)} °C."
        f" Below {number(ROOM_LOW_C)} °C: {counted(found.cold, 'home')}, {number(found.cold_h)} home-hours; above "
        f"{number(ROOM_HIGH_C)} °C: {counted(found.hot, 'home')}, {number(found.hot_h)} home-hours; water below "
        f"{number(WATER_LOW_C)} °C: {counted(found.cool_water, 'home')}, {number(found.cool_water_h)} home-hours.{shed}"
    )
    hours = found.cold_h + found.hot_h
    figure = f"{number(hours)} h outside" if hours else "yes, at every home"
    yield Answer("Do rooms stay habitable?", figure, detail, "watch" if hours else "good")
