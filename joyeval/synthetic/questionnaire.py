"""What the survey waves ask: the registry's item keys, with labels in our own words, never an owner's wording."""

from __future__ import annotations

from typing import NamedTuple


class Construct(NamedTuple):
    """How a construct hangs on daily experience, and how much of it a team shares beyond that."""

    experience: float
    team: float


class Item(NamedTuple):
    """An item: where its latent answer is cut into codes from 1 upwards, and the labels of these codes."""

    key: str
    instrument: str
    construct: str
    label: str
    loading: float
    cuts: tuple[float, ...]
    answers: tuple[str, ...]
    reverse: bool = False


CONSTRUCTS = {
    "good_day": Construct(0.75, 0.10),
    "burnout": Construct(-0.70, 0.10),
    "personal": Construct(-0.75, 0.05),
    "work": Construct(-0.80, 0.10),
    "client": Construct(-0.55, 0.15),
    "safety": Construct(0.45, 0.40),
    "engagement": Construct(0.60, 0.25),
    "recommend": Construct(0.60, 0.25),
}

AGREE4 = ("Strongly disagree", "Disagree", "Agree", "Strongly agree")
AGREE5 = ("Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree")
ACCURATE = (
    "Very inaccurate", "Inaccurate", "Slightly inaccurate", "Neither", "Slightly accurate", "Accurate", "Very accurate",
)  # fmt: skip
SELDOM = ("Never/almost never", "Seldom", "Sometimes", "Often", "Always")
DEGREE = ("To a very low degree", "To a low degree", "Somewhat", "To a high degree", "To a very high degree")
RARELY = ("Never", "Rarely", "Sometimes", "Often", "Always")
BURNOUT = ("No symptoms", "Under stress at times", "Definitely burning out", "Symptoms won’t go away", "Need help")
LIKELY = (
    "Extremely likely", "Likely", "Neither likely nor unlikely", "Unlikely", "Extremely unlikely", "Don’t know",
)  # fmt: skip

_CUTS4 = (-1.4, -0.2, 1.1)
_CUTS5 = (-1.7, -0.9, -0.1, 1.1)
_CUTS7 = (-2.1, -1.5, -0.9, -0.3, 0.4, 1.3)
_CUTS_BURDEN = (-0.9, 0.0, 0.9, 1.8)

_PERSONAL = (
    "tired", "physically worn", "emotionally worn", "at the end of strength", "worn out", "prone to illness",
)  # fmt: skip
_WORK = (
    "emotionally draining", "burnt out by work", "frustrated by work", "worn at day’s end",
    "worn at the thought of work", "every hour tiring", "energy left for family and friends",
)  # fmt: skip
_CLIENT = ("hard", "frustrating", "draining", "give more than get back", "tired of", "wonder how long")
_SAFETY = (
    "mistakes held against you", "problems can be raised", "others rejected for being different",
    "safe to take a risk", "hard to ask for help", "nobody undermines", "skills valued",
)  # fmt: skip
_ENGAGEMENT = (
    "looking forward to work", "enthusiasm", "time passes quickly", "chances to show initiative", "able to suggest",
    "able to improve", "care comes first", "a place to work", "standard of care",
)  # fmt: skip


def _cbi(construct: str, group: str, topics: tuple[str, ...], first: int, degree: int) -> list[Item]:
    """One part of the inventory: its first items ask for a degree, the others how often."""
    return [
        Item(
            f"cbi_{first + i}", "cbi", construct, f"{group}: {topic}", 0.76, _CUTS_BURDEN,
            DEGREE if i < degree else SELDOM, reverse=first + i == 13,
        )
        for i, topic in enumerate(topics)
    ]  # fmt: skip


ITEMS: tuple[Item, ...] = (
    Item("good_day_item", "good_day_4", "good_day", "A good day at work yesterday", 0.85, _CUTS4, AGREE4),
    Item("burnout_answer", "burnout_item", "burnout", "Burnout in one word", 0.85, (-0.75, 0.35, 1.2, 2.0), BURNOUT),
    *_cbi("personal", "Personal", _PERSONAL, first=1, degree=0),
    *_cbi("work", "Work", _WORK, first=7, degree=3),
    *_cbi("client", "With service users", _CLIENT, first=14, degree=4),
    *(
        Item(f"psafety_{i}", "psychological_safety_7", "safety", f"Team: {topic}", 0.65, _CUTS7, ACCURATE,
             reverse=i in (1, 3, 5))
        for i, topic in enumerate(_SAFETY, 1)
    ),
    *(
        Item(f"nqps_{i}", "nqps", "engagement", f"Engagement: {topic}", 0.72, _CUTS5, RARELY if i <= 3 else AGREE5)
        for i, topic in enumerate(_ENGAGEMENT, 1)
    ),
    *(
        Item(f"staff_fft_{topic}_answer", "staff_fft", "recommend", f"Would recommend for {topic}", 0.8,
             (-1.9, -1.2, -0.5, 0.6), LIKELY, reverse=True)
        for topic in ("care", "work")
    ),
)  # fmt: skip
KEYS = tuple(item.key for item in ITEMS)
INSTRUMENTS = tuple(dict.fromkeys(item.instrument for item in ITEMS))
