"""What an adapter's entry may hold: identity, ratings, diagram, and its body (`cosim.heat_body`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cosim.entries import Confidence, Entry, Frozen, Quantity, of
from cosim.heat_body import HeatModel
from cosim.ul414 import UL_414_TESTS, TestKey
from cosim.varistor_entry import Clamp

Kind = Literal[
    "der-connection",
    "ev-connection",
    "islanding",
    "portable-generator",
    "load-control",
    "form-conversion",
    "surge",
    "communication",
    "socket",
    "second-socket",
    "transfer-switch",
    "interlock",
    "cord",
    "not found",
]
YesNo = Literal["yes", "no", "not found"]

Ampere = Annotated[Quantity, of("A", 0.1, 1e6, known=False)]
Second = Annotated[Quantity, of("s", known=False)]
Ratio = Annotated[Quantity, of("1", 0.0, 1.5)]
Spaced = Annotated[Quantity, of("m", 0.0, 1.0, known=False)]
Ambient = Annotated[Quantity, of("degC", -100.0, 200.0, known=False)]
Source = Annotated[str, Field(min_length=3)]


class ShortCircuit(Frozen):
    """A short-circuit rating and the part of the product it holds for, and for no other."""

    applies_to: Literal["der-branch", "meter-jaws", "contactor", "product"]
    rating_a: Ampere


class Transfer(Frozen):
    """How an islanding or generator adapter leaves the grid and comes back.

    Parameters
    ----------
    automatic
        Whether it acts without a person.
    source
        What feeds the home then.
    opening_s, transfer_s
        From the loss of the grid to the open service, and to the home fed again.
    reconnect_s
        From a good grid to the home back on it, by grid code or rule.
    dropout, pickup
        Shares of nominal voltage below which the grid counts as lost and above which as back.
    start_s, warm_up_s
        Wait before a generator is started, and from its start to its load.
    operation
        What a person does, in order; where the transfer is not automatic.
    """

    automatic: bool
    source: Literal["battery", "generator"]
    opening_s: Second
    transfer_s: Second
    reconnect_s: dict[str, Second]
    dropout: Ratio | None = None
    pickup: Ratio | None = None
    start_s: Second | None = None
    warm_up_s: Second | None = None
    operation: str = ""


class Diagram(Frozen):
    """Where the branch is tapped and where the service is opened, seen from the meter.

    Grid current runs from the service to the tap, load current from the tap to the panel, branch current
    into what hangs on the tap; as phasors grid = load + branch. `tapped` says what does: a home's solar or car
    that is not among it hangs on the panel, and so does its battery.
    """

    tap: Literal["none", "line-side", "load-side"]
    tapped: tuple[Literal["solar", "car", "generator"], ...] = ()
    contactor: Literal["none", "line-side", "load-side"]
    opens_neutral: YesNo
    text: str
    source: str
    confidence: Confidence

    @model_validator(mode="after")
    def _hangs(self) -> Diagram:
        if self.tapped and self.tap == "none":
            raise ValueError("tapped names what hangs on a tap, but tap is 'none'")
        if len(set(self.tapped)) < len(self.tapped):
            raise ValueError("tapped names something twice")
        return self


class Protection(Frozen):
    """Whether a product protects against something, and who says so."""

    has: YesNo
    source: Source
    confidence: Confidence

    @model_validator(mode="after")
    def _known(self) -> Protection:
        if (self.has == "not found") != (self.confidence == "not found"):
            raise ValueError("has and confidence are 'not found' together or not at all")
        return self


class Protections(Frozen):
    """What a product does by itself, row by row as utilities compare backup products."""

    automatic_transfer: Protection
    reconnection: Protection
    phase_loss: Protection
    overload: Protection
    surge: Protection
    backfeed: Protection


class Spacing(Frozen):
    """Distance through air and along the surface between two conductors; what a dielectric verdict needs."""

    between: Literal["opposite-polarity", "live-enclosure", "open-contacts"]
    clearance_m: Spaced
    creepage_m: Spaced
    material_group: Literal["I", "II", "IIIa", "IIIb", "not found"] = "not found"
    pollution_degree: Annotated[int, Field(ge=1, le=4)] = 3


class JawGrip(Frozen):
    """How a jaw holds a blade: fingers on each side and the normal force of one finger."""

    fingers: Annotated[Quantity, of("1", 1.0, 20.0)]
    force_n: Annotated[Quantity, of("N")]


class CertificationRow(Frozen):
    """What is known of one type test: passed by a report, stated to be passed, or not found."""

    test: TestKey
    status: Literal["passed", "stated", "not found"]
    document: str = ""
    source: Source
    confidence: Confidence

    @model_validator(mode="after")
    def _honest(self) -> CertificationRow:
        if (self.status == "not found") != (self.confidence == "not found"):
            raise ValueError("status and confidence are 'not found' together or not at all")
        if self.status == "passed" and not self.document:
            raise ValueError("a passed test names its report in document; without one it is 'stated'")
        return self


class CertificationRows(CertificationRow):
    """Several rows that say the same, as a file may write them: `test` lists them."""

    test: tuple[TestKey, ...]  # type: ignore[assignment]


class Approval(Frozen):
    """What a utility says of the product; approval is per product, never per maker."""

    utility: str
    status: Literal["approved", "pilot", "pending", "not approved"]
    source: Source
    confidence: Confidence


class Installation(Frozen):
    """How long an installation takes on site, and who does it."""

    minutes: Annotated[Quantity, of("min", known=False)]
    outage_minutes: Annotated[Quantity, of("min", known=False)] | None = None
    who: Literal["utility", "joint-meet", "installer", "electrician", "customer", "by utility", "not found"]
    source: Source


class AmbientRange(Frozen):
    """Air temperatures a product is made for."""

    lowest: Ambient
    highest: Ambient


def _spread(rows: Any) -> Any:
    """One row for each test of a row that lists several."""
    if not isinstance(rows, (list, tuple)):
        return rows
    spread: list[Any] = []
    for row in rows:
        tests = row.get("test") if isinstance(row, dict) else None
        if isinstance(tests, (list, tuple)):
            spread += [{**row, "test": test} for test in tests]
        else:
            spread.append(row)
    return tuple(spread)


def _every_test(rows: tuple[CertificationRow, ...]) -> tuple[CertificationRow, ...]:
    """All tests of UL 414 once each, or no record at all."""
    tests = [row.test for row in rows]
    if twice := sorted({test for test in tests if tests.count(test) > 1}):
        raise ValueError(f"one row a test, but {', '.join(twice)} stands there twice")
    if tests and (missing := [test for test in UL_414_TESTS if test not in tests]):
        raise ValueError(
            f"no row for {', '.join(missing)}; write status = 'not found' where nothing is known"
        )
    return rows


class Managed(Frozen):
    """What a product holds back to keep the home inside its service, and the share of the rating it keeps to."""

    car: YesNo
    loads: YesNo
    limit_share: Annotated[Quantity, of("1", 0.05, 1.0)]
    source: Source
    confidence: Confidence


class AdapterEntry(Entry):
    """A meter socket adapter with its meter, or what stands in its place for comparison.

    Parameters
    ----------
    form
        ANSI meter form of the socket; empty for what holds no meter.
    converts_to
        Meter form that fits on top, where it differs from that of the socket.
    socket
        Entry of ``models/sockets`` that its body stands in; no rating may be above its own.
    socket_min_a
        Smallest socket that the maker or a utility states it for, where its own rating is higher.
    jaws
        Of the meter socket; left out for what holds no meter.
    machine
        Entry of ``models/transfer`` that says how it behaves in an outage; empty for what leaves no grid.
    clamp
        What it clamps surges with, where that is known.
    """

    kind: Kind
    owner: Literal["customer", "utility", "mixed", "third-party"]
    maker: str = ""
    catalogue: tuple[str, ...] = ()
    standards: tuple[str, ...] = ()
    meter_mounted: bool = True
    form: str
    converts_to: str = ""
    socket: str = ""
    socket_min_a: Ampere | None = None
    rating_a: Annotated[Quantity, of("A", 1.0, 1e4)]
    volts: Annotated[Quantity, of("V", 24.0, 1000.0)]
    jaws: Annotated[Quantity, of("1", 4, 7, known=False)] | None = None
    branch_rating_a: Ampere | None = None
    der_breaker: str = ""
    short_circuit: tuple[ShortCircuit, ...]
    transfer: Transfer | None = None
    machine: str = ""
    clamp: Clamp | None = None
    protections: Protections | None = None
    manages: Managed | None = None
    installation: Installation | None = None
    operating_c: AmbientRange | None = None
    approvals: tuple[Approval, ...] = ()
    spacings: tuple[Spacing, ...] = ()
    jaw_grip: JawGrip | None = None
    certification: Annotated[
        tuple[CertificationRow, ...],
        BeforeValidator(_spread, json_schema_input_type=tuple[CertificationRow | CertificationRows, ...]),
        AfterValidator(_every_test),
    ] = ()
    diagram: Diagram
    heat: HeatModel

    @property
    def isolates(self) -> bool:
        """Whether a source behind it is kept off the grid: it opens the service, or prevents backfeed."""
        protected = self.protections is not None and self.protections.backfeed.has == "yes"
        return self.transfer is not None or protected

    def references(self) -> list[tuple[str, str]]:
        """Other entries this one needs, as (kind, name), sorted."""
        clamp = "" if self.clamp is None else self.clamp.varistor
        named = {("breakers", self.der_breaker), ("transfer", self.machine), ("varistors", clamp)}
        return sorted(self.heat.references() | {(kind, name) for kind, name in named if name})
