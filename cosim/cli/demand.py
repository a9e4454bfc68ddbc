"""Commands about what homes draw together: demand diversity, demand pickup."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.runs import JsonOption
from cosim.cli.shell import Commands, print_json, print_table

if TYPE_CHECKING:
    from cosim.studies.street import Street

app = typer.Typer(
    cls=Commands, no_args_is_help=True, help="What homes draw together: diversity, pickup after an outage."
)

HouseholdOption = Annotated[
    str,
    typer.Option("--household", help="Entry of models/households that all homes are; drawn if not given."),
]
ElectrifyOption = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of homes whose gas gives way to electricity.")
]
CarsOption = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of homes with a car.")]
CarKwOption = Annotated[float, typer.Option(min=1.4, max=20.0, help="What a car's charger gives \\[kW].")]
HomesOption = Annotated[int, typer.Option(min=1, help="Homes to draw.")]
WeatherOption = Annotated[str, typer.Option(help="Weather, as in a scenario.")]
ZoneOption = Annotated[str, typer.Option(help="Time zone, as in a scenario.")]
StartOption = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all draws.")]
FigureOption = Annotated[
    Path | None, typer.Option("--figure", help="SVG file to draw.", dir_okay=False, show_default=False)
]


@app.command()
def diversity(
    household: HouseholdOption = "",
    electrify: ElectrifyOption = 0.0,
    cars: CarsOption = 0.0,
    car_kw: CarKwOption = 11.5,
    homes: HomesOption = 400,
    start: StartOption = datetime(2026, 1, 10),
    days: Annotated[int, typer.Option(min=1, max=366, help="Days.")] = 7,
    weather: WeatherOption = "tmy3:greensboro",
    timezone: ZoneOption = "America/New_York",
    size: Annotated[list[int] | None, typer.Option(min=1, help="Homes in a group; may be repeated.")] = None,
    interval: Annotated[int, typer.Option(min=1, max=60, help="Minutes a meter averages over.")] = 15,
    draws: Annotated[int, typer.Option(min=1, help="Groups of each size.")] = 200,
    seed: SeedOption = 1,
    figure: FigureOption = None,
    json: JsonOption = False,
) -> None:
    """Coincident peak per home, and diversity factor, of groups of homes.

    Examples:
      cosim demand diversity --household heat-pump
      cosim demand diversity --start 2026-07-10 --interval 1 --size 1 --size 25 --figure diversity.svg
    """
    from cosim.errors import Problem, ScenarioError
    from cosim.studies.coincidence import SIZES, coincidence, intervals, run
    from cosim.studies.coincidence_figures import diversity_chart
    from cosim.studies.street import typical

    sizes = tuple(sorted(set(size or [usual for usual in SIZES if usual <= homes])))
    if sizes[-1] > homes:
        raise ScenarioError([Problem(f"a group cannot have more than the {homes} homes", key="--size")])
    drawn = _street(homes, start, days, household, electrify, cars, car_kw, weather, timezone, seed)
    power = run(drawn.demand, drawn.demand.initial(), 0, drawn.steps, homes)[0]
    found = coincidence(intervals(power, interval), sizes=sizes, draws=draws, seed=seed)
    if figure:
        title = f"Peak per home, means of {interval} min"
        figure.write_text(diversity_chart(title, found) + "\n", encoding="utf-8")
    if json:
        print_json({"interval_min": interval, "home": typical(power), "groups": found.table()})
        return
    one = typical(power)
    typer.echo(
        f"a home's minutes: mean {one['mean_kw']:.2f} kW, 99 % below {one['p99_kw']:.1f} kW, "
        f"highest {one['highest_kw']:.1f} kW ({one['highest_kw_low']:.1f} to {one['highest_kw_high']:.1f})"
    )
    print_table(
        ("homes", "peak kW a home", "5 to 95 %", "diversity factor", "5 to 95 %"),
        [
            (
                row["homes"],
                f"{row['peak_kw']:.2f}",
                f"{row['peak_kw_low']:.2f} to {row['peak_kw_high']:.2f}",
                f"{row['diversity']:.2f}",
                f"{row['diversity_low']:.2f} to {row['diversity_high']:.2f}",
            )
            for row in found.table()
        ],
    )


@app.command()
def pickup(
    household: HouseholdOption = "",
    electrify: ElectrifyOption = 0.0,
    cars: CarsOption = 0.0,
    car_kw: CarKwOption = 11.5,
    homes: HomesOption = 200,
    back: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%dT%H:%M"], help="When power returns, wall clock.")
    ] = datetime(2026, 1, 11, 18, 0),
    hours: Annotated[
        list[float] | None,
        typer.Option(
            min=0.02, max=48.0, help="Length of an outage; may be repeated. 0.5, 1, 2, 4 if not given."
        ),
    ] = None,
    after: Annotated[float, typer.Option(min=0.5, max=48.0, help="Hours to follow it.")] = 6.0,
    weather: WeatherOption = "tmy3:greensboro",
    timezone: ZoneOption = "America/New_York",
    seed: SeedOption = 1,
    figure: FigureOption = None,
    json: JsonOption = False,
) -> None:
    """Load after outages of several lengths, over what it would have been.

    Examples:
      cosim demand pickup --household heat-pump
      cosim demand pickup --back 2026-07-12T17:00 --hours 1 --hours 3 --figure pickup.svg
    """
    import math
    from datetime import timedelta

    from cosim.studies.coincidence import pickup as after_outages
    from cosim.studies.coincidence_figures import pickup_chart

    lengths = sorted(set(hours or (0.5, 1.0, 2.0, 4.0)))
    first = back - timedelta(hours=max(lengths) + 1.0)  # demand has settled when it begins
    days = math.ceil(
        (back + timedelta(hours=after) - datetime(first.year, first.month, first.day)) / timedelta(days=1)
    )
    drawn = _street(homes, first, days, household, electrify, cars, car_kw, weather, timezone, seed)
    found = after_outages(drawn.demand, homes, drawn.step_of(back), lengths, after_hours=after)
    if figure:
        figure.write_text(pickup_chart("Load after an outage", found) + "\n", encoding="utf-8")
    rows = [
        {
            "hours": one.hours,
            "usual_kw": float(one.undisturbed_w[:, :60].mean() / 1e3),
            "highest": one.highest,
            "quarter_hour": one.within(15.0),
            "hour": one.within(60.0),
            "settled_minutes": one.settled_minutes,
        }
        for one in found
    ]
    if json:
        print_json({"back": back.isoformat(), "homes": homes, "outages": rows})
        return
    typer.echo(f"undisturbed, {rows[0]['usual_kw']:.2f} kW a home in the hour from {back:%Y-%m-%d %H:%M}")
    print_table(
        ("hours out", "highest 5 min", "first 15 min", "first hour", "settled after"),
        [
            (
                f"{row['hours']:g}",
                f"{row['highest']:.2f}",
                f"{row['quarter_hour']:.2f}",
                f"{row['hour']:.2f}",
                f"{row['settled_minutes']:.0f} min" if math.isfinite(row["settled_minutes"]) else "later",
            )
            for row in rows
        ],
    )


def _street(
    homes: int,
    start: datetime,
    days: int,
    household: str,
    electrify: float,
    cars: float,
    car_kw: float,
    weather: str,
    timezone: str,
    seed: int,
) -> Street:
    from cosim.studies.street import street

    return street(
        homes,
        start,
        days,
        household=household,
        electrify=electrify,
        cars=cars,
        car_kw=car_kw,
        weather=weather,
        timezone=timezone,
        seed=seed,
    )
