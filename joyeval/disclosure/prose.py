"""Counts of people in sentences, to the nearest 5: what a caveat says of 67 people tells who is the 67th."""

from __future__ import annotations

import re

from joyeval.disclosure.rule import Rule, reader

PEOPLE = r"(?:respondents?|raters?|people|persons?|participants?|answers?|responses?)"
IN_POST = r"(?:staff|colleagues|service users|patients|nurses)"  # no secret, unless they are too few
NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
COUNT = re.compile(
    rf"(?<![\d.,−+–-])(?<!than )(?<!about )(?P<one>{NUMBER})(?: of (?:the )?(?P<all>{NUMBER}))?"
    rf"(?P<who> (?:valid |complete |single )?(?:{PEOPLE}|(?P<post>{IN_POST}))\b(?! stand behind))"
)


def inexact(text: str, rule: Rule | None = None) -> str:
    """Return a text in which counts of people are rounded, and those too small are "fewer than 11".

    Staff in post are no secret where they are enough, and stand as they are.

    Examples
    --------
    >>> inexact("67 of 174 people answered twice, 4 people once.")
    'about 65 of 175 people answered twice, fewer than 11 people once.'
    >>> inexact("12 respondents; 4 of 7 people answered twice; 4 staff in post, and 64 staff in post.")
    'about 10 respondents; fewer than 11 people answered twice; fewer than 11 staff in post, and 64 staff in post.'
    """
    rule = rule or reader()
    return text if rule.nearest == 1 else COUNT.sub(lambda found: _near(found, rule), text)


def _near(found: re.Match[str], rule: Rule) -> str:
    counts = [int(found[name].replace(",", "")) for name in ("one", "all") if found[name]]
    few = [0 < count < rule.threshold for count in counts]
    if not any(few) and (found["post"] or all(count % rule.nearest == 0 for count in counts)):
        return found[0]
    if few[-1]:
        return f"fewer than {rule.threshold}{found['who']}"
    said = [f"{int(rule.rounded(count)):,}" for count in counts]
    if few[0]:
        return f"fewer than {rule.threshold} of about {said[1]}{found['who']}"
    return "about " + " of ".join(said) + found["who"]
