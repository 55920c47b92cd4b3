"""What journals ask of a figure, read from presets/: one YAML file per journal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from joyeval.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What one journal asks.

    Parameters
    ----------
    journal : str
        Its name.
    widths_mm : tuple of float
        Widths of one column, two, and so on; empty if any width within `width_range_mm` is taken.
    width_range_mm : tuple of float
        Least and greatest width.
    max_height_mm, dpi, max_mb : float
        Greatest height, resolution of pictures in pixels, greatest file size.
    text_pt : tuple of float
        Smallest and largest type.
    line_pt : float
        Thinnest line.
    source : str
        The page with the rules.
    verified : tuple of str
        Fields read on that page. The others are what is commonly known: look before submitting.
    note : str
        What else the journal wants.
    """

    journal: str
    widths_mm: tuple[float, ...] = ()
    width_range_mm: tuple[float, float] = (0, 0)
    max_height_mm: float
    dpi: int
    text_pt: tuple[float, float]
    line_pt: float
    max_mb: float
    source: str
    verified: tuple[str, ...]
    note: str = ""

    def size(self, width_mm: float, height_mm: float) -> tuple[float, float]:
        """Return the size in which a figure drawn at `width_mm` x `height_mm` is printed, in mm."""
        least, most = self.width_range_mm
        width = (
            min(self.widths_mm, key=lambda w: abs(w - width_mm))
            if self.widths_mm
            else sorted((least, width_mm, most))[1]
        )
        return width, min(height_mm * width / width_mm, self.max_height_mm)


def journals() -> tuple[str, ...]:
    """Return the names that `save` takes."""
    return tuple(sorted(file.name.removesuffix(".yml") for file in _folder().iterdir() if file.name.endswith(".yml")))


@cache
def preset(journal: str) -> Preset:
    """Return what a journal asks.

    Raises
    ------
    UsageError
        A journal without a preset.
    """
    import yaml

    if journal not in journals():
        raise UsageError(f"figures: no preset for journal {journal!r}; there are {', '.join(journals())}")
    fields: dict[str, Any] = yaml.safe_load((_folder() / f"{journal}.yml").read_text(encoding="utf-8"))
    return Preset(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


def _folder():
    return files("joyeval.figures") / "presets"
