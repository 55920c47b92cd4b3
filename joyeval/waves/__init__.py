"""Raw export to clean wave: read, map, check, dedupe, link people, and account for every row."""

from __future__ import annotations

from joyeval.waves.clean import Cleaned, clean
from joyeval.waves.cleaning import CleanFile, WaveFile, clean_file
from joyeval.waves.columns import find_columns
from joyeval.waves.mapping import propose, propose_map
from joyeval.waves.raw import Raw
from joyeval.waves.reading import read

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
