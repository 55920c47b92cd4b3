"""An instrument is data: items, their answers, how scales are scored, where that is written, who may use the words.

The form of the YAML files is these classes; a user's own instrument takes the same form.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Better = Literal["higher", "lower"]
Code = Annotated[int, BeforeValidator(lambda key: int(key) if isinstance(key, str) else key)]  # YAML keys are text
Number = int | float


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Responses(_Part):
    """The answers one may give to an item, as whole-number codes one apart.

    Parameters
    ----------
    codes : (int, int)
        Lowest and highest code.
    labels : mapping
        Code to the words printed beside it, where there are any.
    values : mapping
        Code to the value that enters the score; without it the code itself.
    unscored : mapping
        Code to words of answers that are valid but not scored, such as "does not apply".
    """

    codes: tuple[int, int]
    labels: Mapping[Code, str] = {}
    values: Mapping[Code, Number] = {}
    unscored: Mapping[Code, str] = {}

    @cached_property
    def scored(self) -> dict[int, float]:
        """Value of each code that is scored."""
        low, high = self.codes
        return {code: float(self.values.get(code, code)) for code in range(low, high + 1) if code not in self.unscored}

    @cached_property
    def valid(self) -> frozenset[int]:
        """Every code that may stand in a wave."""
        return frozenset(self.scored) | frozenset(self.unscored)


class Item(_Part):
    """One question; `topic` is ours, `text` is the instrument's and held only where its licence lets us."""

    topic: str
    text: str | None = None
    responses: str
    reverse: bool = False


class Positive(_Part):
    """What counts as positive: a respondent's score, or single answers (after reversing), at or above a value."""

    level: Literal["respondent", "item"]
    at_least: Number


class Cutoff(_Part):
    """A line somebody drew, with who drew it and for whom."""

    at_least: Number | None = None
    at_most: Number | None = None
    means: str
    source: str
    population: str
    unverified: bool = False


class Norm(_Part):
    """A published value to compare with, never a target."""

    value: Number
    what: str = "mean"
    n: int | None = None
    population: str
    source: str
    unverified: bool = False


class Scale(_Part):
    """One score.

    Parameters
    ----------
    items, scales : tuple of str
        What it is made of: items, or other scales of the instrument.
    score : {"mean", "sum"}
        Of the answered items; a sum is filled up for gaps (mean times number of items).
    multiply : number
        Factor after that.
    values : mapping
        Code to value where this scale has its own, such as 100 for a good day; codes not named are not scored.
    answered : int
        Fewest answered items (or scales) for a score.
    rule : str
        Where the rule on gaps is written.
    better : {"higher", "lower"}
        Direction.
    positive : Positive, optional
        What counts towards a percentage of positive answers.
    """

    title: str
    items: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    score: Literal["mean", "sum"] = "mean"
    multiply: Number = 1
    values: Mapping[Code, Number] = {}
    answered: int = Field(ge=1)
    rule: str
    better: Better
    positive: Positive | None = None
    cutoffs: tuple[Cutoff, ...] = ()
    norms: tuple[Norm, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the columns that the scale is made of."""
        return self.items or self.scales

    @model_validator(mode="after")
    def _made_of_something(self) -> Scale:
        if bool(self.items) == bool(self.scales):
            raise ValueError("a scale is made of items or of scales")
        if self.answered > len(self.parts):
            raise ValueError(f"{self.answered} answered out of {len(self.parts)}")
        return self


class Licence(_Part):
    """Who may use the words; `wording` says whether they may be passed on with this package."""

    terms: str
    wording: Literal["ships", "keys only"]
    commercial: str
    notice: str = ""


class Instrument(_Part):
    """A questionnaire.

    Parameters
    ----------
    id : str
        Name of the instrument and of its file.
    codings : mapping
        Other codings met in files: name to {code in the file: our code}.
    asked_of : {"staff", "service users"}
    unverified : tuple of str
        Statements of this file that nobody has confirmed; printed wherever the instrument is explained.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    about: str
    source: str
    url: str = ""
    recall: str = ""
    asked_of: Literal["staff", "service users"] = "staff"
    licence: Licence
    responses: Mapping[str, Responses]
    codings: Mapping[str, Mapping[Code, Code]] = {}
    items: Mapping[str, Item] = Field(min_length=1)
    scales: Mapping[str, Scale] = Field(min_length=1)
    unverified: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_agree(self) -> Instrument:
        unknown = [name for item in self.items.values() if (name := item.responses) not in self.responses]
        for scale in self.scales.values():
            unknown += [part for part in scale.items if part not in self.items]
            unknown += [part for part in scale.scales if part not in self.scales]
        unknown += [name for name in self.scales if name in self.items]
        if unknown:
            raise ValueError("names that point nowhere or stand for two things: " + ", ".join(dict.fromkeys(unknown)))
        return self

    def responses_of(self, item: str) -> Responses:
        """Answers that one may give to an item."""
        return self.responses[self.items[item].responses]

    def values_of(self, item: str, scale: Scale) -> dict[int, float]:
        """Value that each scored code of an item adds to a scale, after reversing."""
        values = {code: float(v) for code, v in scale.values.items()} or self.responses_of(item).scored
        if not self.items[item].reverse:
            return values
        low_and_high = min(values.values()) + max(values.values())
        return {code: low_and_high - value for code, value in values.items()}

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest possible score of each scale."""
        return {name: self._range(scale) for name, scale in self.scales.items()}

    def _range(self, scale: Scale) -> tuple[float, float]:
        if scale.items:
            ends = [(min(values), max(values)) for values in (self.values_of(i, scale).values() for i in scale.items)]
        else:
            ends = [self._range(self.scales[name]) for name in scale.scales]
        times = scale.multiply / (len(ends) if scale.score == "mean" else 1)
        return sum(low for low, _ in ends) * times, sum(high for _, high in ends) * times
