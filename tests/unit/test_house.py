"""The house rules that no linter holds, and the import contracts, each shown to fail on what it is for."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES, MOST_STATEMENTS, LONGEST_FUNCTION = 400, 30, 40
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME"]))
KNOWN = ("www.apache.org", "maven.apache.org", "www.incident.com", "www.w3.org", "www.gdacs.org", "www.georss.org",
         "purl.org", "example.org", "a.example", "prometheus:", "127.0.0.1", "x/")  # fmt: skip
"""Names of XML vocabularies and of licences, addresses on this machine, and examples."""
FOREIGN = re.compile(rf"https?://(?!{'|'.join(map(re.escape, KNOWN))})\w")
MACHINE = re.compile("|".join(rf"(?<![\w.]){folder}/[\w.]" for folder in ("/work", "/root", "/home", "/Users")))
ADR = re.compile(r"docs/adr/(\d{4})|\bADR (\d{4})\b")


@cache
def _files() -> dict[str, str]:
    """Path from the root -> text, of every text file that is or can be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and b"\0" not in path.read_bytes()[:8192]:
            found[name] = path.read_text(encoding="utf-8")
    assert "pyproject.toml" in found
    return found


def _sources() -> dict[str, str]:
    return {name: text for name, text in _files().items() if name.startswith("services/") and name.endswith(".py")}


def _matches(pattern: re.Pattern[str], files: dict[str, str]) -> list[str]:
    """`file:line` of every line that the pattern is found in."""
    return [
        f"{name}:{number}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def _large(name: str, text: str) -> Iterator[str]:
    """Files and functions above the limits; a docstring does not count."""
    if (lines := text.count("\n")) > MOST_LINES:
        yield f"{name} has {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            statements = sum(isinstance(inner, ast.stmt) for outer in body for inner in ast.walk(outer))
            length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if statements > MOST_STATEMENTS or length > LONGEST_FUNCTION:
                yield f"{name}: {node.name} has {statements} statements in {length} lines"


def _unlocked(lock: str) -> list[str]:
    """Requirements without a version and a hash, and lines that name an address."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    entries = [entry for entry in entries if not entry.startswith("#")]
    bad = [
        entry for entry in entries if not re.match(r"[\w.\[\]-]+==\S+( ;.*)? \\\n\s+--hash=sha256:[0-9a-f]{64}", entry)
    ]
    return [entry.split("\n")[0] for entry in bad] + re.findall(r".*://.*|^-.*", lock, re.MULTILINE)


def _undecided(files: dict[str, str], decided: set[str]) -> set[str]:
    """ADR numbers that are spoken of and do not exist."""
    spoken = {first or second for text in files.values() for first, second in ADR.findall(text)}
    return spoken - decided


def _decided() -> set[str]:
    return {path.name[:4] for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}


def test_files_and_functions_stay_small() -> None:
    assert [problem for name, text in _sources().items() for problem in _large(name, text)] == []


def test_nothing_is_left_for_later() -> None:
    assert _matches(UNFINISHED, _files()) == []


def test_no_registry_is_named() -> None:
    assert _matches(FOREIGN, _files()) == []


def test_no_machine_is_named() -> None:
    assert _matches(MACHINE, _files()) == []


def test_requirements_are_locked() -> None:
    assert _unlocked(_files()["requirements.lock"]) == []


def test_every_decision_that_is_spoken_of_exists() -> None:
    others = {name: text for name, text in _files().items() if not name.startswith("tests/unit/test_house")}
    assert _undecided(others, _decided()) == set()


def test_every_decision_is_one_page_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs/adr").glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 45, path.name
        assert f"]({path.name})" in index
        headings = [line for line in text.splitlines() if line.startswith("## ") and line != "## Figures"]
        assert headings == ["## Context", "## Choice", "## Cost", "## How we would notice being wrong"], path.name


def test_every_package_says_what_it_is_for() -> None:
    packages = {name: text for name, text in _sources().items() if name.endswith("/__init__.py")}
    assert {
        f"services/{path.name}/__init__.py" for path in (ROOT / "services").iterdir() if list(path.glob("*.py"))
    } <= (packages.keys())
    assert [name for name, text in packages.items() if not ast.get_docstring(ast.parse(text))] == []


# -- the gates above, seen to fail ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("\n" * 401, "a.py has 401 lines"),
        ("def f():\n" + "    x = 1\n" * 31, "a.py: f has 31 statements in 31 lines"),
        ("def f():\n    return [\n" + "        1,\n" * 40 + "    ]\n", "a.py: f has 1 statements in 42 lines"),
        ('def f():\n    """Text\n' + "\n" * 60 + '    """\n    return 1\n', None),
        ("def f():\n" + "    x = 1\n" * 30, None),
    ],
    ids=["long file", "many statements", "long function", "long docstring", "at the limit"],
)
def test_large_code_is_seen(text: str, named: str | None) -> None:
    assert list(_large("a.py", text)) == ([named] if named else [])


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        (UNFINISHED, "# TO" + "DO later", True),
        (UNFINISHED, "# todos are listed elsewhere", False),
        (FOREIGN, "https:/" + "/registry.invalid/simple", True),
        (FOREIGN, "xmlns=http://maven.apache.org/POM/4.0.0", False),
        (MACHINE, "cd /wo" + "rk/main", True),
        (MACHINE, "PATH=/ro" + "ot/.cache", True),
        (MACHINE, "docs/work/plan", False),
    ],
)
def test_a_word_that_does_not_belong_is_seen(pattern: re.Pattern[str], line: str, found: bool) -> None:
    assert bool(_matches(pattern, {"a": line})) is found


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        (f"one==1.0 \\\n    --hash=sha256:{'0' * 64}\n", []),
        (f"# a comment\none[extra]==1.0 ; x \\\n    --hash=sha256:{'0' * 64}\n", []),
        ("one==1.0\n", ["one==1.0"]),
        (f"one>=1.0 \\\n    --hash=sha256:{'0' * 64}\n", ["one>=1.0 \\"]),
        (f"one==1.0 \\\n    --hash=sha256:{'0' * 64}\n# https://a.example\n", ["# https://a.example"]),
    ],
)
def test_an_unlocked_requirement_is_seen(lock: str, expected: list[str]) -> None:
    assert _unlocked(lock) == expected


def test_a_decision_that_does_not_exist_is_seen() -> None:
    assert _undecided({"a": "see docs/adr/0001 and ADR 0099"}, {"0001"}) == {"0099"}


# -- import contracts -------------------------------------------------------------------------------------------------

PLANTED = {
    "services/core/planted_redis.py": ("import redis", "services.core.planted_redis -> redis"),
    "services/core/planted_time.py": ("import time", "services.core.planted_time -> time"),
    "services/core/planted_upwards.py": (
        "from services.runtime import codec",
        "services.core.planted_upwards -> services.runtime.codec",
    ),
    "services/runtime/planted.py": ("import services.intake", "services.runtime.planted -> services.intake"),
    "services/intake/planted.py": ("import services.enrich", "services.intake.planted -> services.enrich"),
}


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_the_import_contracts_hold() -> None:
    found = _lint_imports(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """lint-imports on a copy of the services in which every kind of forbidden import is planted once."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(ROOT / "services", folder / "services", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, (line, _) in PLANTED.items():
        (folder / path).write_text(f"{line}\n", encoding="utf-8")
    return _lint_imports(folder)


@pytest.mark.parametrize("path", PLANTED)
def test_a_forbidden_import_breaks_the_contract(path: str, planted: subprocess.CompletedProcess[str]) -> None:
    assert planted.returncode == 1
    assert PLANTED[path][1] in planted.stdout
