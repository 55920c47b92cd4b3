"""Raw export to clean wave: read, map, check, dedupe, link people, and account for every row."""

from __future__ import annotations

from joyeval.intake.clean import Cleaned, clean
from joyeval.intake.cleaning import CleanFile, WaveFile, clean_file
from joyeval.intake.columns import find_columns
from joyeval.intake.mapping import propose, propose_map
from joyeval.intake.raw import Raw
from joyeval.intake.reading import read

__all__ = [
    "CleanFile",
    "Cleaned",
    "Raw",
    "WaveFile",
    "clean",
    "clean_file",
    "find_columns",
    "propose",
    "propose_map",
    "read",
]
