"""Can the scores be trusted? One page per questionnaire, and what missing people and answers could do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.exhibits import surveys as exhibits
from joyeval.exhibits.charts import FEWEST_TEAMS
from joyeval.measurement.nonresponse import NonResponse
from joyeval.report.audiences import section
from joyeval.report.messages import MINUS
from joyeval.report.sections.people import give_away
from joyeval.report.sections.words import NOT_SHOWN, mean, rule, sentence, shown, together
from joyeval.result import NoAnswer
from joyeval.wording import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.disclosure import Rule, Said, Shown
    from joyeval.measurement.page import Page
    from joyeval.result import Result
    from joyeval.study import Study

MEANING = {
    "strict": "nothing speaks against comparing means and spread",
    "scalar": "nothing speaks against comparing means",
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
TIPPING = "how far those who did not answer {} would have to lie from those who did for a clear change to be 0."


@section
def measurement(pages: Mapping[str, Page], study: Study) -> None:
    """Emit a page per questionnaire: what its scores may be used for, and the evidence."""
    for one in pages.values():
        report.heading(one.title, level=4)
        shown = disclosure.show(one, audience=rule(study), people=int(one.scales["n"].min()))
        if isinstance(shown.what, NoAnswer):
            report.text("Fewer complete answers than may be shown: nothing can be said of this questionnaire.")
            continue
        report.items(shown.say(lambda page: [f"{row.title}: {row.verdict}." for row in page.scales.itertuples()]))
        if shown.notes:
            report.note(*shown.notes)
        _precision(shown)
        _meaning(shown)
        _items(shown)
        _persons(one, study)
        _teams(one, study)


def _precision(shown: Shown) -> None:
    report.table(
        shown.pipe(_how_exact),
        caption=f"{shown.what.title}: how exact its scores are, in the first wave; brackets hold 95 % intervals",
        labels={
            "same answer again": "First two scores of a person agree (ICC)",
            "error": "Error of one score",
            "change": "Smallest real change",
        },
        footnotes=[EXACT],
    )


def _how_exact(one: Page) -> pd.DataFrame:
    table = one.scales.set_index("title").rename_axis("scale")
    shown = pd.DataFrame({"items": table["items"], "alpha": _with_limits(table, "alpha")})
    shown["omega"] = _with_limits(table, "omega")
    shown["same answer again"] = _with_limits(table, "retest")
    shown["error"] = [_points(row.sem, row.sem) for row in table.itertuples()]
    shown["change"] = [_points(row.mdc, row.sem) for row in table.itertuples()]
    return shown


def _with_limits(table: pd.DataFrame, name: str) -> list[str]:
    limits = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [NOT_SHOWN if pd.isna(v) else f"{v:.2f} ({low:.2f} to {high:.2f})" for v, low, high in limits]


def _meaning(shown: Shown) -> None:
    """One factor, the same meaning over waves, team means."""
    waves = shown.what.waves
    between = f" ({' and '.join(waves)})" if waves else ""
    labels = {
        "one thing": "Do the items measure one thing?",
        "as numbers": f"Same meaning over waves{between}, answers as numbers",
        "as ordered options": "The same, answers as ordered options",
        "team means": "May team means stand for teams?",
    }
    stands_for = shown.pipe(_stands_for)
    labels = {name: label for name, label in labels.items() if name in stands_for.what}  # one wave: none over waves
    report.table(stands_for, caption=f"{shown.what.title}: what its scores stand for", labels=labels)


def _stands_for(one: Page) -> pd.DataFrame:
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
    return shown


def _spoken(released: str, labels: Mapping[str, str]) -> str:
    """Name items by their topics; residual variances do not bear on means and are left out."""
    parts = [part.rsplit(" ", 1) for part in released.split(", ") if part and not part.startswith("residual")]
    return ", ".join(f"{what} {labels.get(item, item)}" for what, item in parts)


def _over_waves(reached: str, released: str) -> str:
    freed = f", once the {released} may differ" if released else ""
    return f"{MEANING[reached]} ({reached or 'too few items or waves'}{freed})"


def _items(shown: Shown) -> None:
    if len(shown.what.items):
        report.exhibit(exhibits.items(shown))


def _persons(one: Page, study: Study) -> None:
    """Persons who changed by more than measurement error, as far as their number may be shown."""
    table = one.scales.dropna(subset=["linked"])
    if table.empty:
        return
    percents = {"improved (%)": ("improved", "linked"), "deteriorated (%)": ("deteriorated", "linked")}
    counts = table[["title", "linked", "improved", "deteriorated"]].rename(columns={"title": "scale"})
    shown = disclosure.show(
        counts.astype(dict.fromkeys(("linked", "improved", "deteriorated"), int)),
        audience=rule(study),
        people=dict.fromkeys(("improved", "deteriorated", *percents), "linked"),
        within=None,
        percents=percents,
    )
    report.table(
        _without_counts(shown, ["improved", "deteriorated"]),
        caption=f"{one.title}: people who answered {' and '.join(one.waves)}, and who changed beyond measurement error",
        formats=dict.fromkeys(percents, ".0f"),
        labels={"linked": "People in both waves (about)"},
        footnotes=["If nobody had truly changed, about 2.5 % would pass either way."],
    )


def _without_counts(shown: Shown, counts: list[str]) -> Shown:
    """Leave out counts that stand behind percentages only."""
    kept = shown.mask[~shown.mask["what"].isin(counts)]
    return replace(shown.pipe(lambda table: table.drop(columns=counts)), mask=kept)


def _teams(one: Page, study: Study) -> None:
    """Draw the means of the teams that may be shown, allowing for chance; none in order of their means."""
    for scale, means in one.team_means.items():
        title = one.scales.set_index("scale").loc[scale, "title"]
        shown = disclosure.show(means, audience=rule(study))
        if len(shown.what.teams) >= FEWEST_TEAMS:
            report.exhibit(exhibits.team_means(shown, title, scale, len(means.teams)))


@section
def nonresponse(found: Mapping[str, Result], study: Study) -> None:
    """Emit, per questionnaire, what people and answers that are missing could do to the changes."""
    first = next((one for one in found.values() if isinstance(one, NonResponse) and one.response), None)
    if first is not None:
        _response(first, study)
    notes: dict[str, None] = {}
    every = [shown(one) for one in found.values()]
    report.items(one.say(_by_name) for one in every)
    for one in every:
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
    report.text(_answered_last(one, rule(study)))
    table = one.response.groups[["margin", "category", "invited", "answered"]].astype({"invited": int, "answered": int})
    percents = {"response (%)": ("answered", "invited")}
    shown = disclosure.show(
        table,
        audience=rule(study),
        people={"invited": "invited", "answered": "answered", **dict.fromkeys(percents, "answered")},
        by=["margin", "category"],
        within=["margin"],
        besides=give_away(table, one.waves[1], study),
        percents=percents,
    )
    report.table(
        shown,
        caption=f"Who answered {one.waves[1]}, against staff in post, counts to the nearest 5",
        labels={"margin": "By", "category": "Group"},
        formats=dict.fromkeys(percents, ".0f"),
        header_columns=2,
    )


def _answered_last(one: NonResponse, rule: Rule) -> Said:
    """Say how many answered, and whether groups differed, without naming one as best or worst."""
    groups, tests = one.response.groups, one.response.tests
    answered, invited = groups.groupby("margin")[["answered", "invited"]].sum().iloc[0]
    counts = disclosure.show_counts({"answered": answered, "invited": invited}, audience=rule)
    unlike = list(tests.loc[tests["p"] < 0.05, "margin"])
    told = f"did not differ clearly by {listed(list(tests['margin']), 'or')}"
    told = f"clearly differed by {listed(unlike)}" if unlike else told
    return counts.say(_last_wave, one.waves[1], told, rule.threshold)


def _last_wave(counts: dict[str, int], wave: str, differed: str, threshold: int) -> str:
    if not {"answered", "invited"} <= set(counts):
        return f"{wave}: fewer than {threshold} of the staff in post answered."
    answered, invited = counts["answered"], counts["invited"]
    share = disclosure.share_in_words(answered, invited, disclosure.reader())
    return f"{wave}: about {answered} of {invited} staff in post answered ({share}); response {differed}."


def _parts(scales: pd.DataFrame, waves: tuple[str, str], study: Study) -> None:
    """Emit the plain change in its parts, and how far non-respondents would have to differ for it to vanish."""
    numbers = ["change", "change_low", "change_high", "stayers", "joiners", "leavers", "tipping", "tipping_sd"]
    table = scales.assign(people=scales[["stayed", "left", "joined"]].min(axis=1))
    shown = disclosure.show(
        _only_clear(table)[["title", "sd", *numbers, "people"]],
        audience=rule(study),
        people=dict.fromkeys(("sd", *numbers), "people"),
        within=None,
        places=dict.fromkeys((*numbers, "sd"), 2) | {"tipping_sd": 1},
    )
    kept = shown.pipe(lambda table: table[table["people"].notna()])
    if kept.what.empty:
        return
    report.table(
        kept.pipe(_in_points, numbers[:-1]),
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


def _only_clear(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out what it would take for a change to vanish where none was found."""
    clear = (table["change_low"] > 0) | (table["change_high"] < 0)
    tips = ["tipping", "tipping_sd"]
    return table.assign(**{name: table[name].where(clear) for name in tips})


def _in_points(table: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    cells = {name: [_points(v, sd, "+") for v, sd in zip(table[name], table["sd"], strict=True)] for name in numbers}
    named = pd.DataFrame({"scale": table["title"], **cells, "tipping_sd": table["tipping_sd"]})
    return named.rename(columns={"change_low": "ci_low", "change_high": "ci_high"})


def _rules(scales: pd.DataFrame, last: str, study: Study) -> None:
    """Emit the mean of the last wave under each rule; a rule that differs by a few people would give them away."""
    counts = {"mean": "half_n", "weighted": "half_n", "complete": "complete_n", "half": "half_n", "imputed": "half_n"}
    behind = ["complete_n", "half_n"]  # none where a rule leaves nobody
    table = scales[["title", *counts, *behind]].fillna(dict.fromkeys(behind, 0)).astype(dict.fromkeys(behind, int))
    own = {name: table[name].where(~_few_apart(table, rule(study)), 0) for name in ("complete_n",)}
    own = table.assign(**own)
    parts = [  # each scale has a precision of its own
        disclosure.show(own.iloc[[row]], audience=rule(study), people=counts, by=["title"], within=None)
        for row in range(len(own))
    ]
    shown = together(parts)
    if shown.what["half"].notna().any():
        report.table(
            _without_counts(shown, ["complete_n", "half_n"]).pipe(
                lambda table: table.rename(columns={"title": "scale"})
            ),
            caption=f"Mean score of {last} as reported, and under other rules for people and answers that are missing",
            formats=dict.fromkeys(counts, mean),
            labels={
                "mean": "As reported",
                "weighted": "Weighted to staff in post",
                "complete": "All items answered",
                "half": "Half of the items answered",
                "imputed": "Gaps filled 20 times",
            },
        )


def _few_apart(table: pd.DataFrame, rule: Rule) -> pd.Series:
    """Rows whose two rules differ by a few people, who would be given away."""
    return (table["half_n"] - table["complete_n"]).between(1, rule.threshold - 1)


def _points(value: float, spread: float, sign: str = "") -> str:
    """Write a number of points as exactly as the spread of the score makes sense of."""
    places = 1 if spread > 3 else 2
    if pd.isna(value):
        return NOT_SHOWN
    return f"{round(value, places) + 0.0:{sign}.{places}f}".replace("-", MINUS)  # + 0.0: no minus before a zero
