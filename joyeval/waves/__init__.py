"""Raw export to clean wave: read, map, check, dedupe, link people, and account for every row."""

from __future__ import annotations

from joyeval.waves.raw import Raw
from joyeval.waves.reading import read

__all__ = ["Raw", "read"]
