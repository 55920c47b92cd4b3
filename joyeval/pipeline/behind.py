"""Who stands behind the figures of a cohort: people by group, raters by workgroup, pulses by team and period."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.disclosure import THRESHOLD
from joyeval.disclosure.ledger import PEOPLE, PULSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from joyeval.store import Store
    from joyeval.study import Study

GROUPS = ("team", "role", "organisation", "directorate", "setting")
MADE = {"answered", "rc", "com", "rel"}  # columns of ties that are made of the others
AROUND = pd.Timedelta(days=14)  # a coordination survey is dated by the middle of its ratings, which late ones move


def behind(
    study: Study, cohorts: Sequence[str], secret: bytes, *, fewest: int = THRESHOLD
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who stands behind the figures of these cohorts: people by group, and pulses by team and period.

    Parameters
    ----------
    secret : bytes
        What answers are hashed with.
    fewest : int
        People from whom on a group is shown.

    Returns
    -------
    people, pulses : DataFrame
        As `joyeval.disclosure.ledger` compares them; groups of people only if they are large enough to be shown.
    """
    people, pulses = [], []
    for cohort in cohorts:
        store = study.store(cohort)
        teams = store.table("teams").set_index("team") if "teams" in store.tables() else pd.DataFrame()
        people += [*_surveys(study, cohort, store, teams, secret), *_ties(cohort, store, secret)]
        pulses += list(_pulses(cohort, store, teams))
    found = pd.concat([pd.DataFrame(columns=PEOPLE), *people], ignore_index=True)
    if len(cohorts) > 1:  # what is pooled over cohorts is pooled by organisation
        pooled = found[found["group"].str.startswith("organisation ")]
        whole = found[found["group"].str.startswith("everyone")]
        days = pooled.groupby(["item", "wave", "group"])
        pooled = pooled.assign(first=days["first"].transform("min"), last=days["last"].transform("max"))
        found = pd.concat([whole, pooled])
    size = found.groupby(["item", "wave", "group"])["person"].transform("nunique")
    found = found[size >= fewest]
    found = found.sort_values([*PEOPLE[:2], *PEOPLE[4:]]).reset_index(drop=True)[PEOPLE]
    count = pd.concat([pd.DataFrame(columns=PULSES), *pulses], ignore_index=True)[PULSES]
    numbers = dict.fromkeys(("headcount", "positive", "answers"), "float64")
    days = {name: pd.to_datetime(found[name]) for name in ("first", "last")}
    count = count.assign(period=pd.to_datetime(count["period"])).astype(numbers)
    return found.assign(**days), count.sort_values(["item", "period", "team"]).reset_index(drop=True)


def _surveys(study: Study, cohort: str, store: Store, teams: pd.DataFrame, secret: bytes) -> Iterator[pd.DataFrame]:
    """Yield the people behind every score of a survey."""
    waves = study.of_cohort("waves", cohort)
    first = {wave: min(part.start for part in waves if part.wave == wave) for wave in {part.wave for part in waves}}
    last = {wave: max(part.end for part in waves if part.wave == wave) for wave in first}
    tables = {name: store.table(name) for name in store.tables() if name.startswith("wave_")}
    texts = {name: _texts(table) for name, table in tables.items()}
    for name, table in tables.items():
        said = _answers(table, texts[name], texts, secret)
        days = {"first": table["wave"].astype(str).map(first), "last": table["wave"].astype(str).map(last)}
        places = {by: table["team"].map(teams[by]) for by in GROUPS if by in teams and by not in table}
        rows = table.assign(everyone=f"cohort {cohort}", answers=said, **days, **places)
        for scale in (column.removesuffix("_answered") for column in table if column.endswith("_answered")):
            valid = rows[rows[scale].notna()].assign(item=scale)
            for by in ("everyone", *(by for by in GROUPS if by in rows)):
                yield _group(valid, by)


def _ties(cohort: str, store: Store, secret: bytes) -> Iterator[pd.DataFrame]:
    """Yield the raters behind every process of a coordination survey."""
    if "ties" not in store.tables():
        return
    ties = store.table("ties")
    rated = ties[ties["answered"] > 0]
    given = [name for name in rated.select_dtypes("number") if name not in MADE]
    text = rated["target"].astype(str) + _joined(rated, given)
    who = ["process", "wave", "workgroup", "person"]
    raters = rated.assign(text=text).groupby(who, observed=True, as_index=False)["text"].agg("/".join)
    dated = "rating_days" in store.tables()
    days = store.table("rating_days") if dated else pd.DataFrame(columns=["process", "wave", "date"])
    raters = raters.astype({"wave": str}).merge(days.astype({"wave": str}), on=["process", "wave"], how="left")
    date = pd.to_datetime(raters["date"])
    raters = raters.assign(
        item=raters["process"].astype(str),
        everyone=f"cohort {cohort}",
        first=date - AROUND,
        last=date + AROUND,
        answers=[_hash(secret, text) for text in raters["text"]],
    )
    for by in ("everyone", "workgroup"):
        yield _group(raters, by)


def _group(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    named = rows[by].astype(str)
    group = f"{by} " + named.where(rows[by].notna())
    return rows.assign(group=group, wave=rows["wave"].astype(str))[PEOPLE].dropna(subset=["group", "person"])


def _pulses(cohort: str, store: Store, teams: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the counts of a pulse by team and period, where there are counts."""
    if "pulse" not in store.tables():
        return
    table = store.table("pulse")
    if not {"measure", "period", "positive", "answers"} <= set(table):
        return
    counted = table[table["answers"] > 0]
    staff = counted["team"].map(teams["headcount"]) if "headcount" in teams else float("nan")
    yield counted.assign(item=counted["measure"], cohort=cohort, headcount=staff)


def _texts(table: pd.DataFrame) -> pd.Series:
    """Return what each person answered in a wave: the items, without the scores made of them."""
    scores = {column.removesuffix("_answered") for column in table if column.endswith("_answered")}
    items = [name for name in table.select_dtypes("number") if name not in scores and not name.endswith("_answered")]
    return _joined(table, items).set_axis(pd.MultiIndex.from_frame(table[["wave", "person"]].astype(str)))


def _joined(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    parts = (table[name].map("{:g}".format, na_action="ignore").fillna("").astype(str) for name in columns)
    text = pd.Series("", table.index)
    for part in parts:
        text = text + "|" + part
    return text


def _answers(table: pd.DataFrame, texts: pd.Series, others: Mapping[str, pd.Series], secret: bytes) -> list[str]:
    """Hash what each person answered; where that tells nobody apart, all the person answered, then team and turn."""
    text = texts.reset_index(drop=True)
    wave = table["wave"].astype(str).reset_index(drop=True)
    whole = pd.Series("", texts.index)
    for name in sorted(others):
        whole = whole + "/" + others[name].groupby(level=[0, 1]).first().reindex(texts.index).fillna("")
    whole = whole.reset_index(drop=True)
    same = pd.DataFrame({"wave": wave, "text": text}).duplicated(keep=False)
    text = text.mask(same, whole)
    same = pd.DataFrame({"wave": wave, "text": text}).duplicated(keep=False)
    place = table["team"].astype(str).reset_index(drop=True)
    turn = pd.DataFrame({"wave": wave, "text": text, "team": place}).groupby(["wave", "text", "team"]).cumcount()
    text = text.mask(same, text + "@" + place + "#" + turn.astype(str))
    return [_hash(secret, one) for one in text]


def _hash(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode("utf-8"), "sha256").hexdigest()[:32]
