"""Relational coordination: ties, matrix, change over waves, round robin, network, power."""

from joyeval.coordination.ties import LICENCE, RC, Survey, from_wide, looks_scored, score_ties, ties

__all__ = ["LICENCE", "RC", "Survey", "from_wide", "looks_scored", "score_ties", "ties"]
