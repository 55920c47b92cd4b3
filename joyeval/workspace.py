"""A workspace: the folder of study files, raw data, notebooks and reports; made new, and opened in JupyterLab."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from joyeval.errors import UsageError
from joyeval.store import write_whole

TEMPLATES = Path(__file__).with_name("workspace_files")
JUPYTER = Path(__file__).with_name("jupyter_settings")  # JupyterLab asks nothing about news or updates
FOLDERS = ("data/raw", "data/processed", "reports")
SETTINGS = {  # JupyterLab on this machine only, and nothing asked of the internet
    "ServerApp.ip": "127.0.0.1",
    "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
}


def new(folder: str | Path) -> list[Path]:
    """Make a fresh workspace: a study file to fill in, the notebooks, a place for raw data.

    Parameters
    ----------
    folder : path
        Must not exist, or be empty.

    Returns
    -------
    list of Path
        The files made.

    Raises
    ------
    UsageError
        The folder holds something already, or the notebooks of this installation cannot be found.
    """
    home = Path(folder)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(f"{home} is not empty; name a folder that does not exist yet")
    name = "".join(c if c.isalnum() else "_" for c in home.resolve().name.lower()).strip("_") or "study"
    made = {f"notebooks/{path.name}": path for path in sorted(notebooks().glob("*.ipynb"))}
    renamed = {"study.yml": f"pipelines/{name}.yml", "gitignore": ".gitignore"}
    made |= {renamed.get(path.name, path.name): path for path in sorted(TEMPLATES.iterdir())}
    for target, source in made.items():
        text = source.read_text(encoding="utf-8").replace("{name}", name)
        write_whole(home / target, text.replace("pipelines/enjoying_work.yml", f"pipelines/{name}.yml").encode("utf-8"))
    for path in (*FOLDERS, f"data/raw/{name}"):
        (home / path).mkdir(parents=True, exist_ok=True)
    return [home / path for path in made]


def add_notebooks(home: Path) -> None:
    """Put the notebooks of this installation into a workspace; those that are there stay as they are."""
    for path in notebooks().glob("*.ipynb"):
        if not (home / "notebooks" / path.name).exists():
            write_whole(home / "notebooks" / path.name, path.read_bytes())


def notebooks() -> Path:
    """Return the folder of the notebooks that came with this installation."""
    places = (Path(__file__).parents[1] / "notebooks", Path(sys.prefix) / "share" / "joyeval" / "notebooks")
    for place in places:
        if (place / "01_clean_waves.ipynb").exists():
            return place
    raise UsageError("the notebooks of joyeval are not where the installation puts them; install joyeval again")


def lab(home: Path, *, browser: bool = True, notebook: str = "explore_programme.ipynb") -> None:
    """Open JupyterLab in a workspace; this call ends when JupyterLab does.

    Raises
    ------
    UsageError
        The folder is no workspace.
    """
    if not (home / "notebooks").is_dir():
        raise UsageError(f"{home} holds no notebooks/: run joyeval lab in a workspace, or make one with joyeval new")
    there = home / "notebooks" / notebook
    arguments = ["lab", *([str(there)] if there.exists() else []), f"--ServerApp.root_dir={home}"]
    arguments += [f"--{name}={value}" for name, value in SETTINGS.items()] + ([] if browser else ["--no-browser"])
    program = shutil.which("jupyter", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        raise UsageError("jupyter is not installed here; joyeval doctor says what is missing")
    from joyeval.pipeline.kernels import for_jupyter
    from joyeval.pipeline.threads import environment, threads_of

    settings = os.pathsep.join(filter(None, [str(JUPYTER), os.getenv("JUPYTER_CONFIG_PATH")]))
    os.chdir(home)
    os.execve(
        program, [program, *arguments], {**environment(threads_of(1)), **for_jupyter(), "JUPYTER_CONFIG_PATH": settings}
    )
