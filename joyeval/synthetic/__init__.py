"""The demonstration programme: synthetic raw files of five cohorts, the study file for them, and the truth behind.

Nobody in it exists. What is true of it is known, so that every analysis can be checked against it.

Examples
--------
>>> from joyeval import synthetic
>>> synthetic.write("data/raw/enjoying_work")  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path

SEED = 2043  # of 2017 to 2056 the one whose data are most typical of the assumptions
STUDY = Path(__file__).with_name("enjoying_work.yml")  # the same as in pipelines/, for a workspace that has none

__all__ = ["SEED", "files", "study_file", "write"]


def write(folder: str | Path, *, seed: int = SEED) -> list[Path]:
    """Write the raw files and ``truth.json`` of the demonstration programme.

    Parameters
    ----------
    folder : path
        Where to; made if need be.
    seed : int
        The same seed gives the same files.

    Returns
    -------
    list of Path
        The files written.
    """
    from joyeval.store import write_whole

    made = files(seed=seed)
    for name, content in made.items():
        write_whole(Path(folder) / name, content)
    return [Path(folder) / name for name in made]


def study_file(workspace: str | Path) -> Path:
    """Return the study file of the demonstration in a workspace, after making whatever of it is not there."""
    from joyeval.store import write_whole

    path = Path(workspace) / "pipelines" / STUDY.name
    if not path.exists():
        write_whole(path, STUDY.read_bytes())
    data = Path(workspace) / "data" / "raw" / "enjoying_work"
    if not (data / "truth.json").exists():
        write(data)
    return path


def files(*, seed: int = SEED) -> dict[str, bytes]:
    """Return every file of the demonstration programme by its name below the data folder."""
    from joyeval.synthetic.build import build

    return build(seed)
