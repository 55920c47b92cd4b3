"""Executed notebooks as they are kept: pictures lie beside them, each once under its hash, and are shown by reference.

A figure stands three times in an executed notebook (as HTML for JupyterLab, as drawing and as pixels for the report),
and again in that of the report. What the report needs has been read by then; who opens the notebook later sees the
same.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from html import escape
from typing import TYPE_CHECKING, Any

from joyeval.store import private, write_whole

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = "application/vnd.joyeval.block+json"
PICTURE = re.compile(r"data:image/(svg\+xml|png);base64,([A-Za-z0-9+/=]+)")
FOLDER = "pictures"
COSTS = ("whole", "merged", "in part", "hidden")  # what became of an exhibit, at the gate


def keep(executed: Path, target: Path) -> bool:
    """Move an executed notebook to where it is kept, its pictures beside it; False when there is none.

    Parameters
    ----------
    executed : Path
        As papermill left it; one that cannot be read, as of a kernel that died, is moved as it is.
    target : Path
    """
    if not executed.exists():
        return False
    private(target.parent)
    content = executed.read_bytes()
    try:
        notebook = json.loads(content)
        outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    except (ValueError, KeyError, TypeError):
        write_whole(target, content, private=True)
    else:
        for output in outputs:
            _lighten(output.get("data", {}), target.parent / FOLDER)
        write_whole(target, json.dumps(notebook, indent=1, ensure_ascii=False).encode("utf-8"), private=True)
    executed.unlink()
    return True


def gate_costs(executed: Path) -> dict[str, dict[str, int]]:
    """Return, audience by audience, how many tables and pictures of a notebook are whole, merged, in part or hidden."""
    costs: dict[str, dict[str, int]] = {}
    notebook = json.loads(executed.read_bytes())
    for output in (output for cell in notebook["cells"] for output in cell.get("outputs", ())):
        about = output.get("metadata", {}).get("joyeval", {})
        if "asked" in about:
            of = costs.setdefault(about.get("audience", "public"), dict.fromkeys(COSTS, 0))
            kind = "hidden" if about["sentence"] else "in part" if about["hidden"] else "whole"
            of["merged" if kind == "whole" and about["merged"] else kind] += 1
    return costs


def _lighten(data: dict[str, Any], folder: Path) -> None:
    block = data.get(BLOCK, {})
    if block.get("kind") == "figure":
        name = _stored(block["svg"].encode("utf-8"), "svg", folder)
        said = f"<figcaption>{escape(block['caption'])}</figcaption>"
        picture = f'<img src="{FOLDER}/{name}" alt="{escape(block["alt"], quote=True)}">'
        data["text/html"] = f"<figure>{picture}{said}</figure>"
        del data[BLOCK]
    elif "text/html" in data:
        data["text/html"] = PICTURE.sub(lambda found: _placed(found, folder), "".join(data["text/html"]))


def _placed(found: re.Match[str], folder: Path) -> str:
    kind = "svg" if found[1].startswith("svg") else "png"
    return f"{FOLDER}/{_stored(b64decode(found[2]), kind, folder)}"


def _stored(content: bytes, kind: str, folder: Path) -> str:
    name = f"{hashlib.sha256(content).hexdigest()[:24]}.{kind}"
    if not (folder / name).exists():
        write_whole(folder / name, content, private=True)
    return name


def sweep(folder: Path) -> None:
    """Remove pictures that no kept notebook shows any more."""
    shown = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.ipynb"))
    for path in (folder / FOLDER).glob("*"):
        if path.name not in shown:
            path.unlink()
