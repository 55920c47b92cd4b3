"""The door of drawings: they are made from `Shown` alone, and remember from which."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from joyeval.disclosure.shown import HOW, Shown, beside_shown, opened
from joyeval.errors import DisclosureError
from joyeval.figures.once import made_by
from joyeval.figures.style import styled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REMEMBERED = "joyeval_shown"  # attribute of a figure


def drawing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that draws take `Shown` in place of tables and results, and anything exact an error."""
    call = f"figures.{function.__name__}"

    @wraps(function)
    def draw(*args: Any, **options: Any) -> Any:
        given = [value for value in (*args, *options.values()) if isinstance(value, Shown)]
        if not given:
            opened(next(iter(args), None), call)
        opened_args = [beside_shown(value, call) for value in args]
        opened_options = {name: beside_shown(value, call) for name, value in options.items()}
        with styled:
            made = function(*opened_args, **opened_options)
        if hasattr(made, "figure"):
            made_by(made.figure, function, opened_args, opened_options)
        return given[0].say(lambda _: made) if isinstance(made, str) else from_shown(made, *given)

    return draw


def from_shown(drawn: Any, *shown: Shown) -> Any:
    """Say of a drawing, be it one's own, from which `Shown` it was made; then it can be saved and reported.

    Parameters
    ----------
    drawn : Figure, Axes, or list of them
    *shown : Shown

    Returns
    -------
    Figure, Axes, or list of them
        The same.

    Raises
    ------
    DisclosureError
        Something else than a `Shown`.
    """
    for value in shown:
        opened(value, "figures.from_shown")
    for figure in _figures(drawn):
        if getattr(figure, "joyeval_exact", False):
            raise DisclosureError((), f"figures.from_shown: a drawing of exact numbers, by `.plot()`. {OWN}")
        setattr(figure, REMEMBERED, (*getattr(figure, REMEMBERED, ()), *shown))
    return drawn


def _figures(drawn: Any) -> Iterator[Any]:
    for one in drawn if isinstance(drawn, list | tuple) else [drawn]:
        yield one.figure


def made_from(drawn: Any, call: str) -> tuple[Shown, ...]:
    """Return what a drawing was made from; for readers of this place.

    Raises
    ------
    DisclosureError
        A drawing of something else than `Shown`, or of what other readers may see.
    """
    shown = tuple(value for figure in _figures(drawn) for value in getattr(figure, REMEMBERED, ()))
    if not shown:
        raise DisclosureError((), f"{call} takes a drawing made from what may be shown: draw it from a `Shown`. {OWN}")
    for value in shown:
        opened(value, call)
    return shown


OWN = f"To get one, {HOW}; of a drawing of your own, say it by `joyeval.figures.from_shown(drawing, shown)`"
