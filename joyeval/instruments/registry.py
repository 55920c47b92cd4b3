"""The registry: one YAML per instrument, of this package or of the user, read strictly."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from joyeval.errors import StudyError, UsageError
from joyeval.strict_yaml import YamlFile, read_yaml

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.errors import Problem
    from joyeval.instruments.model import Instrument

LIBRARY = Path(__file__).with_name("library")


@cache
def names() -> tuple[str, ...]:
    """Names of the instruments that come with the package."""
    return tuple(sorted(path.stem for path in LIBRARY.glob("*.yml")))


def load(name: str | Path | Instrument) -> Instrument:
    """Return an instrument by name, or from a YAML file of one's own.

    Raises
    ------
    UsageError
        There is no such instrument.
    StudyError
        Everything that is wrong with the file, each with its line.

    Examples
    --------
    >>> load("who5").title
    'WHO-5 Well-Being Index'
    """
    if not isinstance(name, str | Path):
        return name
    path = Path(name)
    if path.suffix == ".yml":
        return _read(path.resolve())
    if str(name) not in names():
        known = ", ".join(names())
        raise UsageError(f"no instrument {str(name)!r}; there are {known}, or name a file of your own (.yml)")
    return _read(LIBRARY / f"{name}.yml")


def scales_of(name: str | Path | Instrument) -> tuple[str, ...]:
    """Names of the scores of an instrument."""
    return tuple(load(name).scales)


def listing() -> pd.DataFrame:
    """Return one row per scale of every instrument of the package.

    Returns
    -------
    DataFrame
        instrument, title, asked_of, scale, scale_title, items, low, high, better, fewest_answered,
        wording (whether the words ship), unverified (how many statements nobody has confirmed).
    """
    import pandas as pd

    return pd.DataFrame([row for name in names() for row in _rows(load(name))])


def _rows(instrument: Instrument) -> list[dict[str, object]]:
    about = {"instrument": instrument.id, "title": instrument.title, "asked_of": instrument.asked_of}
    licence = {"wording": instrument.licence.wording, "unverified": len(instrument.unverified)}
    return [
        about
        | {
            "scale": name,
            "scale_title": scale.title,
            "items": len(scale.parts),
            "low": instrument.ranges[name][0],
            "high": instrument.ranges[name][1],
            "better": scale.better,
            "fewest_answered": scale.answered,
        }
        | licence
        for name, scale in instrument.scales.items()
    ]


def components() -> pd.DataFrame:
    """Return which scales inform which of the nine components of joy in work (IHI 2017).

    Returns
    -------
    DataFrame
        component, title, unverified (its name was not confirmed), scale, instrument.
    """
    import pandas as pd

    file = read_yaml(LIBRARY.with_name("components.yml"))
    owners: dict[str, list[str]] = {}
    for name in names():
        for scale in scales_of(name):
            owners.setdefault(scale, []).append(name)
    return pd.DataFrame(
        {"component": key, "title": c["title"], "unverified": c.get("unverified", False), "scale": s, "instrument": i}
        for key, c in file.data["components"].items()
        for s in c["scales"]
        for i in owners[s]
    )


@cache
def _read(path: Path) -> Instrument:
    from pydantic import ValidationError

    from joyeval.instruments.model import Instrument

    file = read_yaml(path)
    try:
        instrument = Instrument.model_validate(file.data)
    except ValidationError as error:
        raise StudyError([_problem(file, detail) for detail in error.errors()]) from None
    if instrument.id != path.stem:
        found = f"the id {instrument.id!r}"
        raise StudyError(
            [file.problem(("id",), found=found, expected=path.stem, fix="name the file as its id", rule="id")]
        )
    return instrument


def _problem(file: YamlFile, detail: dict) -> Problem:
    found = "nothing" if detail["type"] == "missing" else "a value that does not fit"
    expected = detail["msg"].removeprefix("Value error, ").lower()
    return file.problem(detail["loc"], found=found, expected=expected, fix="correct this line", rule=detail["type"])
