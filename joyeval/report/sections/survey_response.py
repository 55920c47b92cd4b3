"""Who answered the surveys: people at each step, response rates by wave and team, and a CHERRIES table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.disclosure.statistics import within_ends
from joyeval.exhibits import surveys as exhibits
from joyeval.intake.response import rates_of, respondent_flow
from joyeval.measurement import surveys
from joyeval.report.audiences import section
from joyeval.report.sections.words import percent, rule
from joyeval.wording import counted

if TYPE_CHECKING:
    from joyeval.disclosure import Rule, Shown
    from joyeval.store import Store
    from joyeval.study import Study

RATES = {  # of whom, among whom; the others equal one of these where all are eligible
    "RR1": ("complete", "invited"),
    "RR2": ("kept", "invited"),
    "COOP1": ("complete", "opened"),
    "COOP2": ("kept", "opened"),
    "REF1": ("refused", "invited"),
    "CON1": ("opened", "invited"),
}
MEANT = (
    "Rates as AAPOR defines them (10th edition). RR1: every score; RR2: any answer that was kept; COOP: of those who "
    "opened it; REF: opened, answered nothing; CON: opened. Everybody in post counts as eligible, so RR1 = RR3 = RR5, "
    "RR2 = RR4 = RR6, and REF1 to REF3 and CON1 to CON3 agree."
)
TO_WRITE = "to be written by the authors"


@section
def respondents(study: Study, store: Store) -> None:
    """Emit the flow of respondents, their rates by wave, and those of teams as far as they may be shown."""
    if "response" not in store.tables() or store.table("response").empty:
        return
    table = store.table("response")
    shown = disclosure.show_flow(respondent_flow(table), audience=rule(study))
    report.heading("Who answered?", level=3)
    report.exhibit(exhibits.respondents(shown))
    if table["invited"].notna().any():
        _rates(table, rule(study))


def _rates(table: pd.DataFrame, rule: Rule) -> None:
    steps = ["opened", "started", "kept", "complete"]
    waves = table.groupby("wave", sort=False)[["invited", *steps]].sum(min_count=len(table["team"].unique()))
    known = waves["invited"].notna()
    shown = disclosure.show_flow(waves[known], audience=rule).pipe(lambda flow: _rates_of_waves(flow, rule))
    if len(shown.what):
        report.table(
            shown,
            caption="Response, cooperation, refusal and contact rates by wave (%), from counts to the nearest 5",
            labels={name: name for name in RATES},
            formats=dict.fromkeys(RATES, percent),
            footnotes=[MEANT],
        )
    names = ["wave", "team"]
    known = table["team"].notna() & (table["invited"] >= table["opened"])
    if known.any():
        rates = disclosure.show(
            table[[*names, "kept", "invited"]].fillna({"kept": 0, "invited": 0}).astype({"kept": int, "invited": int}),
            audience=rule,
            people="kept",
            by=names,
            within=["wave"],
            besides=~known,
            percents={"rate": ("kept", "invited")},
        )
        _team_rates(rates.pipe(lambda table: table[known]))


def _rates_of_waves(flow: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Rates from rounded counts; a wave without all of its counts has none."""
    known = flow.dropna().reset_index().assign(team="all")
    rates = rates_of(known).set_index("wave").rename_axis("wave")
    whole = (100 * rates[list(RATES)]).round()
    bounded = {name: within_ends(whole[name], rates[part], rates[base], rule) for name, (part, base) in RATES.items()}
    return pd.DataFrame(bounded).dropna(how="all")


def _team_rates(rates: Shown) -> None:
    """One row per team that has a rate in some wave; how many have none."""
    wide = rates.pipe(_by_wave)
    hidden = rates.what["team"].nunique() - len(wide.what)
    if len(wide.what):
        report.table(
            replace(wide, mask=wide.mask[wide.mask["where"].isin(_cells(wide.what))], asked=wide.what.size),
            caption="Response rate (RR2, %) by team and wave, from counts rounded to the nearest 5",
            formats=dict.fromkeys(wide.what.columns, percent),
            footnotes=[f"Not listed: {hidden} teams of too few people in every wave."] if hidden else [],
        )


def _by_wave(rates: pd.DataFrame) -> pd.DataFrame:
    wide = rates.pivot(index="team", columns="wave", values="rate")[list(dict.fromkeys(rates["wave"]))]
    return wide.dropna(how="all").rename_axis("team").rename_axis(columns=None)


def _cells(wide: pd.DataFrame) -> list[str]:
    return [f"{wave}, {team}" for team in wide.index for wave in wide.columns]


@section
def cherries(study: Study, cohort: str, store: Store) -> None:
    """Emit what the checklist for e-surveys asks for, as far as the data know; the rest is for the authors.

    References
    ----------
    Eysenbach (2004), J. Med. Internet Res. 6(3), e34, doi:10.2196/jmir.6.3.e34.
    """
    waves = study.of_cohort("waves", cohort)
    if not waves or "response" not in store.tables():
        return
    before, after = _design(study, cohort, store), _checks(waves, store)
    flow = disclosure.show_flow(respondent_flow(store.table("response")), audience=disclosure.reader())
    report.heading("The surveys, as CHERRIES asks", level=3)
    columns = ["category", "item", "here"]
    table = flow.pipe(lambda flow: pd.DataFrame([*before, *_answers(flow), *after], columns=columns))
    caption = "Checklist for reporting results of internet e-surveys (CHERRIES)"
    report.table(replace(table, mask=table.mask[:0]), caption=caption, header_columns=2)


def _design(study: Study, cohort: str, store: Store) -> list[tuple[str, str, str]]:
    waves = study.of_cohort("waves", cohort)
    teams = store.table("teams")
    known = {"staff": teams["headcount"].sum()} if teams["headcount"].notna().all() else {}
    counts = disclosure.show_counts(known, audience=disclosure.reader()).what
    staff = f", about {counts['staff']} staff in post" if counts else ""
    invited = "everybody was invited" if counts else "who was invited is not known"
    when = "; ".join(dict.fromkeys(f"{wave.wave}: {wave.start} to {wave.end}" for wave in waves))
    named = "; ".join(one.title for one in surveys.instruments(study, cohort))
    return [
        ("Design", "Target population", f"{counted(len(teams), study.teams.called)}{staff}; {invited}"),
        ("Ethics", "Approval, consent, data protection", f"{TO_WRITE}; people stand as keyed pseudonyms"),
        ("Development", "Development and testing", f"published questionnaires: {named}"),
        ("Recruitment", "Open or closed, contact, advertising", TO_WRITE),
        ("Administration", "Time", when),
        ("Administration", "Mandatory, incentives, order of items, pages, review", TO_WRITE),
    ]


def _answers(flow: pd.DataFrame) -> list[tuple[str, str, str]]:
    parts = (
        ("View rate", "opened", "invited"),
        ("Participation rate", "started", "opened"),
        ("Completion rate", "scored", "started"),
    )
    rows = [("Response", "Unique visitor", "a person in a wave: who sent twice counts once")]
    for name, top, base in parts:
        told = [_rate(wave, row[top], row[base]) for wave, row in flow.iterrows()]
        rows.append(("Response", f"{name} ({top} of {base})", "; ".join(told)))
    return rows


def _rate(wave: str, top: int, base: int) -> str:
    """Return a rate of rounded counts in words."""
    known = pd.notna(top) and pd.notna(base) and base > 0
    return f"{wave}: {disclosure.share_in_words(top, base, disclosure.reader())}" if known else f"{wave}: not known"


def _few(count: int) -> str:
    """Return a count of rows, small ones in words."""
    rule = disclosure.reader()
    if 0 < count < rule.threshold:
        return f"fewer than {rule.threshold}"
    return f"about {rule.rounded(count):.0f}" if count else "none"


def _checks(waves: tuple, store: Store) -> list[tuple[str, str, str]]:
    aside = store.table("quarantine")["rule"].value_counts()
    coded = sorted({", ".join(wave.link_by) for wave in waves if set(wave.link_by) <= set(wave.columns)})
    known = f"by {'; '.join(coded)}".replace("_", " ")
    by = known if coded else "not possible: the files hold nothing that tells people apart"
    fast = max(wave.shortest for wave in waves)
    times = f"under {fast} seconds" if fast else "that end before they begin"
    return [
        (
            "Multiple entries",
            "Same person twice",
            f"{by}; the fullest is kept, left out: {_few(aside.get('duplicate', 0))}",
        ),
        ("Analysis", "Incomplete questionnaires", "used; each score says how many answers it needs"),
        (
            "Analysis",
            "Atypical time",
            f"answers {times} are looked for; left out: {_few(aside.get('impossible duration', 0))}",
        ),
        ("Analysis", "Statistical correction", "none in the means; how far non-response could matter is shown apart"),
    ]
