"""ARCHITECTURE.md is true: every module is named, and imports point down."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
LAYERS = {m[2]: int(m[1]) for m in re.finditer(r"^\| (\d+) \| `joyeval/([\w]+)(?:\.py|/)` \|", PAGE, re.M)}
MODULES = sorted(p for p in (ROOT / "joyeval").rglob("*.py") if not p.name.startswith("_"))
DOORS = {
    "statsmodels": {"models", "outcomes", "measurement", "learning"},
    "pingouin": {"models", "outcomes", "measurement"},
    "matplotlib": {"figures"},
    "seaborn": {"figures"},
    "papermill": {"pipeline"},
    "distributed": {"pipeline"},
    "nbconvert": {"report"},
    "typst": {"report"},
    "docx": {"report"},
}


def top(path) -> str:
    return path.relative_to(ROOT / "joyeval").parts[0].removesuffix(".py")


def imports(path) -> list[tuple[int, str]]:
    """Line and dotted name of every import, those inside functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}:{node.lineno}: write imports out in full")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_is_on_the_map(path):
    assert f"`{path.relative_to(ROOT)}`" in PAGE, f"add {path.relative_to(ROOT)} to ARCHITECTURE.md"


def test_map_names_nothing_that_is_gone():
    named = re.findall(r"`(joyeval/[\w/]+(?:\.py|/))`", PAGE)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", sorted((ROOT / "joyeval").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    if path == ROOT / "joyeval" / "__init__.py":
        return
    own = top(path)
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] == "joyeval" and len(parts) > 1 and parts[1] in LAYERS and parts[1] != own and own in LAYERS:
            assert LAYERS[parts[1]] < LAYERS[own] or LAYERS[own] == 0, f"{path}:{line}: {own} may not import {parts[1]}"
        if parts[0] in DOORS:
            assert own in DOORS[parts[0]], f"{path}:{line}: {parts[0]} is imported in {sorted(DOORS[parts[0]])} only"


ROOMS = sorted(p.parent.name for p in (ROOT / "joyeval" / "models").glob("*/__init__.py"))


@pytest.mark.parametrize("path", sorted((ROOT / "joyeval").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_of_models_are_entered_by_their_door(path):
    inside = path.relative_to(ROOT / "joyeval").parts[1] if path.is_relative_to(ROOT / "joyeval" / "models") else ""
    through_walls = [
        f"{path}:{line}: {name}"
        for line, name in imports(path)
        for parts in [name.split(".")]
        if parts[:2] == ["joyeval", "models"] and len(parts) > 4 and parts[2] in ROOMS and parts[2] != inside
    ]
    assert through_walls == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a ring, those for types alone too; empty if there are none."""
    left = dict(graph)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_no_circle_among_estimators():
    paths = sorted((ROOT / "joyeval" / "models").rglob("*.py"))
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in paths}
    graph = {
        name: {wanted if wanted in names else wanted.rpartition(".")[0] for _, wanted in imports(path)}
        for name, path in names.items()
    }
    assert circle(graph) == []
    assert circle({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == ["a", "b", "c"]


@pytest.mark.parametrize("path", sorted((ROOT / "joyeval/report/sections").glob("*.py")), ids=lambda path: path.stem)
def test_sections_of_chapters_are_given_their_results(path):
    """What the same notebook stores is not there before its step has ended, so a first run would say something else."""
    of_all_chapters = {"checklists", "closing", "summary", "summary_outcomes"}
    assert path.stem in of_all_chapters or "store.result" not in path.read_text(encoding="utf-8")


def test_importing_the_package_is_light():
    """Nothing heavy is loaded by `import joyeval` (time is measured in benchmarks/, not here)."""
    code = (
        "import sys, joyeval; print(sorted({'numpy', 'pandas', 'scipy', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
