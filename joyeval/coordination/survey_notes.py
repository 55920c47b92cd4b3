"""What about the waves of a survey makes its change hard to read: said, never mended silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.coordination.mean_change import cells_of
from joyeval.coordination.ties import looks_scored

UNLIKE = 0.01  # p of Bartlett's test below which workgroups are said to differ in spread

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.coordination.ratings import Ratings
    from joyeval.coordination.ties import Survey


def notes_on(ties: pd.DataFrame, data: Ratings, survey: Survey) -> tuple[str, ...]:
    """Say what about the waves makes a change hard to read; nothing of this is mended here."""
    return (*_scale_notes(ties, data, survey), *_group_notes(data), *_rater_notes(data), *_spread_notes(data))


def _scale_notes(ties: pd.DataFrame, data: Ratings, survey: Survey) -> list[str]:
    asked = [d for d in survey.dimensions if d in ties]
    by_wave = {wave: ties[ties["wave"].astype(str) == wave] for wave in data.waves}
    used = {wave: [d for d in asked if rows[d].notna().any()] for wave, rows in by_wave.items()}
    notes = []
    if len({tuple(dims) for dims in used.values()}) > 1:
        told = "; ".join(f"{wave}: {', '.join(dims)}" for wave, dims in used.items())
        notes.append(f"waves did not ask the same dimensions ({told}): part of a change may be a change of questions")
    if survey.frequency in asked:
        looks = {
            wave: looks_scored(rows[survey.frequency])
            for wave, rows in by_wave.items()
            if survey.frequency in used[wave]
        }
        if len(set(looks.values())) > 1:
            told = ", ".join(f"{wave} {look}" for wave, look in looks.items())
            notes.append(f"the frequency item may be coded differently over waves ({told}): check each file's coding")
    return notes


def _group_notes(data: Ratings) -> list[str]:
    rows, notes = data.rows, []
    for column, verb in (("workgroup", "answered"), ("target", "were rated")):
        seen = rows.groupby(["process", column])["wave"].nunique()
        asked = rows.groupby("process")["wave"].nunique().reindex(seen.index.get_level_values(0)).to_numpy()
        if some := sorted({name for _, name in seen.index[seen.to_numpy() < asked]}):
            notes.append(f"{', '.join(some)} {verb} in some waves only; their ties count in the waves they were in")
    waves = rows.groupby("process")["wave"].nunique()
    if once := sorted(waves.index[waves < 2]):
        notes.append(f"{', '.join(once)} answered in one wave only: nothing is known of a change there")
    if silent := sorted(set(rows["target"]) - set(rows["workgroup"])):
        notes.append(f"{', '.join(silent)} were rated but did not answer: their view of the others is not known")
    left = len(data.ties) - len(data.in_waves(data.waves))
    if left:
        notes.append(f"{left} of {len(data.ties)} ties were not rated in every wave and are not in the mean change")
    return notes


def _rater_notes(data: Ratings) -> list[str]:
    notes = []
    single = sum(int((data.raters(data.ties, wave) == 1).sum()) for wave in data.waves)
    if single:
        means = "1 tie mean rests" if single == 1 else f"{single} tie means rest"
        notes.append(f"{means} on a single rater: nothing is known of how others there see it")
    if not data.rows.drop_duplicates(["rater", "wave"])["rater"].duplicated().any():
        notes.append("no rater was recognised in two waves: change of people and change of ties cannot be told apart")
    homes = data.rows.drop_duplicates(["person", "block"])["person"]
    moved = homes[homes.duplicated()].nunique()
    if moved:
        notes.append(f"{moved} people answered in several workgroups or processes and count as a rater in each")
    return notes


def _spread_notes(data: Ratings) -> list[str]:
    """Say which workgroups are most and least variable, where Bartlett's test finds that they differ."""
    from scipy.special import chdtrc

    contrast = data.contrasts[0]
    ties = data.in_waves(data.waves)
    ties = ties[(data.raters(ties, contrast.first) > 0) & (data.raters(ties, contrast.second) > 0) & ~ties["within"]]
    if ties.empty:
        return []
    cells, blocks = cells_of(data, ties, {contrast.second: 1.0, contrast.first: -1.0})
    ratio, df = data.means.scores.spreads(cells, blocks)
    known = (df > 1) & (ratio > 0)
    ratio, df, blocks = ratio[known], df[known], blocks[known]
    if len(df) < 2:
        return []
    total = df.sum()
    chi2 = total * np.log((df * ratio).sum() / total) - (df * np.log(ratio)).sum()
    chi2 /= 1 + ((1 / df).sum() - 1 / total) / (3 * (len(df) - 1))
    if chdtrc(len(df) - 1, chi2) >= UNLIKE:
        return []
    names = data.ties.drop_duplicates("block").set_index("block")["workgroup"]
    most, least = names[blocks[ratio.argmax()]], names[blocks[ratio.argmin()]]
    unlike = f"workgroups differ in how far their members' ratings move apart (most in {most}, least in {least})"
    return [f"{unlike}: intervals of mean changes and of single ties allow for it"]
