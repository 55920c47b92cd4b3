"""Survey waves: a large file read, checked, scored and written; workbooks; people linked over two waves.

    python -m benchmarks.bench_waves [--small]

Peers, measured in the same run: polars merely reading the same file typed and writing Parquet, and python-calamine
merely reading the same workbook. CPU seconds of this process and its children, the smaller of two runs; peak memory
of a process that does nothing else.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from joyeval.instruments import load
from joyeval.instruments.scoring import score_codes
from joyeval.intake import WaveFile, clean_file, read
from joyeval.intake.linking import link_people

ITEMS = [f"q{i:02d}" for i in range(1, 61)]
SCALES = {f"s{k}": ITEMS[20 * k : 20 * k + 20] for k in range(3)}


def instrument(folder: Path) -> Path:
    """Sixty items, three scales, every seventh item reversed."""
    items = "".join(
        f"  {name}: {{topic: {name}, responses: agree{', reverse: true' * (i % 7 == 0)}}}\n"
        for i, name in enumerate(ITEMS)
    )
    scales = "".join(
        f"  {name}: {{title: {name}, items: [{', '.join(of)}], answered: 10, rule: half, better: higher}}\n"
        for name, of in SCALES.items()
    )
    path = folder / "sixty.yml"
    licence = "{terms: none, wording: ships, commercial: free}"
    path.write_text(
        f"id: sixty\ntitle: Sixty\nabout: sixty items\nsource: none\nlicence: {licence}\n"
        f"responses:\n  agree: {{codes: [1, 5]}}\nitems:\n{items}scales:\n{scales}"
    )
    return path


def answers(rows: int, *, faults: bool = False) -> pl.DataFrame:
    """Rows x 63: respondent, team, date and sixty answers of which 5 % are blank; faults as real files have them."""
    rng = np.random.default_rng(1)
    codes = rng.integers(1, 6, (rows, 60)).astype("U5")
    codes[rng.random((rows, 60)) < 0.05] = ""
    if faults:
        codes[rng.integers(0, rows, rows // 2000), 6] = "9"
        codes[rng.integers(0, rows, rows // 20_000 + 1), 11] = "Often"
    team = pl.format("team{}", pl.int_range(rows) % 2000)
    frame = pl.DataFrame({name: codes[:, i] for i, name in enumerate(ITEMS)})
    about = {"respondent": pl.format("r{}", pl.int_range(rows) + 1), "team": team, "date": pl.lit("2026-01-05")}
    return frame.select(*(expr.alias(name) for name, expr in about.items()), *ITEMS)


def ours(file: Path, own: Path) -> None:
    """Read, map, check, drop who answered again, score, write."""
    columns = {"person": "respondent", "team": "team", "date": "date"} | {name: name for name in ITEMS}
    rows = clean_file(WaveFile(path=file, wave="1", instruments=(own,), columns=columns)).rows
    rows.with_columns(score_codes(rows.select(ITEMS), load(own))).write_parquet(file.with_suffix(".parquet"))


def polars_alone(file: Path, own: Path) -> None:
    del own
    pl.read_csv(file, schema_overrides=dict.fromkeys(ITEMS, pl.Int8)).write_parquet(file.with_suffix(".parquet"))


def calamine_alone(file: Path) -> None:
    import python_calamine

    python_calamine.load_workbook(file).get_sheet_by_index(0).to_python()


def cpu(call, *given) -> float:
    """CPU seconds, children counted: the smaller of two runs."""
    return min(_spent(call, *given) for _ in range(2))


def _spent(call, *given) -> float:
    before = _clock()
    call(*given)
    return _clock() - before


def _clock() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak(file: Path, own: Path) -> float:
    """Peak memory in MB of a process that cleans one file (what Linux counts since the process began)."""
    script = (
        "import sys; from pathlib import Path; from benchmarks.bench_waves import ours\n"
        "ours(*map(Path, sys.argv[1:]))\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    )
    done = subprocess.run([sys.executable, "-c", script, file, own], capture_output=True, text=True, check=True)
    return float(done.stdout) / 1024


def csv_file(folder: Path, rows: int) -> None:
    own, file, faulty = instrument(folder), folder / f"{rows}.csv", folder / f"{rows}_faults.csv"
    answers(rows).write_csv(file, quote_style="never")
    answers(rows, faults=True).write_csv(faulty, quote_style="never")
    mine, peer, mending = cpu(ours, file, own), cpu(polars_alone, file, own), cpu(ours, faulty, own)
    print(
        f"CSV {rows:>9,} x 63: {mine:.2f} s; polars typed read and write {peer:.2f} s; ratio {mine / peer:.2f}; "
        f"{1e6 * mine / rows:.2f} us a row; peak {peak(file, own):.0f} MB\n"
        f"    with words and impossible numbers among the answers: {mending:.2f} s; ratio {mending / peer:.2f}; "
        f"peak {peak(faulty, own):.0f} MB"
    )


def workbook(folder: Path, rows: int) -> None:
    file = folder / "wave.xlsx"
    typed = answers(rows).with_columns(pl.col(ITEMS).cast(pl.Int8, strict=False))
    typed.write_excel(file, autofilter=False)
    mine, peer = cpu(read, file), cpu(calamine_alone, file)
    print(f"XLSX {rows:,} x 63: {mine:.2f} s; python-calamine alone {peer:.2f} s; ratio {mine / peer:.2f}")


def linkage(people: int, teams: int) -> None:
    rng = np.random.default_rng(3)
    sizes = {"day": 31, "month": 12, "mother": 200, "siblings": 4, "born": 20, "school": 20}
    first = pd.DataFrame({name: rng.integers(k, size=people) for name, k in sizes.items()})
    second = first.where(rng.random(first.shape) > 0.05, first + 1)
    both = pd.concat([first.assign(wave="1"), second.assign(wave="2")], ignore_index=True)
    both["team"] = np.tile(rng.integers(teams, size=people), 2)
    spent = cpu(lambda: link_people(both, code=list(sizes), waves=["1", "2"]))
    print(f"Linkage, two waves of {people:,} people in {teams:,} teams, one slip forgiven: {spent:.2f} s")


def main() -> None:
    small = "--small" in sys.argv
    with tempfile.TemporaryDirectory() as name:
        for rows in [10_000] if small else [10_000, 100_000, 1_000_000]:
            csv_file(Path(name), rows)
        workbook(Path(name), 2000 if small else 70_000)
    linkage(*((2000, 40) if small else (100_000, 2000)))


if __name__ == "__main__":
    main()
