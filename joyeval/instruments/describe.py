"""An instrument in plain words: what it asks, how it is scored, where that is written, what nobody has confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.instruments.registry import components, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joyeval.instruments.model import Cutoff, Instrument, Item, Norm, Scale

UNVERIFIED = " [unverified]"


def explain(name: str | Path | Instrument) -> str:
    """Return everything that is held about an instrument, as text.

    Examples
    --------
    >>> print(explain("who5").splitlines()[0])
    WHO-5 Well-Being Index (who5), asked of staff
    """
    return "\n".join(_lines(load(name)))


def _lines(instrument: Instrument) -> Iterator[str]:
    yield f"{instrument.title} ({instrument.id}), asked of {instrument.asked_of}"
    yield instrument.about
    yield f"Source: {instrument.source} {instrument.url}".rstrip()
    if instrument.recall:
        yield f"Speaks of: {instrument.recall}"
    yield f"Licence: {instrument.licence.terms}. Wording: {instrument.licence.wording}."
    yield f"Commercial use: {instrument.licence.commercial}. {instrument.licence.notice}".rstrip(". ") + "."
    yield "Answers:"
    yield from (f"  {name}: {_answers(instrument, name)}" for name in instrument.responses)
    if instrument.codings:
        yield f"Other codings met in files: {', '.join(instrument.codings)}"
    yield "Items:"
    yield from (f"  {name}: {_item(item)}" for name, item in instrument.items.items())
    yield "Scores:"
    for name, scale in instrument.scales.items():
        yield from _scale(name, scale, instrument.ranges[name])
    yield from _components(instrument)
    if instrument.unverified:
        yield "Not confirmed:"
        yield from (f"  - {statement}{UNVERIFIED}" for statement in instrument.unverified)


def _components(instrument: Instrument) -> Iterator[str]:
    """Components of joy in work (IHI 2017) that the scales inform; the mapping is ours."""
    table = components()
    mine = table[table["scale"].isin(list(instrument.scales)) & (table["instrument"] == instrument.id)]
    if len(mine):
        yield "Components of joy in work (IHI 2017) that it informs, by our own mapping:"
    for title, rows in mine.groupby("title", sort=False):
        yield f"  {title}: {', '.join(rows['scale'])}" + (UNVERIFIED if rows["unverified"].any() else "")


def _answers(instrument: Instrument, name: str) -> str:
    responses = instrument.responses[name]
    words = {**responses.labels, **responses.unscored}
    low, high = responses.codes
    return f"{low} to {high}; " + ", ".join(f"{code} {label}" for code, label in words.items())


def _item(item: Item) -> str:
    return (item.text or f"about: {item.topic}") + f" ({item.responses}{', reversed' if item.reverse else ''})"


def _scale(name: str, scale: Scale, ends: tuple[float, float]) -> Iterator[str]:
    yield f"  {name}: {scale.title}; {ends[0]:g} to {ends[1]:g}, {scale.better} is better"
    yield f"    {scale.score} of {', '.join(scale.parts)}" + (
        f", times {scale.multiply:g}" if scale.multiply != 1 else ""
    )
    yield f"    needs {scale.answered} of {len(scale.parts)}: {scale.rule}"
    yield from (f"    {_cutoff(cutoff)}" for cutoff in scale.cutoffs)
    yield from (f"    {_norm(norm)}" for norm in scale.norms)


def _cutoff(cutoff: Cutoff) -> str:
    line = f"at least {cutoff.at_least:g}" if cutoff.at_least is not None else f"at most {cutoff.at_most:g}"
    mark = UNVERIFIED if cutoff.unverified else ""
    return f"{line}: {cutoff.means} ({cutoff.source}; {cutoff.population}){mark}"


def _norm(norm: Norm) -> str:
    n = f", n = {norm.n}" if norm.n else ""
    return f"{norm.what} {norm.value:g}{n} ({norm.population}; {norm.source}){UNVERIFIED if norm.unverified else ''}"
