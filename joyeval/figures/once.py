"""A drawing that is the same for several readers becomes a picture once."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.figure import Figure

MADE_BY = "joyeval_made_by"  # attribute of a figure: the call that drew it
_PICTURES: list[dict[bytes, dict[str, Any]]] = []  # by call, of the section that is shown


@contextmanager
def kept() -> Iterator[None]:
    """Keep every picture for the length of a section, which is shown to several readers."""
    _PICTURES.append({})
    try:
        yield
    finally:
        _PICTURES.pop()


def made_by(fig: Figure, function: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> None:
    """Remember of a figure which call drew all of it; whatever changes the figure afterwards makes it stale."""
    if not _PICTURES or any(hasattr(given, "figure") for given in (*args, *options.values())):
        return  # drawn into a figure that was there
    try:
        call = pickle.dumps((function.__module__, function.__qualname__, args, options))
    except (pickle.PicklingError, AttributeError, TypeError):  # a function among what was given
        return
    setattr(fig, MADE_BY, sha256(call).digest())
    fig.stale = False


def rendered(fig: Figure, render: Callable[[Figure], dict[str, Any]]) -> dict[str, Any]:
    """Return the pictures of a figure: those of the same call if there are any and nothing was changed since."""
    call = getattr(fig, MADE_BY, None)
    if call is None or fig.stale or not _PICTURES:
        return render(fig)
    if call not in _PICTURES[-1]:
        _PICTURES[-1][call] = render(fig)
    return dict(_PICTURES[-1][call])
