"""The catalogue of mistakes: what goes wrong in the files and study files of real programmes, one by one, as data.

Each entry damages a small whole programme; `does` and `rule` say what joyeval makes of it: it stops, or it
goes on with a word, or nothing needs to be said as no number changes. Printed in docs/mistakes.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import yaml

from tests.shapes.small import Shape, _Plain, build

WHOLE = Shape("weekly", 2, "one scale", "primary", 2, "some", 5, 12)
APART = {  # by kind of file: the parts of the study file that a mistake there may touch
    "surveys": ("waves",),
    "pulses": ("pulses",),
    "outcomes": ("outcomes",),
    "coordination": ("coordination", "roster"),
    "events": ("events",),
}


@dataclass
class Programme:
    """A programme in memory: files as tables of text, the study file as plain data.

    Parameters
    ----------
    tables : dict
        Name of a file to its cells.
    written : dict
        Name of a file to text that is written as it is, in place of its table.
    """

    study: dict
    tables: dict[str, pd.DataFrame]
    written: dict[str, str] = field(default_factory=dict)

    @classmethod
    def whole(cls, home):
        """Return a programme without a mistake."""
        path = build(home, WHOLE)
        raw = home / "data" / "raw" / "small"
        tables = {p.name: pd.read_csv(p, dtype=str, keep_default_na=False) for p in sorted(raw.glob("*.csv"))}
        study = yaml.safe_load(path.read_text(encoding="utf-8"))
        groups = ["Nurses", "Doctors", "Therapists"]
        tables["roster.csv"] = pd.DataFrame({"Process": "discharge", "Group": groups, "People": "9"})
        columns = {"process": "Process", "workgroup": "Group", "headcount": "People"}
        study["roster"] = {"file": "roster.csv", "columns": columns}
        return cls(study, tables)

    def copy(self):
        return Programme(
            yaml.safe_load(yaml.dump(self.study, Dumper=_Plain)), {n: t.copy() for n, t in self.tables.items()}
        )

    def only(self, where):
        """Return the programme with the teams and the parts of one kind of file."""
        made = self.copy()
        for name in ("primary", *(name for parts in APART.values() for name in parts if name not in APART[where])):
            del made.study[name]
        return made

    def write(self, home):
        """Write files and study file; return its path."""
        raw, path = home / "data" / "raw" / "small", home / "pipelines" / "small.yml"
        raw.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        for name, table in self.tables.items():
            (raw / name).write_text(self.written.get(name, table.to_csv(index=False)), encoding="utf-8")
        path.write_text(yaml.dump(self.study, Dumper=_Plain, sort_keys=False), encoding="utf-8")
        return path

    def part(self, name, i=0):
        found = self.study[name]
        return found[i] if isinstance(found, list) else found


@dataclass(frozen=True)
class Mistake:
    """One kind of mistake.

    Parameters
    ----------
    what : str
        In the words of the docs.
    where : str
        Kind of file.
    does : str
        "stops", "goes on with a word", or "reads it": no number changes.
    rule : str
        Of the problem that is told; empty where none is needed.
    make : callable
        Damages a `Programme`.
    """

    what: str
    where: str
    does: str
    rule: str
    make: object

    @property
    def name(self):
        return self.make.__name__


CATALOGUE: list[Mistake] = []


def mistake(what, where, rule, does="stops"):
    def keep(make):
        CATALOGUE.append(Mistake(what, where, does, rule, make))
        return make

    return keep


def add(table, **cells):
    """A table with one row more; what is not named is blank."""
    return pd.concat([table, pd.DataFrame([{c: cells.get(c.replace(" ", "_"), "") for c in table}])], ignore_index=True)


def total_of(table, name, by):
    """Rows of totals of a table: for each day the sums of its numbers, under `name`."""
    numbers = [c for c in table if c not in ("Team", by)]
    sums = table.assign(**{c: pd.to_numeric(table[c]) for c in numbers}).groupby(by, sort=False)[numbers].sum()
    return pd.concat([table, sums.reset_index().assign(Team=name).astype(str)], ignore_index=True)


# ---- the list of teams


@mistake("A row TOTAL below the teams", "teams", "totals")
def total_in_teams(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="TOTAL", Staff="60")


@mistake("A row whose headcount is the sum of the others, under another name", "teams", "totals")
def sum_in_teams(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="Riverside", Staff="60")


@mistake("A team twice with different headcounts", "teams", "twice")
def team_twice(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="Ward A", Staff="19")


@mistake("A team twice, spelled two ways", "teams", "twice")
def team_spelled_twice(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="ward  a", Staff="12")


@mistake("A row of the list pasted twice", "teams", "repeated", "goes on with a word")
def team_repeated(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="Ward A", Staff="12")


@mistake("A headcount of -12", "teams", "headcount")
def negative_headcount(p):
    p.tables["teams.csv"].loc[1, "Staff"] = "-12"


@mistake("A headcount in words", "teams", "not a number")
def headcount_in_words(p):
    p.tables["teams.csv"].loc[1, "Staff"] = "about twelve"


@mistake("The study names a column that no part uses (`headcounts`)", "teams", "unknown name of a column")
def misspelled_name(p):
    p.part("teams")["columns"] = {"team": "Team", "headcounts": "Staff"}


@mistake("A heading that the file has not", "teams", "unknown column")
def absent_heading(p):
    p.part("teams")["columns"]["headcount"] = "Headcount"


@mistake("Another name is given for a team that the list has not", "teams", "unknown team")
def alias_of_nobody(p):
    p.part("teams")["also_called"] = {"Ward Z": ["Zed"]}


@mistake("One name in files stands for two teams", "teams", "twice")
def alias_of_two(p):
    p.part("teams")["also_called"] = {"Ward A": ["Acute"], "Ward B": ["acute"]}


@mistake("Names of cohorts are explained, but no column holds cohorts", "teams", "key without effect")
def idle_cohort_names(p):
    p.part("teams")["cohort_names"] = {"First": "a"}


@mistake("The file is not there", "teams", "missing file")
def missing_file(p):
    p.part("teams")["file"] = "team.csv"


# ---- pulses


@mistake("A team misspelled in a few rows", "pulses", "unknown team")
def pulse_misspelled(p):
    p.tables["pulse.csv"].loc[[3, 4], "Team"] = "Wrad A"


@mistake("All teams under other names", "pulses", "unknown team")
def pulse_other_names(p):
    p.tables["pulse.csv"]["Team"] = "Unit " + p.tables["pulse.csv"]["Team"].str[-1]


@mistake("Names in capitals, with blanks at their ends", "pulses", "", "reads it")
def pulse_capitals(p):
    p.tables["pulse.csv"]["Team"] = " " + p.tables["pulse.csv"]["Team"].str.upper() + " "


@mistake("A row of totals each week", "pulses", "totals")
def pulse_totals(p):
    p.tables["pulse.csv"] = total_of(p.tables["pulse.csv"], "All teams", "Week")


@mistake("Weeks entered twice for a team", "pulses", "twice")
def pulse_twice(p):
    table = p.tables["pulse.csv"]
    p.tables["pulse.csv"] = pd.concat([table, table.iloc[:4]], ignore_index=True)


@mistake("More good days than answers", "pulses", "more than all")
def pulse_over(p):
    p.tables["pulse.csv"].loc[5, "Good days"] = "99"


@mistake("A negative count", "pulses", "negative")
def pulse_negative(p):
    p.tables["pulse.csv"].loc[5, "Good days"] = "-1"


@mistake("Shares (0.52) in a column that is said to hold percentages", "pulses", "percentages")
def pulse_shares(p):
    table = p.tables["pulse.csv"]
    table["Good days"] = (pd.to_numeric(table["Good days"]) / pd.to_numeric(table["Answers"])).round(2).astype(str)
    p.part("pulses")["percent"] = True


@mistake("Percentages in a column that is said to hold counts", "pulses", "percentages")
def pulse_percent_signs(p):
    table = p.tables["pulse.csv"]
    table["Good days"] = (100 * pd.to_numeric(table["Good days"]) / pd.to_numeric(table["Answers"])).round().astype(
        int
    ).astype(str) + "%"


@mistake("Some cells with a per cent sign, some without", "pulses", "mixed units")
def pulse_mixed_percent(p):
    table = p.tables["pulse.csv"]
    p.part("pulses")["percent"] = True
    table["Good days"] = "52%"
    table.loc[::3, "Good days"] = "48"


@mistake("999 for a missing value", "pulses", "missing code")
def pulse_999(p):
    p.tables["pulse.csv"].loc[[7, 8], ["Good days", "Answers"]] = "999"


@mistake("Weeks of another year", "pulses", "outside the cohort")
def pulse_other_year(p):
    p.tables["pulse.csv"]["Week"] = p.tables["pulse.csv"]["Week"].str.replace("2024", "2014")


@mistake("Days that are not days", "pulses", "not a day")
def pulse_no_day(p):
    p.tables["pulse.csv"].loc[2, "Week"] = "last week"


@mistake("A row without a team", "pulses", "no team", "goes on with a word")
def pulse_no_team(p):
    p.tables["pulse.csv"].loc[2, "Team"] = ""


@mistake("The team stands in the first row of each block only, as in merged cells", "pulses", "no team")
def pulse_merged_team(p):
    table = p.tables["pulse.csv"]
    table["Team"] = table["Team"].where(~table["Team"].duplicated(), "")


@mistake("A row without its week", "pulses", "lost rows", "goes on with a word")
def pulse_no_week(p):
    p.tables["pulse.csv"].loc[2, "Week"] = ""


@mistake("The column of answers is empty", "pulses", "empty column")
def pulse_empty_column(p):
    p.tables["pulse.csv"]["Answers"] = ""


@mistake("A number written 1E+2", "pulses", "not a number")
def pulse_shortened(p):
    p.tables["pulse.csv"].loc[4, "Answers"] = "1E+2"


@mistake("`where` names a value that no row has", "pulses", "nothing left")
def pulse_where(p):
    p.part("pulses")["where"] = {"Team": "Wards"}


@mistake("`leave_out` names a value that no row has", "pulses", "key without effect")
def pulse_leave_out(p):
    p.part("pulses")["leave_out"] = {"Team": "Sum"}


@mistake("`positive` is listed for a file of counts", "pulses", "key without effect")
def pulse_idle_positive(p):
    p.part("pulses")["positive"] = ["Agree"]


@mistake("Counts and single answers are both mapped", "pulses", "column not named")
def pulse_two_days(p):
    p.part("pulses")["columns"]["date"] = "Week"


@mistake("A row with a cell too many", "pulses", "ragged row", "goes on with a word")
def pulse_ragged(p):
    lines = p.tables["pulse.csv"].to_csv(index=False).splitlines()
    lines[9] += ",oops"
    p.written["pulse.csv"] = "\n".join(lines) + "\n"


@mistake("A row of a team without a single row in the file", "pulses", "team without rows", "goes on with a word")
def pulse_team_absent(p):
    table = p.tables["pulse.csv"]
    p.tables["pulse.csv"] = table[table["Team"] != "Ward E"]


# ---- outcomes


@mistake("No name of the outcome file is on the list of teams", "outcomes", "unknown team")
def outcome_other_names(p):
    p.tables["outcome.csv"]["Team"] = "Site " + p.tables["outcome.csv"]["Team"].str[-1]


@mistake("A row `Trust total` each month", "outcomes", "totals")
def outcome_totals(p):
    p.tables["outcome.csv"] = total_of(p.tables["outcome.csv"], "Trust total", "Month")


@mistake("A team of the list holds the totals of the others", "outcomes", "totals")
def outcome_hidden_totals(p):
    table = p.tables["outcome.csv"]
    p.tables["outcome.csv"] = total_of(table[table["Team"] != "Ward E"], "Ward E", "Month")


@mistake("A month of a team entered twice", "outcomes", "twice")
def outcome_twice(p):
    table = p.tables["outcome.csv"]
    p.tables["outcome.csv"] = add(table, Team="Ward A", Month=table["Month"].iloc[0], Good="3", All="9")


@mistake("More events than all", "outcomes", "above 1")
def outcome_over(p):
    p.tables["outcome.csv"].loc[3, "Good"] = "400"


@mistake("Infinity in a cell", "outcomes", "not a number")
def outcome_infinite(p):
    p.tables["outcome.csv"].loc[4, "Good"] = "inf"


@mistake("nan in a cell", "outcomes", "not a number")
def outcome_nan(p):
    p.tables["outcome.csv"].loc[4, "Good"] = "nan"


@mistake("#DIV/0! in a cell", "outcomes", "not a number")
def outcome_error_cell(p):
    p.tables["outcome.csv"].loc[4, "Good"] = "#DIV/0!"


@mistake("A numerator without its denominator", "outcomes", "lost rows")
def outcome_half(p):
    p.tables["outcome.csv"].loc[4, "All"] = ""


@mistake("A denominator of 0 with events", "outcomes", "above 1")
def outcome_of_nothing(p):
    p.tables["outcome.csv"].loc[4, "All"] = "0"


@mistake("Numerator and denominator changed places", "outcomes", "above 1")
def outcome_turned(p):
    p.part("outcomes")["columns"] |= {"numerator": "All", "denominator": "Good"}


@mistake("All months before the programme", "outcomes", "outside the cohort")
def outcome_before(p):
    p.tables["outcome.csv"]["Month"] = (
        p.tables["outcome.csv"]["Month"].str.replace("2025", "2019").str.replace("2024", "2018")
    )


@mistake("A percentage (52) where a share is expected", "outcomes", "percentages")
def outcome_percent(p):
    table = p.tables["outcome.csv"]
    table["Rate"] = (100 * pd.to_numeric(table["Good"]) / pd.to_numeric(table["All"])).round(1).astype(str)
    p.part("outcomes")["columns"] = {"team": "Team", "period": "Month", "value": "Rate"}


@mistake("A share (0.52) where a percentage is expected", "outcomes", "percentages")
def outcome_share(p):
    table = p.tables["outcome.csv"]
    table["Rate"] = (pd.to_numeric(table["Good"]) / pd.to_numeric(table["All"])).round(3).astype(str)
    p.part("outcomes")["columns"] = {"team": "Team", "period": "Month", "value": "Rate"}
    p.part("outcomes")["percent"] = True


@mistake("`per` is set for a proportion", "outcomes", "key without effect")
def outcome_idle_per(p):
    p.part("outcomes")["per"] = 1000.0


@mistake("`on` is set beside a column of months", "outcomes", "key without effect")
def outcome_on(p):
    p.part("outcomes")["on"] = p.study["cohorts"][0]["start"]


@mistake("A window that ends before it begins", "analysis", "contradiction")
def window_turned(p):
    p.study["primary"]["window"] = [3, 1]


# ---- surveys


@mistake("A team misspelled in the survey", "surveys", "unknown team")
def wave_misspelled(p):
    table = p.tables["wave1.csv"]
    table.loc[table["Team"] == "Ward B", "Team"] = "Wardd B"


@mistake("Many respondents without a team", "surveys", "no team")
def wave_no_team(p):
    p.tables["wave1.csv"].loc[:8, "Team"] = ""


@mistake("An answer outside the scale", "surveys", "out of range", "goes on with a word")
def wave_out_of_range(p):
    p.tables["wave1.csv"].loc[2, "psafety_1"] = "9"


@mistake("99 for a missing answer in many rows", "surveys", "out of range")
def wave_99(p):
    p.tables["wave1.csv"].loc[:9, "psafety_2"] = "99"


@mistake("A scale labelled at its ends that runs the other way", "surveys", "turned scale", "goes on with a word")
def wave_turned(p):
    words = {"1": "1 - Very accurate", "7": "7 - Very inaccurate"}
    p.tables["wave1.csv"]["psafety_1"] = p.tables["wave1.csv"]["psafety_1"].replace(words)
    p.part("waves")["answers"] = {"psychological_safety_7": SAFETY}


@mistake("A scale labelled in part, so that nobody knows what its numbers mean", "surveys", "mixed scale")
def wave_part_labelled(p):
    words = {"1": "Very accurate", "7": "Very inaccurate"}
    p.tables["wave1.csv"]["psafety_1"] = p.tables["wave1.csv"]["psafety_1"].replace(words)
    p.part("waves")["answers"] = {"psychological_safety_7": SAFETY}


@mistake("Numbers with words of another language", "surveys", "mixed scale")
def wave_foreign(p):
    table = p.tables["wave1.csv"]
    table["psafety_1"] = table["psafety_1"] + " - " + table["psafety_1"].map(dict(zip("1234567", GERMAN, strict=True)))


@mistake("Answers in words that no table knows", "surveys", "unknown answer")
def wave_unknown_words(p):
    table = p.tables["wave1.csv"]
    table["psafety_1"] = table["psafety_1"].map(dict(zip("1234567", GERMAN, strict=True)))


@mistake("Days outside the wave", "surveys", "day outside the wave")
def wave_other_days(p):
    p.tables["wave1.csv"]["Sent"] = "2023-02-01"


@mistake("Month first in a column that is said to be day first", "surveys", "not a day")
def wave_month_first(p):
    table = p.tables["wave1.csv"]
    table["Sent"] = "02/13/2024"
    p.part("waves")["dates"] = "%d/%m/%Y"


@mistake("The file of the first wave under the name of the second", "surveys", "day outside the wave")
def wave_same_file(p):
    p.tables["wave2.csv"] = p.tables["wave1.csv"].copy()


@mistake("The export pasted below itself", "surveys", "pasted twice")
def wave_pasted(p):
    table = p.tables["wave1.csv"].assign(Code="")
    p.tables["wave1.csv"] = pd.concat([table, table.iloc[:20]], ignore_index=True)


@mistake("A person who answered twice", "surveys", "duplicate", "goes on with a word")
def wave_duplicate(p):
    table = p.tables["wave1.csv"]
    p.tables["wave1.csv"] = pd.concat([table, table.iloc[:1].assign(psafety_1="1")], ignore_index=True)


@mistake("An item mapped under a name like that of another", "surveys", "unknown name of a column")
def wave_item_name(p):
    columns = p.part("waves")["columns"]
    columns["psafety1"] = columns.pop("psafety_1")


@mistake("Items that are not mapped", "surveys", "unmapped item")
def wave_unmapped(p):
    del p.part("waves")["columns"]["psafety_7"]


@mistake("`not_asked` names an item that there is not", "surveys", "unknown item")
def wave_not_asked(p):
    p.part("waves")["not_asked"] = ["psafety_17"]


@mistake("`answers` names an instrument that the wave has not", "surveys", "key without effect")
def wave_idle_answers(p):
    p.part("waves")["answers"] = {"cbi": {"Always": 5}}


@mistake("`link_by` names a column that is not mapped", "surveys", "column not named")
def wave_link_by(p):
    p.part("waves")["link_by"] = ["person", "code_day"]


@mistake("A wave outside the time of its cohort", "surveys", "contradiction")
def wave_before_cohort(p):
    import datetime

    p.part("waves") | {"start": None}
    p.part("waves")["start"], p.part("waves")["end"] = datetime.date(2020, 1, 1), datetime.date(2020, 2, 1)


@mistake("More answers than staff in post", "surveys", "more than all")
def wave_over(p):
    p.tables["teams.csv"]["Staff"] = "5"


# ---- relational coordination


@mistake("A dimension without a column", "coordination", "column not named")
def rc_dimension(p):
    del p.part("coordination")["columns"]["know"]


@mistake("A heading that names another dimension", "coordination", "unknown name of a column")
def rc_unknown_dimension(p):
    columns = p.part("coordination")["columns"]
    columns["knowledge"] = columns.pop("know")


@mistake("Every rating without the rated workgroup", "coordination", "incomplete")
def rc_no_target(p):
    p.tables["rc1.csv"]["Rated"] = ""


@mistake("Ratings from 0 to 100", "coordination", "range")
def rc_scale(p):
    p.tables["rc1.csv"]["know"] = (pd.to_numeric(p.tables["rc1.csv"]["know"]) * 20).astype(str)


@mistake("The file pasted below itself", "coordination", "twice")
def rc_pasted(p):
    p.tables["rc1.csv"] = pd.concat([p.tables["rc1.csv"]] * 2, ignore_index=True)


@mistake("A workgroup called `Total`", "coordination", "totals")
def rc_total(p):
    table = p.tables["rc1.csv"]
    p.tables["rc1.csv"] = pd.concat([table, table.head(3).assign(Rated="Total")], ignore_index=True)


@mistake("A rated workgroup spelled almost as the one that rates", "coordination", "unknown group")
def rc_spelled(p):
    table = p.tables["rc1.csv"]
    table["Rated"] = table["Rated"].replace("Therapists", "Therapist")


@mistake("Workgroups in small letters in one column", "coordination", "", "reads it")
def rc_small_letters(p):
    p.tables["rc1.csv"]["Rated"] = p.tables["rc1.csv"]["Rated"].str.lower()


@mistake("More people rate than the roster has", "coordination", "more than all")
def rc_roster(p):
    p.tables["roster.csv"]["People"] = "1"


@mistake("A workgroup twice on the roster", "coordination", "twice")
def roster_twice(p):
    p.tables["roster.csv"] = add(p.tables["roster.csv"], Process="discharge", Group="Nurses", People="4")


@mistake("The coding of the frequency item is not said", "coordination", "frequency")
def rc_frequency(p):
    del p.part("coordination")["frequency"]


@mistake("`pattern` is written for a layout without one", "coordination", "key without effect")
def rc_pattern(p):
    p.part("coordination")["pattern"] = "{target}__{dim}"


# ---- events and the study file


@mistake("Events of a team that there is not", "events", "lost rows", "goes on with a word")
def event_of_nobody(p):
    p.tables["events.csv"].loc[1, "Id"] = "Ward Z"


@mistake("Events without a column for their scope", "events", "column not named")
def event_scope(p):
    del p.study["events"]["columns"]["scope"]


@mistake("A phase outside its cohort", "study file", "contradiction")
def phase_outside(p):
    import datetime

    p.study["cohorts"][0]["phases"][1]["end"] = datetime.date(2026, 1, 1)


@mistake("Phases that overlap", "study file", "contradiction")
def phases_overlap(p):
    p.study["cohorts"][0]["phases"][1]["start"] = p.study["cohorts"][0]["phases"][0]["start"]


@mistake("A text of the template that nobody replaced", "study file", "template text", "goes on with a word")
def template_text(p):
    p.study["source"] = "TODO: say where the data come from"


@mistake("A form that no part uses", "study file", "key without effect")
def unused_form(p):
    p.study["forms"] = {"survey": {"dates": "%d/%m/%Y"}}


@mistake("A key that there is not", "study file", "extra_forbidden")
def unknown_key(p):
    p.part("pulses")["improves"] = "increase"


@mistake("A cohort that there is not", "study file", "unknown cohort")
def unknown_cohort(p):
    p.part("pulses")["cohorts"] = ["b"]


@mistake("The primary analysis names an outcome that there is not", "study file", "unknown outcome")
def unknown_outcome(p):
    p.study["primary"]["outcome"] = "experiences"


# ---- what looks right at first sight


def answers_one_by_one(p, yes="Yes", no="No"):
    """Turn the counts of the pulse into single answers."""
    table = p.tables["pulse.csv"]
    rows = [
        (week, team, word)
        for week, team, n, good in table[["Week", "Team", "Answers", "Good days"]].itertuples(index=False)
        for word in [yes] * int(good) + [no] * (int(n) - int(good))
    ]
    p.tables["pulse.csv"] = pd.DataFrame(rows, columns=["Week", "Team", "Said"])
    p.part("pulses")["columns"] = {"date": "Week", "team": "Team", "answer": "Said"}
    p.part("pulses")["positive"] = ["Yes"]


def numbers(table, column):
    return pd.to_numeric(table[column])


@mistake("Positive answers in other letters than the study file has (yes, Yes)", "pulses", "", "reads it")
def answers_small(p):
    answers_one_by_one(p, "yes ", "no")


@mistake("No answer is one of those that the study file calls positive", "pulses", "positive")
def answers_none_positive(p):
    answers_one_by_one(p, "Y", "N")


@mistake("A positive answer misspelled in some rows", "pulses", "looks wrong", "goes on with a word")
def answers_misspelled(p):
    answers_one_by_one(p)
    p.tables["pulse.csv"].loc[lambda t: (t["Said"] == "Yes") & (t.index % 7 == 0), "Said"] = "Yess"


@mistake("n/a among single answers, which would count as not positive", "pulses", "missing code")
def answers_not_given(p):
    answers_one_by_one(p)
    p.tables["pulse.csv"].loc[::50, "Said"] = "n/a"


@mistake("Running totals in place of the numbers of each week", "pulses", "running totals")
def pulse_running_totals(p):
    table = p.tables["pulse.csv"]
    for column in ("Answers", "Good days"):
        table[column] = numbers(table, column).groupby(table["Team"]).cumsum().astype(str)


@mistake("A week entered again under another day", "pulses", "twice")
def pulse_week_again(p):
    table = p.tables["pulse.csv"]
    again = table.iloc[[2]].assign(Week=str(pd.Timestamp(table["Week"].iloc[2]).date() + pd.Timedelta("1D")))
    p.tables["pulse.csv"] = pd.concat([table, again], ignore_index=True)


@mistake("0 is listed under `missing` where it is a count", "pulses", "lost rows")
def pulse_zero_missing(p):
    p.part("pulses")["missing"] = ["", "0"]
    p.tables["pulse.csv"].loc[::4, "Good days"] = "0"


@mistake("A part copied for a second measure, its columns not changed", "pulses", "twice")
def pulse_copied(p):
    p.study["pulses"].append({**p.part("pulses"), "measure": "bad_day", "title": "Bad day", "improve": "decrease"})


@mistake("A team with pulses of whom nobody knows how many they are", "pulses", "unknown size")
def pulse_unknown_size(p):
    p.tables["teams.csv"].loc[p.tables["teams.csv"].index[0], "Staff"] = ""


@mistake("More answers each week than staff in post", "pulses", "looks wrong", "goes on with a word")
def pulse_over_staff(p):
    p.tables["pulse.csv"]["Answers"] = "40"


@mistake("Days as the numbers that spreadsheets keep (45292)", "pulses", "not a day")
def pulse_serial_days(p):
    days = pd.to_datetime(p.tables["pulse.csv"]["Week"]) - pd.Timestamp("1899-12-30")
    p.tables["pulse.csv"]["Week"] = days.dt.days.astype(str)


@mistake("Running totals in place of the numbers of each month", "outcomes", "running totals")
def outcome_running_totals(p):
    table = p.tables["outcome.csv"]
    for column in ("All", "Good"):
        table[column] = numbers(table, column).groupby(table["Team"]).cumsum().astype(str)


@mistake("Half an event", "outcomes", "looks wrong", "goes on with a word")
def outcome_half_an_event(p):
    p.tables["outcome.csv"].loc[3, "Good"] = "4.5"


@mistake("A month entered again under another day", "outcomes", "twice")
def outcome_month_again(p):
    table = p.tables["outcome.csv"]
    again = table.iloc[[2]].assign(Month=table["Month"].iloc[2][:8] + "15")
    p.tables["outcome.csv"] = pd.concat([table, again], ignore_index=True)


@mistake("Months in a file that is said to hold quarters", "outcomes", "twice")
def outcome_quarters(p):
    p.part("outcomes")["period"] = "quarter"


@mistake("Months in a file that is said to hold weeks", "outcomes", "looks wrong", "goes on with a word")
def outcome_weeks(p):
    p.part("outcomes")["period"] = "week"


@mistake("A digit too many in one month", "outcomes", "looks wrong", "goes on with a word")
def outcome_slip(p):
    table = p.tables["outcome.csv"]
    table.loc[5, ["All", "Good"]] = [table.loc[5, "All"] + "00", table.loc[5, "Good"] + "00"]


@mistake("Two months of the wrong decade", "outcomes", "looks wrong", "goes on with a word")
def outcome_decade(p):
    p.tables["outcome.csv"].loc[[0, 1], "Month"] = ["2014-01-01", "2014-02-01"]


@mistake("Blank cells in the column of events", "outcomes", "looks wrong", "goes on with a word")
def outcome_blanks(p):
    p.tables["outcome.csv"].loc[::6, "Good"] = ""


@mistake("One heading for numerator and denominator", "outcomes", "heading twice")
def outcome_one_heading(p):
    p.part("outcomes")["columns"]["denominator"] = "Good"


@mistake("A column mapped under the name of a score", "surveys", "name taken")
def wave_name_of_a_score(p):
    p.tables["wave1.csv"]["Level"] = "3"
    p.part("waves")["columns"]["psychological_safety"] = "Level"


@mistake("A column mapped under a name of joyeval's own (`cohort`)", "surveys", "name taken")
def wave_name_of_ours(p):
    p.tables["wave1.csv"]["Level"] = "b"
    p.part("waves")["columns"]["cohort"] = "Level"


@mistake("An item of a questionnaire that only another wave has", "surveys", "name taken")
def wave_item_of_another(p):
    p.tables["wave1.csv"]["Level"] = "3"
    p.part("waves")["columns"]["burnout_answer"] = "Level"
    p.tables["wave2.csv"]["burnout_answer"] = "2"
    p.part("waves", 1)["instruments"] = ["psychological_safety_7", "burnout_item"]
    p.part("waves", 1)["columns"]["burnout_answer"] = "burnout_answer"


@mistake("The team as a part of the linkage code", "surveys", "name taken")
def wave_link_by_team(p):
    for i in (0, 1):
        p.part("waves", i)["link_by"] = ["team", "person"]


@mistake("Two versions of a questionnaire in one wave", "surveys", "name taken")
def wave_two_versions(p):
    p.part("waves")["instruments"] = ["psychological_safety_7", "psychological_safety_5"]


@mistake("One heading for two items", "surveys", "heading twice")
def wave_one_heading(p):
    p.part("waves")["columns"]["psafety_2"] = "psafety_1"


@mistake("A five-point survey under a seven-point questionnaire", "surveys", "looks wrong", "goes on with a word")
def wave_five_points(p):
    for item in (f"psafety_{i}" for i in range(1, 8)):
        p.tables["wave1.csv"][item] = numbers(p.tables["wave1.csv"], item).clip(upper=5).astype(str)


@mistake("An answer of the scale is listed under `missing`", "surveys", "contradiction")
def wave_missing_answer(p):
    p.part("waves")["missing"] = ["", "7"]


@mistake("The export of a wave holds the answers of the wave before, and no dates are mapped", "surveys", "twice")
def wave_all_answers_so_far(p):
    p.tables["teams.csv"]["Staff"] = "40"
    for i in (0, 1):
        del p.part("waves", i)["columns"]["date"], p.part("waves", i)["columns"]["person"]
    p.tables["wave2.csv"] = pd.concat([p.tables["wave1.csv"], p.tables["wave2.csv"]], ignore_index=True)


@mistake("Numbers of responses mapped as numbers of people", "surveys", "looks wrong", "goes on with a word")
def wave_row_numbers(p):
    for name in ("wave1.csv", "wave2.csv"):
        p.tables[name]["Code"] = [str(i) for i in range(1, len(p.tables[name]) + 1)]


@mistake("No column is mapped for the team", "surveys", "no team column", "goes on with a word")
def wave_without_team(p):
    del p.part("waves")["columns"]["team"]


@mistake("A team that is in the other waves is in one wave not", "surveys", "team without rows", "goes on with a word")
def wave_team_absent(p):
    table = p.tables["wave2.csv"]
    p.tables["wave2.csv"] = table[table["Team"] != "Ward E"]


@mistake("The file of the first wave under the name of the second", "coordination", "twice")
def rc_same_file(p):
    p.tables["rc2.csv"] = p.tables["rc1.csv"].copy()


@mistake("The file of a wave holds the ratings of the wave before", "coordination", "twice")
def rc_all_ratings_so_far(p):
    p.tables["roster.csv"]["People"] = "30"
    before = p.tables["rc1.csv"].assign(Person="x" + p.tables["rc1.csv"]["Person"])
    p.tables["rc2.csv"] = pd.concat([before, p.tables["rc2.csv"]], ignore_index=True)


@mistake("A roster of waves that there are not", "coordination", "unknown wave")
def roster_other_waves(p):
    p.tables["roster.csv"]["Wave"] = "spring"
    p.part("roster")["columns"]["wave"] = "Wave"


@mistake("An event entered twice", "events", "looks wrong", "goes on with a word")
def event_twice(p):
    p.tables["events.csv"] = pd.concat([p.tables["events.csv"].iloc[[0]], p.tables["events.csv"]], ignore_index=True)


@mistake("An event of the wrong decade", "events", "looks wrong", "goes on with a word")
def event_decade(p):
    p.tables["events.csv"].loc[0, "Date"] = "2014-05-01"


SAFETY = {
    "Very inaccurate": 1,
    "Inaccurate": 2,
    "Slightly inaccurate": 3,
    "Neither": 4,
    "Slightly accurate": 5,
    "Accurate": 6,
    "Very accurate": 7,
}
GERMAN = ("Stimmt genau", "Stimmt", "Stimmt eher", "Weder noch", "Eher nicht", "Nicht", "Gar nicht")
assert np.unique([one.name for one in CATALOGUE]).size == len(CATALOGUE)


# ---- met by a second look


@mistake("A row `Gesamt` in the list of teams and in every week, without headcount", "teams", "totals")
def total_in_another_language(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="Gesamt")
    table = p.tables["pulse.csv"] = total_of(p.tables["pulse.csv"], "Gesamt", "Week")
    table.loc[table["Team"] == "Gesamt", "Answers"] = "99"


@mistake(
    "A team of the list with about the numbers of all others together", "pulses", "looks wrong", "goes on with a word"
)
def nearly_totals(p):
    table = total_of(p.tables["pulse.csv"], "Riverside", "Week")
    theirs = table["Team"] == "Riverside"
    table.loc[theirs, "Answers"] = (table.loc[theirs, "Answers"].astype(int) + 1).astype(str)
    p.tables["pulse.csv"], p.tables["teams.csv"] = table, add(p.tables["teams.csv"], Team="Riverside", Staff="24")


@mistake("A headcount of about all others together", "teams", "looks wrong", "goes on with a word")
def headcount_of_nearly_all(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="Riverside", Staff="58")


@mistake("A team called `(blank)`, as pivot tables have it", "teams", "looks wrong", "goes on with a word")
def team_called_blank(p):
    p.tables["teams.csv"] = add(p.tables["teams.csv"], Team="(blank)", Staff="3")


@mistake("`N/A` in place of the numbers of people", "surveys", "shared code")
def people_without_numbers(p):
    p.tables["wave1.csv"]["Code"] = "N/A"


@mistake("Numbers of people that a spreadsheet shortened (1.23457E+11)", "surveys", "shared code")
def shortened_numbers_of_people(p):
    p.tables["wave1.csv"].loc[:20, "Code"] = "1.23457E+11"


@mistake("More than one answer in ten from people who answered again", "surveys", "duplicate")
def many_answered_again(p):
    table = p.tables["wave1.csv"]
    table.loc[1:14:2, "Code"] = table.loc[0:13:2, "Code"].to_numpy()


@mistake("A heading that another has in capitals", "pulses", "", "reads it")
def heading_in_capitals(p):
    p.tables["pulse.csv"]["ANSWERS"] = (p.tables["pulse.csv"]["Answers"].astype(int) + 1).astype(str)


@mistake("1,234 alone in a column of means", "outcomes", "looks wrong", "goes on with a word")
def thousands_or_decimals(p):
    part, table = p.part("outcomes"), p.tables["outcome.csv"]
    table["Score"] = [f"{1 + i % 4},{200 + i}" for i in range(len(table))]
    part |= {"kind": "mean", "unit": "points", "columns": {"team": "Team", "period": "Month", "value": "Score"}}


@mistake("A column of answers without a single one", "surveys", "empty column")
def empty_item(p):
    p.tables["wave1.csv"]["psafety_2"] = ""


@mistake("A column of days without a single one", "surveys", "empty column")
def empty_days(p):
    p.tables["wave1.csv"]["Sent"] = ""


@mistake("One answer of everybody to one item", "surveys", "looks wrong", "goes on with a word")
def one_answer_to_an_item(p):
    p.tables["wave1.csv"]["psafety_2"] = "4"


@mistake("An item that runs against the others of its scale", "surveys", "looks wrong", "goes on with a word")
def item_turned(p):
    table = p.tables["wave1.csv"]
    table["psafety_2"] = (8 - table["psafety_2"].astype(int)).astype(str)


@mistake("Answers written 4,0", "surveys", "", "reads it")
def answers_with_decimals(p):
    items = [name for name in p.tables["wave1.csv"] if name.startswith("psafety")]
    p.tables["wave1.csv"][items] += ",0"


@mistake("A dimension without a single rating", "coordination", "empty column")
def empty_dimension(p):
    p.tables["rc1.csv"]["goal"] = ""


@mistake("A workgroup under another name in one wave", "coordination", "looks wrong", "goes on with a word")
def group_renamed(p):
    p.tables["rc2.csv"] = p.tables["rc2.csv"].replace({"Nurses": "Nursing"})


@mistake("A process misspelled in some rows", "coordination", "looks wrong", "goes on with a word")
def process_misspelled(p):
    p.tables["rc1.csv"].loc[:8, "Process"] = "dischrage"


@mistake("A denominator of 0 throughout", "outcomes", "empty column")
def denominators_of_nothing(p):
    p.tables["outcome.csv"][["Good", "All"]] = "0"


@mistake("Every event of a scope that there is not", "events", "lost rows")
def events_of_no_scope(p):
    p.tables["events.csv"]["Scope"] = "ward"


@mistake("Answers without the number of positive ones", "pulses", "lost rows")
def positive_left_blank(p):
    p.tables["pulse.csv"].loc[[3, 4], "Good days"] = ""


@mistake("Weeks that begin on Sunday", "pulses", "looks wrong", "goes on with a word")
def weeks_from_sunday(p):
    table = p.tables["pulse.csv"]
    days = pd.to_datetime(table["Week"]) + pd.Timedelta("6D")
    table["Week"] = days.dt.strftime("%Y-%m-%d")


@mistake(
    "Each line as one cell in quotation marks, as spreadsheets save what they did not cut", "pulses", "", "reads it"
)
def lines_in_one_cell(p):
    lines = p.tables["pulse.csv"].to_csv(index=False).splitlines()
    p.written["pulse.csv"] = "".join(f'"{line}"\n' for line in lines)


def mean_outcome(p, numbers):
    """Make the outcome a mean, with these numbers."""
    p.tables["outcome.csv"]["Days"] = [str(number) for number in numbers]
    part = p.part("outcomes")
    part.pop("percent", None)
    part |= {"kind": "mean", "columns": {"team": "Team", "period": "Month", "value": "Days"}}


@mistake("A positive answer shortened in some rows (Y)", "pulses", "looks wrong", "goes on with a word")
def answers_shortened(p):
    answers_one_by_one(p)
    p.tables["pulse.csv"].loc[lambda t: (t["Said"] == "Yes") & (t.index % 7 == 0), "Said"] = "Y"


@mistake("A positive answer with words behind it in some rows", "pulses", "looks wrong", "goes on with a word")
def answers_with_words(p):
    answers_one_by_one(p)
    p.tables["pulse.csv"].loc[lambda t: (t["Said"] == "Yes") & (t.index % 7 == 0), "Said"] = "Yes, mostly"


@mistake("A positive answer is listed that nobody gave", "pulses", "looks wrong", "goes on with a word")
def answers_never_given(p):
    answers_one_by_one(p)
    p.part("pulses")["positive"] = ["Yes", "Certainly"]


@mistake("The value that `where` names is misspelled in some rows", "outcomes", "looks wrong", "goes on with a word")
def where_misspelled(p):
    table = p.tables["outcome.csv"]
    table["Measure"] = ["Falls" if i % 5 else "Fals" for i in range(len(table))]
    p.part("outcomes")["where"] = {"Measure": "Falls"}


@mistake("The value that `where` names stands in other letters in some rows", "outcomes", "", "reads it")
def where_in_other_letters(p):
    table = p.tables["outcome.csv"]
    table["Measure"] = ["Falls" if i % 5 else "FALLS" for i in range(len(table))]
    p.part("outcomes")["where"] = {"Measure": "falls"}


@mistake("Means in another unit from one month on", "outcomes", "looks wrong", "goes on with a word")
def unit_changed(p):
    months = p.tables["outcome.csv"]["Month"]
    late = months >= sorted(months.unique())[8]
    mean_outcome(p, [(20 + i % 5) * (10 if after else 1) for i, after in enumerate(late)])


@mistake("Means of one team in another unit", "outcomes", "looks wrong", "goes on with a word")
def unit_of_a_team(p):
    mean_outcome(
        p, [(20 + i % 5) * (100 if t == "Ward A" else 1) for i, t in enumerate(p.tables["outcome.csv"]["Team"])]
    )


@mistake("A point before thousands in some rows (1.204)", "outcomes", "looks wrong", "goes on with a word")
def point_of_thousands(p):
    mean_outcome(p, [f"1.2{i % 90 + 10}" if i % 3 == 0 else 1200 + i for i in range(len(p.tables["outcome.csv"]))])


@mistake("Months without a year", "outcomes", "not a day")
def months_without_year(p):
    table = p.tables["outcome.csv"]
    table["Month"] = pd.to_datetime(table["Month"]).dt.strftime("%b")


@mistake("Teams that start ten years after their cohort", "teams", "looks wrong", "goes on with a word")
def start_of_another_decade(p):
    p.tables["teams.csv"]["Start"] = "2034-02-01"
    p.part("teams")["columns"]["start_date"] = "Start"


@mistake("0 in every team in the last weeks, which are still to come", "pulses", "looks wrong", "goes on with a word")
def weeks_to_come(p):
    table = p.tables["pulse.csv"]
    table.loc[table["Week"] >= sorted(table["Week"].unique())[-6], ["Good days", "Answers"]] = "0"


@mistake("The numbers of one week carried on to the last", "pulses", "looks wrong", "goes on with a word")
def weeks_carried_on(p):
    table = p.tables["pulse.csv"]
    for _, own in table.groupby("Team"):
        table.loc[own.index[-5:], ["Good days", "Answers"]] = table.loc[
            own.index[-5], ["Good days", "Answers"]
        ].tolist()


@mistake(
    "Numbers of months that start again each April, as totals of a financial year do", "outcomes", "running totals"
)
def totals_of_the_year(p):
    table = p.tables["outcome.csv"]
    year = (pd.to_datetime(table["Month"]) - pd.DateOffset(months=3)).dt.year
    for name in ("Good", "All"):
        table[name] = table[name].astype(int).groupby([table["Team"], year]).cumsum().astype(str)


@mistake("Percentages, each said to be of 100", "outcomes", "looks wrong", "goes on with a word")
def percentages_of_100(p):
    table = p.tables["outcome.csv"]
    table["Good"] = (100 * table["Good"].astype(int) / table["All"].astype(int)).round().astype(int).astype(str)
    table["All"] = "100"


@mistake("Nothing but 0, as formulas leave that nobody worked out", "outcomes", "looks wrong", "goes on with a word")
def nothing_but_zeros(p):
    p.tables["outcome.csv"]["Good"] = "0"


@mistake("The numbers of one team under the name of another, too", "pulses", "looks wrong", "goes on with a word")
def team_copied(p):
    table, numbers = p.tables["pulse.csv"], ["Good days", "Answers"]
    table.loc[table["Team"] == "Ward B", numbers] = table.loc[table["Team"] == "Ward A", numbers].to_numpy()


@mistake("The number of people asked in place of those who answered", "pulses", "looks wrong", "goes on with a word")
def asked_not_answered(p):
    p.tables["pulse.csv"]["Answers"] = "12"


@mistake("A digit of another script (１２)", "outcomes", "not a number")
def digit_of_another_script(p):
    p.tables["outcome.csv"].loc[2, "All"] = "１２"


@mistake("A name of a team of the list is given as another name of a second team", "teams", "twice")
def name_of_a_team_for_another(p):
    p.study["teams"]["also_called"] = {"Ward A": ["Ward B"]}


@mistake("A column that is headed `row`, as joyeval calls the number of a row", "outcomes", "heading taken")
def headed_row(p):
    p.tables["outcome.csv"] = p.tables["outcome.csv"].rename(columns={"All": "row"})
    p.part("outcomes")["columns"]["denominator"] = "row"


@mistake("A second export of a wave in which some people stand again", "surveys", "twice")
def people_in_two_files(p):
    again = p.tables["wave1.csv"].head(5).assign(psafety_1="4", psafety_2="2")
    p.tables["wave1 later.csv"], p.part("waves")["file"] = again, "wave1*.csv"
    p.tables["teams.csv"]["Staff"] = "30"


@mistake(
    "The column of teams sorted by itself, so that people stand in other teams",
    "surveys",
    "looks wrong",
    "goes on with a word",
)
def teams_sorted_alone(p):
    table = p.tables["wave2.csv"]
    table["Team"] = sorted(table["Team"], reverse=True)
