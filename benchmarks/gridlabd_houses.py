"""GridLAB-D's house_e as a peer: twenty homes, a winter and a summer week, weather and parameters alike.

``python -m benchmarks.gridlabd_houses [--figure PATH]`` prints the table of docs/houses.md and draws its figure.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pvlib

from cosim.demand import house, house_kernels, house_weather
from cosim.demand.house import BTU_PER_H_W, FAHRENHEIT_K, FOOT_M, HouseBlock

# Month, size of the machine and of its strips [Btu/h].
WEEKS = {"winter": (1, 60000, 40000), "summer": (7, 30000, 40000), "winter, undersized": (1, 24000, 20000)}

HOMES, DAYS, GAINS_W = 20, 7, 600.0
CYCLE_S = 30  # shorter than the usual 120 s, in which a large machine runs on well past the dead band
MINUTES = 1440 * DAYS - 60  # GridLAB-D's recorders end a minute early: the last hour is left out

SKY = """clock {{ timezone GMT0; starttime '{start}'; stoptime '{stop}'; }}
module tape;
module residential {{ implicit_enduses NONE; }}
module climate;
object climate {{ latitude 36.1; longitude -4.95; tz_meridian 0;
  object player {{ property temperature; file temperature.player; }};
  object player {{ property humidity; file humidity.player; }};
  object player {{ property solar_direct; file direct.player; }};
  object player {{ property solar_diffuse; file diffuse.player; }};
}}
"""
HOME = """object house {{ floor_area {area:.0f}; thermal_integrity_level GOOD; heating_system_type HEAT_PUMP;
  cooling_system_type ELECTRIC; auxiliary_system_type ELECTRIC; auxiliary_strategy DEADBAND;
  air_temperature {air:.6f}; mass_temperature {air:.6f}; heating_setpoint 70; cooling_setpoint 75;
  design_heating_capacity {pump}; design_cooling_capacity {pump}; auxiliary_heat_capacity {strips};
  fan_design_power 400; thermostat_cycle_time {cycle_s};
  object ZIPload {{ base_power 0.6; heatgain_fraction 1.0; power_fraction 1.0; current_fraction 0;
    impedance_fraction 0; power_pf 1.0; }};
  object recorder {{ property air_temperature,energy,solar_gain; interval 60; file home{i}.csv; }};
}}
"""


@dataclass
class Week:
    """Both sides of a week: energy by home and hour [kWh], air by home and minute [degC]."""

    ours: HouseBlock
    our_kwh: np.ndarray
    their_kwh: np.ndarray
    their_air_c: np.ndarray

    @property
    def hourly_kw(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean home of each hour [kW], ours and theirs."""
        return self.our_kwh.mean(axis=0), self.their_kwh.mean(axis=0)

    @property
    def rms(self) -> float:
        """Difference of the mean home's hours, r.m.s. over their peak."""
        ours, theirs = self.hourly_kw
        return float(np.sqrt(np.mean((ours - theirs) ** 2)) / theirs.max())


def week(folder: Path, month: int, pump_btuh: float, strips_btuh: float) -> Week:
    """The week from the 10th of a month in Greensboro (TMY3), each hour's weather held through it."""
    tmy = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    year = pvlib.iotools.read_tmy3(tmy, coerce_year=2001, map_variables=True)[0]
    first = np.flatnonzero((year.index.month == month) & (year.index.day == 10))[0]
    rows = year.iloc[first : first + 24 * DAYS]
    outdoor_c = rows["temp_air"].to_numpy(float)
    humidity = rows["relative_humidity"].to_numpy(float) / 100.0
    start = datetime.datetime(2001, month, 10)
    hours = [start + datetime.timedelta(hours=i) for i in range(24 * DAYS)]

    def player(name: str, values: np.ndarray) -> None:
        text = "\n".join(f"{at},{value:.9g}" for at, value in zip(hours, values, strict=True))
        (folder / f"{name}.player").write_text(text)

    player("temperature", 32.0 + outdoor_c / FAHRENHEIT_K)
    player("humidity", humidity)
    player("direct", rows["dni"].to_numpy(float) * FOOT_M**2)
    player("diffuse", rows["dhi"].to_numpy(float) * FOOT_M**2)

    rng = np.random.default_rng(month)
    areas, indoor_f = np.round(rng.uniform(1200, 2000, HOMES)), 72.5 + rng.uniform(-1, 1, HOMES)
    text = SKY.format(start=start, stop=start + datetime.timedelta(days=DAYS))
    for i, (area, air) in enumerate(zip(areas, indoor_f, strict=True)):
        text += HOME.format(i=i, area=area, air=air, pump=pump_btuh, strips=strips_btuh, cycle_s=CYCLE_S)
    (folder / "week.glm").write_text(text)
    script = "import gridlabd; g = gridlabd.GridLabD(); g.load('week.glm'); g.run(); g.finalize()"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True, timeout=300)
    theirs = np.array([_recorded(folder / f"home{i}.csv") for i in range(HOMES)])

    shell = house.envelope(["good"] * HOMES, areas * FOOT_M**2)
    homes = house.houses(
        shell,
        ["gridlabd"] * HOMES,
        pump_heat_w=pump_btuh * BTU_PER_H_W,
        cool_w=pump_btuh * BTU_PER_H_W,
        strip_w=strips_btuh * BTU_PER_H_W,
        heat_fan_w=400.0,
        cool_fan_w=400.0,
    )
    homes.rows[:, [house_kernels.MIN_ON_S, house_kernels.MIN_OFF_S]] = CYCLE_S
    state = house.initial(homes.rows, 20.0, 20.0, 20.0, np.zeros(HOMES))
    state[:, :2] = ((indoor_f - 32.0) * FAHRENHEIT_K)[:, None]
    minutes = np.repeat(np.arange(24 * DAYS), 60)[:MINUTES]
    ours = house.run(
        homes,
        state,
        conditions=house_weather.conditions(homes.equipment, outdoor_c[minutes], humidity[minutes]),
        sun_w=theirs[:, :MINUTES, 2] * BTU_PER_H_W,
        gains_w=GAINS_W,
        heat_c=(70.0 - 32.0) * FAHRENHEIT_K,
        cool_c=(75.0 - 32.0) * FAHRENHEIT_K,
        seconds=np.full(MINUTES, 60.0),
        parallel=False,
    )
    return Week(
        ours,
        ours.total_w.reshape(HOMES, -1, 60).sum(axis=2) / 6e4,
        np.diff(theirs[:, : MINUTES + 1 : 60, 1], axis=1),
        (theirs[:, 1 : MINUTES + 1, 0] - 32.0) * FAHRENHEIT_K,
    )


def _recorded(path: Path) -> np.ndarray:
    """(minutes, 3): air [F], energy [kWh], sun [Btu/h]."""
    rows = [line.split(",") for line in path.read_text().splitlines() if not line.startswith("#")]
    return np.array([[float(air), complex(energy).real, float(sun)] for _, air, energy, sun in rows])


def main() -> None:
    """Print the table, draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gridlabd_houses", description=__doc__)
    parser.add_argument("--figure", type=Path, help="SVG file to draw")
    options = parser.parse_args()
    print("| week | cosim kWh | GridLAB-D kWh | energy | hours, r.m.s. of peak | air °C | GridLAB-D's |")
    print("|---|---|---|---|---|---|---|")
    found = {}
    for name, kind in WEEKS.items():
        with tempfile.TemporaryDirectory() as folder:
            both = found[name] = week(Path(folder), *kind)
        ours, theirs = both.our_kwh.sum(), both.their_kwh.sum()
        spans = [
            f"{x[:, 1440:].min():.2f} to {x[:, 1440:].max():.2f}" for x in (both.ours.air_c, both.their_air_c)
        ]
        print(
            f"| {name} | {ours:.1f} | {theirs:.1f} | {100 * (ours / theirs - 1):+.3f} % | {100 * both.rms:.2f} % | "
            + " | ".join(spans)
            + " |"
        )
    if options.figure:
        options.figure.write_text(draw(found) + "\n", encoding="utf-8")


def draw(found: dict[str, Week]) -> str:
    """Mean home by the hour, every fourth of theirs as a point on our lines."""
    from cosim.studies.hot_socket_charts import Axis, Curve, xy_chart

    curves = []
    for name in ("winter", "summer"):
        ours, theirs = found[name].hourly_kw
        day = (np.arange(len(ours)) + 0.5) / 24.0
        curves += [
            Curve(f"{name}, cosim", day, ours),
            Curve(f"{name}, GridLAB-D", day[2::4], theirs[2::4], dots=True),
        ]
    top = max(curve.y.max() for curve in curves)
    return xy_chart(
        "Heating and cooling of the mean of 20 homes",
        Axis("day", 0.0, 7.0),
        Axis("kW", 0.0, float(np.ceil(top + 1.5))),
        curves,
    )


if __name__ == "__main__":
    main()
