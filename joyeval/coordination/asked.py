"""What the coordination surveys of a study ask: relational coordination, or a scale of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.coordination.ties import RC, Survey

if TYPE_CHECKING:
    from joyeval.study import Coordination, Study


def survey_of(part: Coordination) -> Survey:
    """Return what a survey asks: relational coordination, or the scale that the study file describes."""
    if part.scale is None:
        return RC
    own, names = part.scale, {key: str(name) for key, name in part.scale.items.items()}
    ends = {"low": own.low, "high": own.high, "fewest": own.fewest}
    names |= {"rc": " and ".join(names.values()) if len(names) < 3 else "mean of the items"}
    return Survey((), (), tuple(own.items), frequency=None, names=names, licence="", note=_note(part), **ends)


def _note(part: Coordination) -> str:
    if part.members is None:
        return ""
    unrated = part.members.unrated
    counted = "" if unrated is None else f"; a pair without a rating counts as {unrated}"
    return f"People rated people; how a person rates a workgroup is the mean over its other members{counted}."


def survey_of_cohort(study: Study, cohort: str) -> Survey:
    """Return what the coordination surveys of a cohort ask; RC where there is none."""
    parts = study.of_cohort("coordination", cohort)
    return survey_of(parts[0]) if parts else RC
