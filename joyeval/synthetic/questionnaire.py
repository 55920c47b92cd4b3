"""What the survey waves ask: items as neutral keys and labels in our own words, never an owner's wording."""

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
    "burnout": Construct(-0.65, 0.10),
    "personal": Construct(-0.60, 0.05),
    "work": Construct(-0.65, 0.10),
    "client": Construct(-0.45, 0.15),
    "safety": Construct(0.45, 0.40),
    "engagement": Construct(0.60, 0.25),
    "recommend": Construct(0.60, 0.25),
}

AGREE4 = ("Strongly disagree", "Disagree", "Agree", "Strongly agree")
AGREE5 = ("Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree")
AGREE7 = (
    "Strongly disagree", "Disagree", "Slightly disagree", "Neutral", "Slightly agree", "Agree", "Strongly agree",
)  # fmt: skip
OFTEN = ("Never/almost never", "Seldom", "Sometimes", "Often", "Always")
DEGREE = ("To a very low degree", "To a low degree", "Somewhat", "To a high degree", "To a very high degree")
BURNOUT = ("No symptoms", "Under stress at times", "Definitely burning out", "Symptoms won’t go away", "Need help")

_CUTS4 = (-1.4, -0.2, 1.1)
_CUTS5 = (-1.7, -0.9, -0.1, 1.1)
_CUTS7 = (-2.1, -1.5, -0.9, -0.3, 0.4, 1.3)
_CUTS_BURDEN = (-0.9, 0.0, 0.9, 1.8)


def _cbi() -> list[Item]:
    personal = (
        "tired",
        "physically worn",
        "emotionally worn",
        "at the end of strength",
        "worn out",
        "prone to illness",
    )
    work = (
        "emotionally draining", "burnt out by work", "frustrated by work", "worn at day’s end",
        "worn at the thought of work", "every hour tiring", "energy left for family and friends",
    )  # fmt: skip
    client = ("hard", "frustrating", "draining", "give more than get back", "tired of", "wonder how long")
    items = [Item(f"cbi_pb{i}", "cbi", "personal", f"Personal: {label}", 0.75, _CUTS_BURDEN, OFTEN)
             for i, label in enumerate(personal, 1)]  # fmt: skip
    for i, label in enumerate(work, 1):
        scale = DEGREE if i <= 3 else OFTEN
        items.append(Item(f"cbi_wb{i}", "cbi", "work", f"Work: {label}", 0.75, _CUTS_BURDEN, scale, reverse=i == 7))
    for i, label in enumerate(client, 1):
        scale = DEGREE if i <= 4 else OFTEN
        items.append(Item(f"cbi_cb{i}", "cbi", "client", f"With service users: {label}", 0.78, _CUTS_BURDEN, scale))
    return items


def _safety() -> list[Item]:
    labels = (
        "mistakes held against you", "problems can be raised", "others rejected for being different",
        "safe to take a risk", "hard to ask for help", "nobody undermines", "skills valued",
    )  # fmt: skip
    return [
        Item(f"ps{i}", "psychological_safety", "safety", f"Team: {label}", 0.65, _CUTS7, AGREE7, reverse=i in (1, 3, 5))
        for i, label in enumerate(labels, 1)
    ]


def _engagement() -> list[Item]:
    labels = (
        "looking forward to work", "enthusiasm", "time passes quickly", "chances to show initiative", "able to suggest",
        "able to improve", "care comes first", "a place to work", "a place to be treated",
    )  # fmt: skip
    return [
        Item(f"eng{i}", "engagement", "engagement", f"Engagement: {label}", 0.72, _CUTS5, AGREE5)
        for i, label in enumerate(labels, 1)
    ]


ITEMS: tuple[Item, ...] = (
    Item("good_day", "good_day", "good_day", "A good day at work yesterday", 0.85, _CUTS4, AGREE4),
    Item("burnout", "single_item_burnout", "burnout", "Burnout in one word", 0.85, (-0.75, 0.35, 1.2, 2.0), BURNOUT),
    *_cbi(),
    *_safety(),
    *_engagement(),
    Item("recommend", "recommend", "recommend", "Would recommend the team", 0.8, _CUTS5, AGREE5),
)
KEYS = tuple(item.key for item in ITEMS)
INSTRUMENTS = tuple(dict.fromkeys(item.instrument for item in ITEMS))
