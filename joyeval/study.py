"""The study file: `pipelines/*.yml` to a typed, frozen `Study`, every problem listed at once with its line.

A study names everything that an evaluation needs to know beforehand: cohorts, teams, raw files and what
their columns mean, outcomes and their direction, and the one primary analysis. Nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date  # noqa: TC003
from functools import cached_property
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from joyeval.errors import DisclosureError, StudyError, UsageError
from joyeval.store import Store
from joyeval.strict_yaml import YamlFile, read_yaml
from joyeval.study_checks import STEPS, explain, known_names, step_names
from joyeval.words import Note

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.errors import Problem

YEARLESS = ("week number", "month name")  # ways to write periods whose year the study file says
NAMED_DATES = ("quarter", "financial quarter", "financial year", *YEARLESS)  # ways to write days without a pattern
FEWEST_PEOPLE = {"public": 11, "programme": 5, "team": 4}  # behind a statistic, by who reads it

PUBLISHED = "where these figures stand for everyone to read: nothing in them is hidden again; printed in the report"
_FROZEN = (AfterValidator(MappingProxyType), PlainSerializer(dict, return_type=dict))

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="lower-case letters, digits, _ and -")]
Heading = Annotated[str, Field(min_length=1, description="a column heading as it stands in the file")]


def _below(path: str) -> str:
    """Refuse a path that leaves the data folder: what lies elsewhere is not the study's."""
    if ".." in Path(path).parts or Path(path).is_absolute() or "\0" in path:
        raise ValueError("a `file` outside the data folder")
    return path


def _way_of_days(dates: str) -> str:
    """Refuse what is neither a pattern nor a name of a way to write days."""
    if dates not in NAMED_DATES and not re.search("%[a-zA-Z]", dates):
        raise ValueError(f"{dates!r} under `dates`, neither a pattern such as %d/%m/%Y nor {', '.join(NAMED_DATES)}")
    return dates


def _fault(rule: str, found: str, expected: str, fix: str) -> PydanticCustomError:
    """Return a fault in the words in which it is told."""
    return PydanticCustomError(rule, "{found}", {"found": found, "expected": expected, "fix": fix})


def _points_to(what: str, among: str = "") -> AfterValidator:
    """Refuse a name that nothing in the study file has."""

    def known(name: str, info: ValidationInfo) -> str:
        names = info.context.names[among or what] if info.context else {name}
        if name not in names:
            listed = ", ".join(sorted(str(one) for one in names if one)) or "none is named in this file"
            raise _fault(f"unknown {what}", f"{what} {name!r}", f"one of: {listed}", "check the spelling")
        return name

    return AfterValidator(known)


def _once(key: str) -> AfterValidator:
    """Refuse a name that two parts of one kind have."""

    def once(name: str, info: ValidationInfo) -> str:
        n = info.context.counts[key][name] if info.context else 1
        if n > 1:
            raise _fault("twice", f"{key} {name!r} {n} times", "each once", "rename or remove one")
        return name

    return AfterValidator(once)


def _two_processes(team: str, n: int) -> PydanticCustomError:
    return _fault("twice", f"team {team!r} {n} times", "each once", "keep it under the process it does most for")


def _all_notebooks(steps: Any, info: ValidationInfo) -> Any:
    """Refuse steps that are no notebook: neither one of ours nor one of the user's own."""
    strange = [name for name in step_names(steps) if name not in info.context.steps] if info.context else []
    if strange:
        found, expected = f"a step {', '.join(map(repr, strange))}", "a notebook of that name in notebooks/"
        fix = f"correct the name, or put the notebook there; joyeval's own are {', '.join(STEPS)}"
        raise _fault("unknown step", found, expected, fix)
    return steps


Below = Annotated[str, AfterValidator(_below)]
Dates = Annotated[str, AfterValidator(_way_of_days)]
Cohorts = tuple[Annotated[Name, _points_to("cohort")], ...]
Form = Annotated[str, _points_to("form")]
Staff = Annotated[str, _points_to("staff measure")]
Attribute = Annotated[str, _points_to("attribute")]
Scales = tuple[Annotated[str, _points_to("scale")], ...]
Headings = Annotated[Mapping[str, Heading | tuple[Heading, ...]], *_FROZEN]
Labels = Annotated[Mapping[str, str | int | float], *_FROZEN]
AnswerLabels = Annotated[Mapping[str, Labels], *_FROZEN]
CohortNames = Annotated[Mapping[str, Name], *_FROZEN]
SecondaryDrivers = Annotated[Mapping[str, tuple[str, ...]], *_FROZEN]
Drivers = Annotated[Mapping[str, tuple[str, ...] | SecondaryDrivers], *_FROZEN]
StepName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$", description="a notebook, without .ipynb")]
Settings = Annotated[Mapping[str, str | int | float | bool], *_FROZEN]
StepSettings = Annotated[Mapping[StepName, Settings], *_FROZEN]
TeamsOf = Annotated[Mapping[str, tuple[str, ...]], *_FROZEN]
StaffCounts = Annotated[Mapping[str, Annotated[Mapping[str, int], *_FROZEN]], *_FROZEN]
Careless = Literal["straight-lining", "impossible duration"]
Loss = Literal[
    *("unknown team", "no team", "team without rows", "totals", "not a number", "not a day", "outside the cohort"),
    *("day outside the wave", "empty column", "missing code", "more than all", "unknown group", "lost rows"),
    *(
        "incomplete",
        "dimension",
        "out of range",
        "unknown answer",
        "not asked",
        "twice",
        "unknown cohort",
        "ragged row",
        "running totals",
    ),
]
Accepted = Annotated[Mapping[Loss, Annotated[str, Field(min_length=1)]], *_FROZEN]
Combine = Literal["sum"]
Improve = Literal["increase", "decrease"]
Period = Literal["day", "week", "month", "quarter", "year"]


class Part(BaseModel):
    """Base of every part of a study: no unknown keys, no guessing of types, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Organisation(Part):
    """An organisation that takes part."""

    code: Annotated[str, _once("code")]
    name: str


class Phase(Part):
    """A stretch of a cohort's time, such as baseline, programme or sustain; both days belong to it."""

    name: str
    start: date
    end: date

    @model_validator(mode="after")
    def _in_order(self) -> Phase:
        return _start_before_end(self)


class Cohort(Part):
    """Teams that go through the programme together."""

    cohort: Annotated[Name, _once("cohort")]
    title: str
    start: date
    end: date
    organisation: str | None = None
    phases: tuple[Phase, ...] = ()
    comparison: tuple[str, ...] = Field((), description="processes rated in coordination surveys without the programme")
    steps: Annotated[StepSettings, AfterValidator(_all_notebooks)] = Field(
        default_factory=dict, description="parameters of steps for this cohort alone"
    )
    staff: StaffCounts = Field(
        default_factory=dict, description="staff in post by an attribute of respondents, such as role: {Nurse: 40}"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Cohort:
        return _start_before_end(self)


class Cost(Part):
    """What a cohort of the programme cost, one line of the account."""

    what: str
    amount: float = Field(ge=0)
    basis: str = Field("", description="how the amount was worked out")
    cohorts: Cohorts | None = Field(None, description="without it: every cohort, this much each")


class Programme(Part):
    """What is evaluated, in the words of the report."""

    name: str
    aim: str
    description: str = ""
    rationale: str = ""
    drivers: Drivers = Field(
        default_factory=dict,
        description="driver diagram: primary driver, its secondary drivers if any, their change ideas",
    )
    currency: str = "£"
    costs: tuple[Cost, ...] = ()

    def change_ideas(self) -> list[tuple[str, str, str]]:
        """Return primary driver, secondary driver (may be empty) and change idea, one row per idea."""
        rows = []
        for primary, below in self.drivers.items():
            secondary = below.items() if isinstance(below, Mapping) else [("", below)]
            rows += [(primary, name, idea) for name, ideas in secondary for idea in ideas]
        return rows


class Lookup(Part):
    """A raw file that leads from one code to another, such as from areas to trusts."""

    file: Below = Field(description="path below the data folder")
    old: Heading = Field(description="heading of the codes that are led on")
    new: Heading = Field(description="heading of the codes that they lead to")


class RawTable(Part):
    """A raw file, or several of one shape, and how to read it."""

    file: Below = Field(description="path below the data folder; * matches several files of one shape")
    form: Form | None = Field(None, description="one of the `forms`: what several files have in common")
    columns: Headings = Field(description="our name: heading in the file; several headings are added up")
    source: str | None = Field(None, description="kind of export; without it the shape is recognised and said")
    sheet: str | None = None
    header_row: int | None = Field(None, ge=1, description="row of the headings as the spreadsheet counts")
    header_rows: int | None = Field(None, ge=1, le=3, description="rows of headings, joined as: upper | lower")
    rows: tuple[int, int] | None = Field(None, description="first and last row of the table; others stay out")
    missing: tuple[str, ...] = Field(("",), description="cells that mean: no value")
    where: Labels = Field(default_factory=dict, description="keep only rows in which these headings hold this")
    leave_out: Labels = Field(default_factory=dict, description="leave out rows with this, such as totals")
    dates: Dates | None = Field(
        None,
        description="how days are written, such as %d/%m/%Y, or quarter, financial quarter, financial year, "
        "week number, month name; without it the one way that all cells are written in",
    )
    year: int | None = Field(None, description="year of week numbers or month names; of headings, year of the first")
    decimal: Literal["point", "comma"] | None = Field(
        None, description="mark before decimals, where the cells leave it open"
    )
    through: tuple[Lookup, ...] = Field((), description="files that lead from the codes of this one to those of teams")
    accept: Accepted = Field(
        default_factory=dict, description="losses that are meant, each with why: {unknown team: a national file}"
    )

    @property
    def place(self) -> dict[str, Any]:
        """Where on its sheet the table stands, as `joyeval.intake.read` takes it."""
        return {"sheet": self.sheet, "header_row": self.header_row, "header_rows": self.header_rows, "rows": self.rows}

    @model_validator(mode="after")
    def _in_order_of_rows(self) -> RawTable:
        if self.rows and self.rows[0] > self.rows[1]:
            raise ValueError(f"`rows` end in {self.rows[1]}, before they begin in {self.rows[0]}")
        if (self.dates in YEARLESS) != (self.year is not None):
            raise ValueError("`year` and `dates: week number` or `dates: month name` need each other")
        return self

    def files(self, folder: Path) -> list[Path]:
        """Return the files below the data folder that exist, in a fixed order; pipes and devices are no files."""
        found = sorted(folder.glob(self.file)) if "*" in self.file else [folder / self.file]
        return [path for path in found if path.is_file()]


class Teams(RawTable):
    """The list of teams; `cohort_names` turns what the file calls a cohort into the study's name for it."""

    cohort_names: CohortNames = Field(default_factory=dict)
    also_called: TeamsOf = Field(default_factory=dict, description="team: what files call it otherwise")
    not_teams: tuple[str, ...] = Field((), description="names in files that are no team, such as TOTAL: left out")
    combine: Literal["last"] | None = Field(None, description="last: of several rows of a team the last one stands")
    called: str = Field("team", pattern=r"^[a-z][a-z -]*$", description="what a team is called in sentences: trust")

    def in_words(self, text: str) -> str:
        """Return a sentence about teams with the word that the study has for them."""
        if isinstance(text, Note):
            return text.called(self.called)
        return re.sub(r"\bteam(?=s?\b)", self.called, text)


class Wave(RawTable):
    """One export of a staff survey."""

    wave: Name
    cohorts: Cohorts = Field(min_length=1)
    instruments: tuple[Annotated[str, _points_to("instrument")], ...] = Field(min_length=1)
    start: date
    end: date
    answers: AnswerLabels = Field(default_factory=dict, description="item or instrument: label in the file: code")
    not_asked: tuple[str, ...] = Field((), description="items that this wave did not ask, and why in `note`")
    link_by: tuple[str, ...] = Field(("person",), description="columns that make up the linkage code")
    attention: Labels = Field(default_factory=dict, description="attention check: the answer that passes it")
    straight_lining: int = Field(
        5, ge=0, description="fewest answers before one answer throughout is told of; 0: not looked for"
    )
    shortest: int = Field(0, ge=0, description="seconds in which nobody can answer all of it")
    set_aside: tuple[Careless, ...] = Field((), description="what is set aside instead of being told of and kept")
    unfinished: bool = Field(False, description="true: keep responses that the tool marks as not finished")
    note: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Wave:
        return _start_before_end(self)


class Redcap(Part):
    """A REDCap project whose records are fetched once, by `joyeval redcap`, and are a raw file from then on."""

    url: str = Field(description="address of the API, such as https://redcap.example.org/api/")
    file: Below = Field(pattern=r"\.csv$", description="where the records are kept, a .csv below the data folder")
    token: str = Field("JOYEVAL_REDCAP_TOKEN", description="environment variable with the token, never the token")
    forms: tuple[str, ...] = Field((), description="only these forms, by their unique names")
    events: tuple[str, ...] = Field((), description="only these events, by their unique names")

    @model_validator(mode="after")
    def _names_a_variable(self) -> Redcap:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", self.token) or re.fullmatch(r"[0-9A-F]{32}", self.token):
            raise ValueError("something else than the name of an environment variable under `token`")
        return self


class AnswersFrom(Part):
    """Where the numbers of answers behind a wide table stand: a sheet of the same shape."""

    sheet: str | None = None
    header_row: int | None = Field(None, ge=1)
    header_rows: int | None = Field(None, ge=1, le=3)
    rows: tuple[int, int] | None = None

    @property
    def place(self) -> dict[str, Any]:
        """Where the table stands, as `joyeval.intake.read` takes it."""
        return dict(self)


class Periodic(RawTable):
    """A table of teams and periods: a row for each, or a column per period."""

    layout: Literal["long", "wide"] = Field("long", description="wide: headings that are periods become rows")
    share: bool = Field(False, description="true: 0.52 means 52 %")
    answers_from: AnswersFrom | Literal["headcount"] | None = Field(
        None, description="numbers of answers behind a wide table: a sheet of the same shape, or headcount"
    )

    @model_validator(mode="before")
    @classmethod
    def _shares_are_percentages(cls, data: Any) -> Any:
        """Take a share for a percentage of which the cells say a hundredth."""
        if not isinstance(data, dict) or data.get("share") is not True:
            return data
        if "percent" in data:
            raise ValueError("`share` and `percent`, of which one says that 0.52 means 52 %, the other that 52 does")
        return {**data, "percent": True}

    @model_validator(mode="after")
    def _answers_of_a_wide_table(self) -> Periodic:
        if isinstance(self.answers_from, AnswersFrom) and self.layout != "wide":
            raise ValueError("`answers_from` a sheet, without `layout: wide`")
        return self


class Pulse(Periodic):
    """A short measure asked again and again: answers one by one, or counts per team and period."""

    measure: Name
    title: str
    cohorts: Cohorts = Field(min_length=1)
    period: Period
    improve: Improve = "increase"
    positive: tuple[int | str, ...] = Field(
        (), description="answers that count as positive, when rows are single answers"
    )
    percent: bool = Field(False, description="true: `positive` holds a percentage of `answers`, not a count")
    unit: str = Field("", description="of a measure that comes as a mean: points, 0 to 10")
    published: str = Field("", description=PUBLISHED)
    number_of_answers: ClassVar = "answers"
    month: int = Field(1, ge=1, le=12, description="month that a yearly measure stands for")
    combine: Combine | None = Field(None, description="sum: several rows of one team and day are added up")

    @property
    def cell(self) -> str:
        """What a number below a period is, where the layout is wide."""
        return "mean" if self.unit else "positive"


class Scale(Part):
    """What another directed survey asks, where it is not relational coordination."""

    items: Labels = Field(min_length=1, description="key of an item: what it is called in text and pictures")
    low: int = 1
    high: int = 5
    fewest: int = Field(1, ge=1, description="fewest items answered for a score")


class Members(RawTable):
    """Who belongs to which workgroup, where people rate people: columns `person` and `workgroup`."""

    unrated: int | None = Field(None, description="what a pair of members without a rating counts as")


class Coordination(RawTable):
    """One wave of a relational coordination survey, or of another survey in which workgroups are rated."""

    wave: Name
    process: str | None = Field(None, description="the shared work rated; without it a column of the file")
    cohorts: Cohorts = Field(min_length=1)
    layout: Literal["ties", "items", "wide", "matrix"]
    frequency: Literal["scored", "raw"] | None = Field(None, description="coding of the frequency item; never guessed")
    workgroups: Labels = Field(default_factory=dict, description="old or other name of a workgroup: its name")
    dimensions: Labels = Field(default_factory=dict, description="what the file calls a dimension: its key")
    pattern: str = Field("{dim}__{target}", description="wide layout: how headings are built")
    sheets: Labels = Field(
        default_factory=dict, description="matrix layout, names across the top: dimension: its sheet"
    )
    scale: Scale | None = Field(None, description="what is asked, if it is not relational coordination")
    members: Members | None = None
    teams: TeamsOf = Field(default_factory=dict, description="process: the teams that do its work, each in one process")

    @field_validator("teams")
    @classmethod
    def _each_in_one_process(cls, processes: TeamsOf) -> TeamsOf:
        """Refuse a team of two processes: two sites that share people are not independent."""
        counts = Counter(team for teams in processes.values() for team in teams)
        faults = [
            InitErrorDetails(type=_two_processes(team, counts[team]), loc=(process, j), input=team)
            for process, teams in processes.items()
            for j, team in enumerate(teams)
            if counts[team] > 1
        ]
        if faults:
            raise ValidationError.from_exception_data("teams", faults)
        return processes


class Roster(RawTable):
    """Who was invited to coordination surveys: columns `process`, `workgroup`, `wave` and `headcount`."""


class Outcome(Periodic):
    """A service-user or organisational outcome per team and period."""

    measure: Annotated[Name, _once("measure")]
    title: str
    kind: Literal["proportion", "rate", "mean"]
    unit: str
    improve: Improve
    period: Period
    cohorts: Cohorts | None = Field(None, description="without it: every cohort")
    per: float = Field(1.0, gt=0, description="rates are shown per this much exposure, such as 1000")
    percent: bool = Field(False, description="true: `value` holds a percentage")
    service_users: bool = Field(True, description="false: an outcome of the organisation or its staff")
    on: date | None = Field(None, description="day that all rows stand for, where the file has none")
    combine: Combine | None = Field(None, description="sum: several rows of one team and day are added up")
    published: str = Field("", description=PUBLISHED)
    number_of_answers: ClassVar = "denominator"

    @property
    def cell(self) -> str:
        """What a number below a period is, where the layout is wide: a count if the number of all is known."""
        counted = self.answers_from is not None or "denominator" in self.columns
        return "numerator" if counted and self.kind != "mean" and not (self.percent or self.share) else "value"


class Events(RawTable):
    """What happened and when: learning sets, huddles, PDSA cycles, partnership practices."""


class Analysis(Part):
    """One staff measure, one outcome, one lag: named before anyone looked."""

    staff: Staff = Field(description="a pulse measure, or a scale of an instrument")
    outcome: Annotated[Name, _points_to("outcome")]
    window: tuple[int, int] = Field(description="first and last month after the staff measure, such as [1, 3]")
    smallest_effect: float | None = Field(
        None,
        gt=0,
        description="the smallest difference in the outcome, in its own unit (percentage points of a share), that "
        "would matter, for 10 percentage points more of a pulse or 1 point more of a score",
    )
    cohorts: Cohorts | None = Field(None, description="without it: every cohort")
    why: str = ""


class Aim(Part):
    """What the programme set out to reach: a measure, how much of it, and by when."""

    measure: Annotated[str, _points_to("measure")] = Field(description="a pulse or an outcome")
    target: float = Field(description="in the unit of the measure: per cent of a pulse")
    by: date | Annotated[str, _points_to("phase")] = Field(description="a day, or the phase of a cohort at whose end")


class NegativeControl(Part):
    """An outcome that staff experience cannot plausibly move: an association with it warns of confounding."""

    outcome: Annotated[Name, _points_to("outcome", "other outcome")]
    why: str = Field(min_length=1, description="why staff experience cannot move it")
    window: tuple[int, int] | None = Field(None, description="without it: that of the primary analysis")
    cohorts: Cohorts | None = Field(None, description="without it: every cohort")

    @model_validator(mode="after")
    def _beside_a_primary(self, info: ValidationInfo) -> NegativeControl:
        if info.context and not info.context.primary:
            found, fix = "a negative control without a primary analysis", "name the primary analysis"
            raise _fault("control alone", found, "primary, too", fix)
        return self


class Equity(Part):
    """Whether the experience of groups differs: which groups and which scores, named before anyone looked."""

    by: tuple[Attribute, ...] = Field(min_length=1, description="attributes of respondents or of teams, such as role")
    scales: Scales = Field(min_length=1, description="scales of the instruments asked")


class Squire(Part):
    """What only the authors can say, by item of SQUIRE 2.0; what is left out is reported as still to be written."""

    abstract: str = ""
    problem: str = ""
    knowledge: str = ""
    context: str = ""
    ethics: str = ""
    contextual_elements: str = ""
    unintended: str = ""
    interpretation: str = ""
    conclusions: str = ""
    funding: str = ""


class Recommendation(Part):
    """What should be done next, by whom, and by when."""

    what: str = Field(min_length=1)
    owner: str = Field(min_length=1, description="who will do it")
    by: date


class Interpretation(Part):
    """What the authors make of the results; what they have not written yet is said to be missing."""

    conclusions: str = ""
    recommendations: tuple[Recommendation, ...] = ()
    context: str = Field("", description="what else went on")
    hindered: str = Field("", description="what helped or stood in the way")
    people: str = Field("", description="what it was like for staff and service users, in the authors' words")
    owner: str = Field("", description="who wrote it")
    written: date | None = Field(None, description="when")


class Agreement(Part):
    """Under what agreement the programme team reads more than the public may; printed on every page of its edition."""

    readers: str = Field(min_length=1, description="for whom the programme edition is")
    reason: str = Field(min_length=1, description="the agreement, and why these readers may see more")
    date: date
    threshold: int = Field(FEWEST_PEOPLE["programme"], ge=3, description="fewest people behind a statistic")


class Disclosure(Part):
    """Who reads the results, and what may be shown to them; a lower threshold needs a reason, which is printed."""

    audiences: tuple[Literal["public", "programme", "team"], ...] = Field(("public",), min_length=1)
    threshold: int = Field(FEWEST_PEOPLE["public"], ge=3, description="fewest people behind what the public is shown")
    reason: str = ""
    programme: Agreement | None = None

    @model_validator(mode="after")
    def _lower_only_with_reason(self) -> Disclosure:
        if self.threshold < FEWEST_PEOPLE["public"] and not self.reason.strip():
            raise ValueError(f"a threshold of {self.threshold}, below {FEWEST_PEOPLE['public']}, without a reason")
        if self.programme is not None and not self.programme.reason.strip():
            raise ValueError("an edition for the programme whose reason is empty")
        if "programme" in self.audiences and self.programme is None:
            raise ValueError("an edition for the programme without `programme: {readers, reason, date}`")
        return self


class Study(Part):
    """Everything named beforehand about one evaluation. Load it with `load_study`."""

    study: Name
    title: str
    programme: Programme
    data: str = Field(description="folder of the raw files, as seen from the study file")
    synthetic: bool = False
    source: str = Field("", description="where the data come from and under what licence; printed in the report")
    language: Literal["en", "cy"] = "en"
    organisations: tuple[Organisation, ...] = ()
    cohorts: tuple[Cohort, ...] = Field(min_length=1)
    pool: bool = Field(True, description="false: cohorts are groups of different kind, never pooled into one number")
    forms: dict[str, dict[str, Any]] = Field(default_factory=dict, description="keys that several files share, by name")
    teams: Teams
    redcap: tuple[Redcap, ...] = ()
    waves: tuple[Wave, ...] = ()
    pulses: tuple[Pulse, ...] = ()
    coordination: tuple[Coordination, ...] = ()
    roster: Roster | None = None
    outcomes: tuple[Outcome, ...] = ()
    events: Events | None = None
    aim: Aim | None = None
    primary: Analysis | None = None
    secondary: tuple[Analysis, ...] = ()
    negative_control: NegativeControl | None = None
    equity: Equity | None = None
    interpretation: Interpretation = Interpretation()
    squire: Squire = Squire()
    disclosure: Disclosure = Disclosure()
    steps: tuple[StepName | StepSettings, ...] | Annotated[Mapping[StepName, Settings | None], *_FROZEN] = Field(
        STEPS,
        description="the notebooks to run; or parameters of notebooks, and notebooks of your own beside the others",
    )

    _known_steps = field_validator("steps")(_all_notebooks)

    _path: Path = Path()
    _folder: Path = Path()
    _yaml: YamlFile = YamlFile("", None, {})

    def __repr__(self) -> str:
        """Show what the study holds in a few lines."""
        parts = {
            "cohorts": [cohort.cohort for cohort in self.cohorts],
            "surveys": [wave.wave for wave in self.waves],
            "pulses": [part.measure for part in self.pulses],
            "coordination": [part.wave for part in self.coordination],
            "outcomes": [part.measure for part in self.outcomes],
            "primary": [f"{self.primary.outcome} by {self.primary.staff}"] if self.primary else [],
            "aim": [f"{self.aim.measure} {self.aim.target:g}"] if self.aim else [],
            "notebooks": self.step_names,
        }
        told = [f"{name}: {', '.join(dict.fromkeys(map(str, found)))}" for name, found in parts.items() if found]
        return "\n  ".join([f"<Study {self.study}: {self.title} ({self.path})", *told]) + ">"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"

    @property
    def path(self) -> Path:
        """Where the study file lies."""
        return self._path

    @property
    def folder(self) -> Path:
        """Folder of the raw files."""
        return self._folder

    @cached_property
    def home(self) -> Path:
        """The workspace: the folder that holds pipelines/, data/ and reports/."""
        return self._path.parent.parent if self._path.parent.name == "pipelines" else self._path.parent

    @cached_property
    def step_names(self) -> tuple[str, ...]:
        """The notebooks to run, in the order in which the report shows them."""
        return step_names(self.steps)

    @property
    def chapters(self) -> tuple[str, ...]:
        """The steps whose chapters stand in the middle of the report, in its order."""
        return tuple(name for name in self.step_names if name not in (STEPS[0], STEPS[-1]))

    def settings(self, step: str, cohort: str | None = None) -> dict[str, str | int | float | bool]:
        """Return the parameters that the study file sets for a step; those of the cohort win."""
        entries = [self.steps] if isinstance(self.steps, Mapping) else [e for e in self.steps if not isinstance(e, str)]
        entries += [self.cohort(cohort).steps] if cohort is not None else []
        return {name: value for entry in entries for name, value in (entry.get(step) or {}).items()}

    @property
    def editions(self) -> tuple[str, ...]:
        """For whom there is a report: a team reads its own sheet, and nothing else."""
        return tuple(name for name in self.disclosure.audiences if name != "team") or ("public",)

    def read_by(self, audience: str) -> Study:
        """Return the study with one of its audiences alone; for teams as it is, since their sheets need no edition.

        Raises
        ------
        DisclosureError
            An audience that the study file does not name.
        """
        if audience not in self.disclosure.audiences:
            named = ", ".join(self.disclosure.audiences)
            raise DisclosureError((), f"{self.path.name} has no audience {audience!r}: it names {named}")
        if audience == "team":
            return self
        return self.model_copy(update={"disclosure": self.disclosure.model_copy(update={"audiences": (audience,)})})

    def cohort(self, name: str) -> Cohort:
        """Return one cohort by its name."""
        for cohort in self.cohorts:
            if cohort.cohort == str(name):
                return cohort
        known = ", ".join(c.cohort for c in self.cohorts)
        raise UsageError(f"{self._path.name} has no cohort {name!r}; it names {known}")

    def of_cohort(
        self, part: Literal["waves", "pulses", "coordination", "outcomes", "secondary"], cohort: str
    ) -> tuple[Any, ...]:
        """Return those waves, pulses, coordination surveys, outcomes or analyses that are for one cohort."""
        return tuple(item for item in getattr(self, part) if item.cohorts is None or str(cohort) in item.cohorts)

    def store(self, cohort: str, out: str | Path = "") -> Store:
        """Open the tables and results of a cohort; what is saved goes to `out`."""
        folder = self.home / "data" / "processed" / self.study / self.cohort(cohort).cohort
        return Store(folder, Path(out) if out else None)

    def published(self, cohort: str) -> bool:
        """Whether all pulses of a cohort are figures that stand for everyone to read."""
        parts = self.of_cohort("pulses", cohort)
        return bool(parts) and all(part.published for part in parts)

    def table(self, name: str, cohort: str) -> pd.DataFrame:
        """Return one processed table of a cohort, such as ``ties``."""
        return self.store(cohort).table(name)

    def written(self, *keys: str) -> dict[str, Any]:
        """Return parts of the study as they are written in the file, forms filled in."""
        data = _with_forms(self._yaml.data)
        return {key: data.get(key) for key in keys}

    def problem(self, key: str, *, found: str, expected: str, fix: str, rule: str = "step") -> Problem:
        """Return a problem placed on the line of a key."""
        return self._yaml.problem((key,), found=found, expected=expected, fix=fix, rule=rule)

    def line(self, *path: str | int) -> int | None:
        """Line of the study file on which a key stands."""
        return self._yaml.line(path)


def load_study(path: str | Path, *, data: str | Path | None = None) -> Study:
    """Read a study file.

    Parameters
    ----------
    path : path
        A YAML file, usually in ``pipelines/``.
    data : path, optional
        Folder of the raw files, in place of the one that the study file names.

    Raises
    ------
    StudyError
        Everything that is wrong with the file, each with line, found, expected and fix.
    DisclosureError
        The same, where the file would show readers what they may not see: a threshold lowered without a reason,
        readers that nobody knows.

    Examples
    --------
    >>> load_study("pipelines/enjoying_work.yml").title  # doctest: +SKIP
    'Enjoying Work'
    """
    path = _found(Path(path)).resolve()
    file = read_yaml(path)
    known, problems = known_names(file.data, path.parent)
    study = None
    try:
        study = Study.model_validate(_with_forms(file.data), context=known)
    except ValidationError as error:
        problems += explain(file, error.errors())
    if problems or study is None:
        kind = DisclosureError if any(map(_refused, problems)) else StudyError
        raise kind(_in_file_order(problems), f"{path.name}: {len(problems)} problem(s) in the study file")
    study._path, study._yaml = path, file
    study._folder = Path(data).resolve() if data else (path.parent / study.data).resolve()
    return study


def _refused(problem: Problem) -> bool:
    """Whether a problem is one of what readers may see, and no slip of the pen."""
    return str(problem.column).startswith("disclosure") and problem.rule not in ("extra_forbidden", "date_type")


def _found(path: Path) -> Path:
    """Look for a path as a notebook of the workspace sees it, where it leads nowhere from here."""
    seen = Path("notebooks") / path
    return seen if not path.exists() and seen.exists() else path


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a study file, which lets editors complete and check it."""
    return Study.model_json_schema()


def _with_forms(data: Any) -> Any:
    """Write out in every part what it takes from its form; its own keys win, mappings are joined."""
    forms = data.get("forms") if isinstance(data, dict) else None
    if not isinstance(forms, dict):
        return data
    lists = {
        key: tuple(_filled(part, forms) for part in value) for key, value in data.items() if isinstance(value, tuple)
    }
    return data | lists


def _filled(part: Any, forms: dict[str, Any]) -> Any:
    form = forms.get(part.get("form")) if isinstance(part, dict) else None
    if not isinstance(form, dict):
        return part
    joined = {k: form[k] | v for k, v in part.items() if isinstance(v, dict) and isinstance(form.get(k), dict)}
    return form | part | joined


def _start_before_end(part: Any) -> Any:
    if part.end < part.start:
        raise ValueError(f"ends on {part.end}, before it starts on {part.start}")
    return part


def _in_file_order(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.row or 0)


if __name__ == "__main__":
    import json

    print(json.dumps(json_schema(), indent=1))
