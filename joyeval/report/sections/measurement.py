"""Can the scores be trusted? One page per questionnaire, and what missing people and answers could do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures, report
from joyeval.measurement.nonresponse import NonResponse
from joyeval.report.sections.words import NOT_SHOWN, rule, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.measurement.page import Page
    from joyeval.result import Result
    from joyeval.study import Study

MEANING = {
    "strict": "means and spread can be compared",
    "scalar": "means can be compared",
    "metric": "only relations can be compared",
    "configural": "means should not be compared",
    "none": "scores should not be compared",
    "": "not asked",
}
UNTESTED = {2: "two items cannot tell", 3: "three items cannot tell"}
EXACT = (
    "Alpha and omega: share of the differences between scores that the items have in common. Error and change are in "
    "points of the score: one person must change by more than the last column for it to be more than measurement error "
    "(95 %)."
)
PLAIN = (
    "The change is the sum of its three parts. It compares plain means, so it is less exact than the model in the "
    "section on change, which uses what is known of people who answered twice."
)
TIPPING = "how far those who did not answer {} would have to lie from those who did for the change to be 0."
MINUS = "\N{MINUS SIGN}"
FEWEST_TEAMS = 4  # teams that may be shown, below which no picture of them is drawn


def measurement(pages: Mapping[str, Page], study: Study) -> None:
    """Emit a page per questionnaire: what its scores may be used for, and the evidence."""
    for one in pages.values():
        enough = one.scales["n"] >= study.disclosure.threshold
        report.heading(one.title, level=4)
        if not enough.all():
            report.text("Fewer complete answers than may be shown: nothing can be said of this questionnaire.")
            continue
        report.items(f"{row.title}: {row.verdict}." for row in one.scales.itertuples())
        if one.notes:
            report.note(*one.notes)
        _precision(one)
        _meaning(one)
        _items(one)
        _persons(one, study)
        _teams(one, study)


def _precision(one: Page) -> None:
    table = one.scales.set_index("title").rename_axis("scale")
    shown = pd.DataFrame({"items": table["items"], "alpha": _with_limits(table, "alpha")})
    shown["omega"] = _with_limits(table, "omega")
    shown["same answer again"] = _with_limits(table, "retest")
    shown["error"] = [_points(row.sem, row.sem) for row in table.itertuples()]
    shown["change"] = [_points(row.mdc, row.sem) for row in table.itertuples()]
    report.table(
        shown,
        caption=f"{one.title}: how exact its scores are, in the first wave; brackets hold 95 % intervals",
        labels={
            "same answer again": "First two scores of a person agree (ICC)",
            "error": "Error of one score",
            "change": "Smallest real change",
        },
        footnotes=[EXACT],
    )


def _with_limits(table: pd.DataFrame, name: str) -> list[str]:
    limits = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [NOT_SHOWN if pd.isna(v) else f"{v:.2f} ({low:.2f} to {high:.2f})" for v, low, high in limits]


def _meaning(one: Page) -> None:
    """One factor, the Same meaning over waves, team means."""
    table = one.scales.set_index("title").rename_axis("scale")
    shown = pd.DataFrame(index=table.index)
    shown["one thing"] = [
        UNTESTED.get(row.items, "could not be tested")
        if not row.fit
        else f"{row.fit} (CFI {row.cfi:.2f}, RMSEA {row.rmsea:.2f})"
        for row in table.itertuples()
    ]
    if one.waves:
        said = dict(zip(one.items["item"], one.items["label"], strict=True))
        shown["as numbers"] = [_over_waves(row.waves, _spoken(row.released, said)) for row in table.itertuples()]
        shown["as ordered options"] = [_over_waves(row.waves_ordered, "") for row in table.itertuples()]
    shown["team means"] = [f"{row.teams}: {row.teams_why}" if row.teams else "not asked" for row in table.itertuples()]
    between = f" ({' and '.join(one.waves)})" if one.waves else ""
    labels = {
        "one thing": "Do the items measure one thing?",
        "as numbers": f"Same meaning over waves{between}, answers as numbers",
        "as ordered options": "The same, answers as ordered options",
        "team means": "May team means stand for teams?",
    }
    labels = {name: label for name, label in labels.items() if name in shown}  # one wave: nothing over waves
    report.table(shown, caption=f"{one.title}: what its scores stand for", labels=labels)


def _spoken(released: str, labels: Mapping[str, str]) -> str:
    """Name items by their topics; residual variances do not bear on means and are left out."""
    parts = [part.rsplit(" ", 1) for part in released.split(", ") if part and not part.startswith("residual")]
    return ", ".join(f"{what} {labels.get(item, item)}" for what, item in parts)


def _over_waves(reached: str, released: str) -> str:
    freed = f", once the {released} may differ" if released else ""
    return f"{MEANING[reached]} ({reached or 'too few items or waves'}{freed})"


def _items(one: Page) -> None:
    if one.items.empty:
        return
    data = one.items.merge(one.scales[["scale", "title"]], on="scale")
    weak = data[data["r_drop"] < figures.WEAK_ITEM]
    found = f" {len(weak)} of {len(data)} items go with the others by less than {figures.WEAK_ITEM}."
    chance = f" {one.factors.sentence()}" if one.factors else ""
    report.figure(
        figures.questionnaire(one),
        alt="Left, bars: correlation of each item with the others of its scale, and alpha without it."
        + found
        + (f" Right, line: eigenvalues beside those of chance.{chance}" if chance else ""),
        caption=f"{one.title}: how each item goes with the others of its scale"
        + (", and how many things the items measure together" if chance else ""),
        data=data[["title", "label", "r_drop", "alpha_if_dropped"]].rename(columns={"title": "scale", "label": "item"}),
        formats={"r_drop": ".2f", "alpha_if_dropped": ".2f"},
        labels={"r_drop": "Correlation with the others", "alpha_if_dropped": "Alpha without the item"},
    )


def _persons(one: Page, study: Study) -> None:
    """Persons who changed by more than measurement error, as far as their number may be shown."""
    table = one.scales.dropna(subset=["linked"])
    if table.empty:
        return
    counts = table[["title", "linked", "improved", "deteriorated"]].rename(columns={"title": "scale"})
    shown = disclosure.protect(
        counts.astype(dict.fromkeys(("linked", "improved", "deteriorated"), int)),
        n="linked",
        within=None,
        percents={
            "improved (%)": ("improved", "linked"),
            "deteriorated (%)": ("deteriorated", "linked"),
        },
        rule=rule(study),
    ).drop(columns=["improved", "deteriorated"])
    report.table(
        shown,
        caption=f"{one.title}: people who answered {' and '.join(one.waves)}, and who changed beyond measurement error",
        labels={"linked": "People in both waves (about)"},
        footnotes=["If nobody had truly changed, about 2.5 % would pass either way."],
    )


def _teams(one: Page, study: Study) -> None:
    """Draw the means of the teams that may be shown, allowing for chance; none in order of their means."""
    for scale, means in one.team_means.items():
        title = one.scales.set_index("scale").loc[scale, "title"]
        numbers = ["n", "observed", "estimate", "ci_low", "ci_high"]
        kept = disclosure.protect(
            means.teams[[means.group, *numbers]], n="n", by=[means.group], rule=rule(study), words=False
        )
        teams = means.teams.assign(**kept[numbers])[kept["n"].notna()]
        if len(teams) >= FEWEST_TEAMS:
            report.figure(
                figures.caterpillar(means.showing(teams), xlabel=title),
                alt=f"Means of teams with 95 % intervals, in order of their names. {means.sentence()}",
                caption=f"{title}: means of {len(teams)} of {len(means.teams)} teams with enough answers, chance "
                "allowed for; not a ranking",
            )


def nonresponse(found: Mapping[str, Result], study: Study) -> None:
    """Emit, per questionnaire, what people and answers that are missing could do to the changes."""
    first = next((one for one in found.values() if isinstance(one, NonResponse) and one.response), None)
    if first is not None:
        _response(first, study)
    notes: dict[str, None] = {}
    report.items(_by_name(one) for one in found.values())
    for one in found.values():
        notes |= dict.fromkeys(one.notes)
    report.note(*(sentence(note) for note in notes))
    asked = [one for one in found.values() if isinstance(one, NonResponse)]
    if asked:
        scales = pd.concat([one.scales for one in asked], ignore_index=True)
        _parts(scales, asked[0].waves, study)
        _rules(scales, asked[0].waves[1], study)


def _by_name(one: Result) -> str:
    return f"{one.title}: {one.sentence()}" if isinstance(one, NonResponse) else one.sentence()


def _response(one: NonResponse, study: Study) -> None:
    report.text(f"{one.waves[1]}: {one.response.sentence()}")
    table = one.response.groups[["margin", "category", "invited", "answered"]].astype({"invited": int, "answered": int})
    shown = disclosure.protect(
        table,
        n={"invited": "invited", "answered": "answered"},
        by=["margin", "category"],
        within=["margin"],
        percents={"response (%)": ("answered", "invited")},
        rule=rule(study),
    )
    hidden = shown["answered"].map(lambda value: isinstance(value, str))
    shown["response (%)"] = shown["response (%)"].where(~hidden, shown["answered"])
    report.table(
        shown,
        caption=f"Who answered {one.waves[1]}, against staff in post",
        labels={"margin": "By", "category": "Group"},
        header_columns=2,
    )


def _parts(scales: pd.DataFrame, waves: tuple[str, str], study: Study) -> None:
    """Emit the plain change in its parts, and how far non-respondents would have to differ for it to vanish."""
    few = (scales[["stayed", "left", "joined"]] < study.disclosure.threshold).any(axis=1)
    shown = scales[~few]
    if shown.empty:
        return
    numbers = ["change", "ci_low", "ci_high", "stayers", "joiners", "leavers", "tipping"]
    named = shown.rename(columns={"change_low": "ci_low", "change_high": "ci_high"})
    cells = {name: [_points(v, sd, "+") for v, sd in zip(named[name], named["sd"], strict=True)] for name in numbers}
    report.table(
        pd.DataFrame({"scale": named["title"], **cells, "tipping_sd": named["tipping_sd"]}),
        caption=f"Plain change of means from {waves[0]} to {waves[1]}, and whose it is",
        formats={"tipping_sd": "+.1f"},
        labels={
            "stayers": "People who stayed",
            "joiners": "People who joined",
            "leavers": "People who left",
            "tipping": "Would vanish at (points)",
            "tipping_sd": "(in standard deviations)",
        },
        footnotes=[PLAIN, f"Would vanish at: {TIPPING.format(waves[1])}"],
    )


def _rules(scales: pd.DataFrame, last: str, study: Study) -> None:
    """Emit the mean of the last wave under each rule; a rule that differs by a few people would give them away."""
    shown = scales[scales["complete_n"] >= study.disclosure.threshold]
    if shown.empty:
        return
    means = ["mean", "weighted", "complete", "half", "imputed"]
    table = shown[["title", *means]].rename(columns={"title": "scale"})
    few = shown["half_n"] - shown["complete_n"]
    gives_away = few.between(1, study.disclosure.threshold - 1)
    table["complete"] = table["complete"].astype(object).where(~gives_away, disclosure.GIVES_AWAY)
    report.table(
        table,
        caption=f"Mean score of {last} as reported, and under other rules for people and answers that are missing",
        formats=dict.fromkeys(means, _as_precise_as_shown),
        labels={
            "mean": "As reported",
            "weighted": "Weighted to staff in post",
            "complete": "All items answered",
            "half": "Half of the items answered",
            "imputed": "Gaps filled 20 times",
        },
    )


def _as_precise_as_shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return NOT_SHOWN if pd.isna(value) else f"{value:.0f}" if abs(value) > 10 else f"{value:.1f}"


def _points(value: float, spread: float, sign: str = "") -> str:
    """Write a number of points as exactly as the spread of the score makes sense of."""
    places = 1 if spread > 3 else 2
    if pd.isna(value):
        return NOT_SHOWN
    return f"{round(value, places) + 0.0:{sign}.{places}f}".replace("-", MINUS)  # + 0.0: no minus before a zero
