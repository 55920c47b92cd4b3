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
    "statsmodels": {"models", "outcomes", "measurement"},
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


def test_importing_the_package_is_light():
    """Nothing heavy is loaded by `import joyeval` (time is measured in benchmarks/, not here)."""
    code = (
        "import sys, joyeval; print(sorted({'numpy', 'pandas', 'scipy', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
