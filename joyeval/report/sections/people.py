"""Who took part: everyone from the roster to the last answer, and how unlike respondents are to the staff in post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, measurement, report
from joyeval.measurement import surveys
from joyeval.measurement.response import Response
from joyeval.report.messages import catalogue
from joyeval.report.sections.data import response
from joyeval.report.sections.words import WHY, rule, told_once
from joyeval.result import answered

if TYPE_CHECKING:
    from joyeval.store import Store
    from joyeval.study import Study

OF_TEAMS = ("setting",)


def participants(study: Study, cohort: str, store: Store) -> None:
    """Emit teams and staff, people at each step of the surveys, and respondents against the roster."""
    report.heading(catalogue(study.language)("headings.participants"))
    teams = store.table("teams")
    staff = teams["headcount"].sum()
    places = teams["setting"].nunique() if "setting" in teams else 0
    report.text(
        f"{len(teams)} {study.teams.called}s"
        + (f" with {staff:.0f} staff in post" if staff else "")
        + (f", in {places} settings" if places > 1 else "")
        + (", took part." if places > 1 else " took part.")
    )
    if not any(name.startswith("wave_") for name in store.tables()):
        return
    response(store, rule(study))
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
    report.text(_told(found) if isinstance(found, Response) else found.sentence())
    if isinstance(found, Response):
        _against_roster(found, study)


def _told(found: Response) -> str:
    """Say whether response differed between groups, without naming one as best or worst."""
    unlike = list(found.tests.loc[found.tests["p"] < 0.05, "margin"])
    start = f"In the first survey {found.rate:.0%} of the staff in post answered."
    if unlike:
        return f"{start} Response differed by {' and '.join(unlike)} beyond chance, so means may lean one way."
    return f"{start} No difference in response by {' or '.join(found.tests['margin'])} was beyond chance."


def _against_roster(found: Response, study: Study) -> None:
    groups = found.groups[["margin", "category", "invited", "answered"]]
    total = groups.groupby("margin")[["invited", "answered"]].transform("sum")
    table = groups.assign(invited_all=total["invited"], answered_all=total["answered"])
    shares = {
        "share_staff": ("invited", "invited_all"),
        "share_answers": ("answered", "answered_all"),
        "rate": ("answered", "invited"),
    }
    shown = disclosure.protect(
        table.astype({"invited": int, "invited_all": int, "answered_all": int}),
        n=dict.fromkeys(("invited", "answered", "invited_all", "answered_all"), "answered"),
        by=["margin", "category"],
        within=["margin"],
        rule=rule(study),
    )
    near = table.assign(**{name: rule(study).rounded(table[name]) for name in ("answered", "answered_all")})
    percent = pd.DataFrame({name: 100 * near[part] / near[whole] for name, (part, whole) in shares.items()})
    cells = pd.concat(
        [shown[["margin", "category", "answered"]], percent.clip(upper=100).round().astype(int)], axis="columns"
    )
    report.table(
        told_once(cells, first="answered", others=list(shares)),
        caption="Respondents of the first survey beside the staff in post, from counts to the nearest 5",
        footnotes=[WHY],
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
