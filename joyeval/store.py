"""Where the tables and results of one cohort lie, and how they are written: whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING

from joyeval.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.result import Result


@dataclass(frozen=True)
class Store:
    """The processed data of one cohort.

    Parameters
    ----------
    folder : Path
        ``data/processed/<study>/<cohort>``; tables are ``<name>.parquet``, results ``results/<name>.json``.
    out : Path, optional
        Where what is saved goes; without it nothing is saved, so that exploring changes nothing.
    """

    folder: Path
    out: Path | None = None

    def table(self, name: str) -> pd.DataFrame:
        """Read a table, such as ``pulse`` or ``wave_cbi``."""
        import pandas as pd

        return pd.read_parquet(self._existing(f"{name}.parquet"))

    def tables(self) -> list[str]:
        """Return the names of the tables there are."""
        folders = [folder for folder in (self.out, self.folder) if folder is not None]
        return sorted({path.stem for folder in folders for path in folder.glob("*.parquet")})

    def result(self, name: str) -> Result:
        """Read a stored result."""
        from joyeval.result import read_result

        return read_result(self._existing(f"results/{name}.json").read_text(encoding="utf-8"))

    def results(self) -> list[str]:
        """Return the names of the results there are."""
        return sorted(path.stem for path in (self.folder / "results").glob("*.json"))

    def save(self, **things: pd.DataFrame | Result) -> None:
        """Write tables and results under the names given; without `out`, write nothing."""
        if self.out is None:
            return
        for name, thing in things.items():
            if hasattr(thing, "to_parquet"):
                write_whole(self.out / f"{name}.parquet", thing.to_parquet(index=False), private=True)
            else:
                write_whole(self.out / "results" / f"{name}.json", thing.to_json().encode("utf-8"), private=True)

    def _existing(self, name: str) -> Path:
        for folder in (self.out, self.folder):
            if folder is not None and (folder / name).exists():
                return folder / name
        step = "joyeval run"
        raise UsageError(f"{self.folder.name}: no {name} yet; `{step}` makes it from the raw files")


def edition(folder: Path, audience: str) -> Path:
    """Return where documents for an audience lie: of the public here, of others in a folder of their name below it."""
    return folder if audience == "public" else folder / audience


def private(folder: Path) -> Path:
    """Make a folder, if need be, that nobody but its owner can look into; where access is told by modes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file so that a reader never meets half of it; a private one is for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666), "wb") as file:
            file.write(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)  # of a full disk


def remove_parts(folder: Path) -> None:
    """Remove the parts of files that processes which are gone have left below a folder."""
    for part in folder.rglob(".*.part"):
        process = part.name.split(".")[-2]
        if process.isdecimal() and _gone(int(process)):
            part.unlink(missing_ok=True)


def _gone(process: int) -> bool:
    if os.name != "posix":
        return False  # elsewhere to ask is to end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        return False
    return False
