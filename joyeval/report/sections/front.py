"""The title page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import joyeval
from joyeval import disclosure, report
from joyeval.report.audiences import section
from joyeval.report.messages import catalogue
from joyeval.report.sections.summary import last_day
from joyeval.report.sections.words import sentence

if TYPE_CHECKING:
    from joyeval.disclosure import Rule
    from joyeval.store import Store
    from joyeval.study import Study


@section
def title_page(study: Study, cohort: str, store: Store) -> None:
    """Emit the title page: programme, cohort, the last day of the data, version."""
    say, freeze = catalogue(study.language), last_day(store)
    report.title(
        study.title,
        subtitle=say("title.synthetic" if study.synthetic else "title.report"),
        cohort=study.cohort(cohort).title,
        data_as_of=say.day(freeze) if freeze else "",
        version=f"joyeval {joyeval.__version__}",
        language=study.language,
        names=_names(study, cohort, store),
        readers=mark(disclosure.rule_of(study)),
    )


def mark(rule: Rule) -> str:
    """Say for whom an edition is that is not for the public, and why they may see more."""
    return f"For {rule.readers} only; not to be passed on. {sentence(rule.reason)}" if rule.readers else ""


def _names(study: Study, cohort: str, store: Store) -> list[str]:
    """Keys of waves and of processes that people named, and that the report says in words."""
    named = {part.wave for kind in ("waves", "coordination") for part in study.of_cohort(kind, cohort)}
    if "ties" in store.tables():
        named |= set(store.table("ties")["process"].astype(str))
    return sorted(named)
