"""Protecting and proving 200 tables of counts with totals, beside one linear programme for each end of each count."""

from __future__ import annotations

import time

import numpy as np

from joyeval.disclosure import Rule
from joyeval.disclosure.margins import hide
from joyeval.disclosure.proof import _aims, _solve, ranges

SHAPES = ((6, 4), (10, 5), (8, 6), (20, 5))
TABLES = 200


def tables(seed: int = 1) -> list[np.ndarray]:
    """Return counts of people by role and team, say, with totals."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(TABLES):
        table = np.pad(rng.negative_binomial(1.2, 1.2 / 31.2, SHAPES[number % len(SHAPES)]), (0, 1))
        table[-1] = table.sum(axis=0)
        table[:, -1] = table.sum(axis=1)
        found.append(table)
    return found


def main() -> None:
    """Print CPU seconds for hiding, for proving all tables together, and for the peer."""
    made, rule = tables(), Rule()
    start = time.process_time()
    done = [(table, *hide(table, rule)) for table in made]
    hiding = time.process_time() - start
    start = time.process_time()
    found = ranges(done, rule=rule)
    proving = time.process_time() - start
    start = time.process_time()
    aims = [aim for table in done[:10] for aim in _aims(*table, rule=rule)]
    one_by_one = [_solve([aim])[0] for aim in aims]
    peer = (time.process_time() - start) * TABLES / 10
    assert np.allclose(np.concatenate(found[:10]), np.add(one_by_one[::2], one_by_one[1::2]))
    cells = sum(int(few.sum()) for _, few, _ in done)
    print(f"{TABLES} tables, {cells} small counts, narrowest {min(part.min() for part in found if len(part)):.0f}")
    print(f"hide {hiding:.1f} CPU s, prove {proving:.1f} CPU s, both {hiding + proving:.1f}")
    print(f"one programme per end: {peer:.1f} CPU s (from 10 tables)   ours / peer: {proving / peer:.2f}")
