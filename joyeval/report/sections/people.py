"""Who took part: everyone from the roster to the last answer, and how unlike respondents are to the staff in post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, measurement, report
from joyeval.measurement import surveys
from joyeval.measurement.response import Response
from joyeval.report.audiences import section, stores
from joyeval.report.messages import catalogue
from joyeval.report.sections.data import response
from joyeval.report.sections.words import rule
from joyeval.result import answered
from joyeval.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from joyeval.disclosure import Rule, Said
    from joyeval.store import Store
    from joyeval.study import Study

OF_TEAMS = ("setting",)


@section
def participants(study: Study, cohort: str, store: Store) -> None:
    """Emit teams and staff, people at each step of the surveys, and respondents against the roster."""
    report.heading(catalogue(study.language)("headings.participants"))
    teams = store.table("teams")
    staff = teams["headcount"].sum()
    places = teams["setting"].nunique() if "setting" in teams else 0
    in_post = disclosure.show_counts({"staff": staff}, audience=rule(study))
    report.text(
        in_post.say(
            lambda counts: (
                counted(len(teams), study.teams.called)
                + (f" with about {counts['staff']} staff in post" if counts else "")
                + (f", in {places} settings, took part." if places > 1 else " took part.")
            )
        )
    )
    if not any(name.startswith("wave_") for name in store.tables()):
        return
    response(store)
    _representative(study, cohort, store, teams)


def _representative(study: Study, cohort: str, store: Store, teams: pd.DataFrame) -> None:
    """Hold the respondents of the first wave against the roster."""
    answers = surveys.respondents(store)
    first = answers[answers["wave"] == answers["wave"].iloc[0]].drop(columns=list(OF_TEAMS), errors="ignore")
    first = first.merge(teams[["team", *(name for name in OF_TEAMS if name in teams)]], on="team", how="left")
    margins = [pd.Series(counts, name="staff").rename_axis(name) for name, counts in study.cohort(cohort).staff.items()]
    margins += [
        teams.groupby(name)["headcount"].sum().rename("staff")
        for name in OF_TEAMS
        if name in teams and teams["headcount"].notna().all() and len(teams[name].dropna().unique()) > 1
    ]
    margins = [margin for margin in margins if margin.index.name in first]
    if not margins:
        return
    found = answered("whether respondents are like the staff in post", measurement.response, first, margins)
    report.heading("Are the respondents like the staff?", level=3)
    if not isinstance(found, Response):
        report.text(disclosure.show(found, audience=rule(study)).sentence())
        return
    report.text(_told(found, rule(study)))
    _against_roster(found, str(first["wave"].iloc[0]), study)


def _told(found: Response, rule: Rule) -> Said:
    """Say whether response differed between groups, without naming one as best or worst."""
    unlike = list(found.tests.loc[found.tests["p"] < 0.05, "margin"])
    counts = found.groups.groupby("margin")[["answered", "invited"]].sum().iloc[0]
    told = f"Response did not differ clearly by {listed(list(found.tests['margin']), 'or')}."
    if unlike:
        told = f"Response clearly differed by {listed(unlike)}, so means may lean one way."
    return disclosure.show_counts(counts.to_dict(), audience=rule).say(_first_survey, told, rule.threshold)


def _first_survey(counts: dict[str, int], differed: str, threshold: int) -> str:
    if not {"answered", "invited"} <= set(counts):
        return f"In the first survey fewer than {threshold} of the staff in post answered."
    share = disclosure.share_in_words(counts["answered"], counts["invited"], disclosure.reader())
    return f"In the first survey {share} of the staff in post answered. {differed}"


def left_over(
    attributes: Sequence[str], scores: Sequence[str], waves: Collection[str], study: Study
) -> frozenset[tuple[str, str, str]]:
    """Return the groups, by score, that would leave a few people over beside other groups and the teams named."""
    few: set[tuple[str, str, str]] = set()
    for store in stores():
        answers = surveys.with_groups([*dict.fromkeys([*attributes, *disclosure.TEAMS_BY])], store)
        here = answers[answers["wave"].astype(str).isin(waves)]
        few |= disclosure.leaves_few(here.astype({"wave": str}), attributes, scores, rule(study))
    return frozenset(few)


def give_away(groups: pd.DataFrame, wave: str, study: Study) -> list[bool]:
    """Whether each group of a roster, margin and category, would leave over a few people who answered a wave."""
    few: set[tuple[str, str, str]] = set()
    for store in stores():
        teams, answers = store.table("teams").set_index("team"), surveys.respondents(store)
        margins = [name for name in disclosure.TEAMS_BY if name in teams]
        here = answers.loc[answers["wave"].astype(str) == wave, ["team", "wave"]].assign(answered=1)
        of_teams = here.assign(**{name: here["team"].map(teams[name]) for name in margins}).astype({"wave": str})
        few |= disclosure.leaves_few(of_teams, margins, ["answered"], rule(study))
    keys = zip(groups["margin"], groups["category"].astype(str), strict=True)
    return [("answered", *key) in few for key in keys]


def _against_roster(found: Response, wave: str, study: Study) -> None:
    groups = found.groups[["margin", "category", "invited", "answered"]].astype({"invited": int, "answered": int})
    total = groups.groupby("margin")[["invited", "answered"]].transform("sum")
    table = groups.assign(invited_all=total["invited"], answered_all=total["answered"])
    shares = {
        "share_staff": ("invited", "invited_all"),
        "share_answers": ("answered", "answered_all"),
        "rate": ("answered", "invited"),
    }
    counts = ("invited", "answered", "invited_all", "answered_all")
    shown = disclosure.show(
        table,
        audience=rule(study),
        people=dict.fromkeys((*counts, *shares), "answered"),
        by=["margin", "category"],
        within=["margin"],
        besides=give_away(groups, wave, study),
        percents=shares,
    )
    report.table(
        shown.pipe(lambda table: table[["margin", "category", "answered", *shares]]),
        caption="Respondents of the first survey beside the staff in post, from counts to the nearest 5",
        formats=dict.fromkeys(shares, ".0f"),
        labels={
            "margin": "by",
            "category": "group",
            "answered": "respondents",
            "share_staff": "of the staff (%)",
            "share_answers": "of the respondents (%)",
            "rate": "answered (%)",
        },
        header_columns=2,
    )
