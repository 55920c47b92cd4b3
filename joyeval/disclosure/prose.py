"""Counts of people in sentences, to the nearest 5: what a caveat says of 67 people tells who is the 67th."""

from __future__ import annotations

import re

from joyeval.disclosure.rule import Rule, reader

PEOPLE = r"(?:respondents?|raters?|people|persons?|participants?|answers?|responses?)"
NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
COUNT = re.compile(
    rf"(?<![\d.,−+–-])(?<!than )(?<!about )(?P<one>{NUMBER})(?: of (?:the )?(?P<all>{NUMBER}))?"
    rf"(?P<who> (?:valid |complete |single )?{PEOPLE}\b(?! stand behind))"
)


def inexact(text: str, rule: Rule | None = None) -> str:
    """Return a text in which counts of people are rounded, and those too small are "fewer than 11".

    Examples
    --------
    >>> inexact("67 of 174 people answered twice, 4 people once.")
    'about 65 of 175 people answered twice, fewer than 11 people once.'
    """
    rule = rule or reader()
    return text if rule.nearest == 1 else COUNT.sub(lambda found: _near(found, rule), text)


def _near(found: re.Match[str], rule: Rule) -> str:
    counts = [int(found[name].replace(",", "")) for name in ("one", "all") if found[name]]
    if all(count % rule.nearest == 0 and (count >= rule.threshold or count == 0) for count in counts):
        return found[0]
    said = [f"{int(rule.rounded(count)):,}" for count in counts]
    if 0 < counts[0] < rule.threshold:
        return f"fewer than {rule.threshold}" + (f" of {said[1]}" if found["all"] else "") + found["who"]
    return "about " + " of ".join(said) + found["who"]
