"""The repository speaks of itself alone, and its papers of what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
from webkiln.cli import main
from webkiln.codegen.paths import REPOSITORY

# Put together here, so that this file does not hold what it looks for.
REGISTRIES = [".".join(parts) for parts in (("pypi", "org"), ("registry", "npmjs", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("npmmirror", "com"))]
MACHINE_PATHS = [f"/{name}/" for name in ("work", "root", "home")]
PAPERS = sorted(path.relative_to(REPOSITORY).as_posix() for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("benchmarks/*.md")])


def texts() -> list[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    found = []
    for name in listed.split("\0"):
        path = REPOSITORY / name
        if name and path.is_file() and b"\0" not in (data := path.read_bytes()):
            found.append((name, data.decode("utf-8")))
    assert len(found) > 50
    return found


def test_no_registry_host_and_no_machine_path_is_named() -> None:
    pattern = re.compile("|".join(re.escape(word) for word in REGISTRIES) + "|" + "|".join(rf"(?<![\w.}}*]){re.escape(path)}" for path in MACHINE_PATHS))
    named = [f"{name}: {found.group()}" for name, text in texts() for found in pattern.finditer(text)]
    assert named == []


def test_lock_files_hold_no_addresses() -> None:
    for name in ("package-lock.json", "benchmarks/package-lock.json"):
        assert '"resolved"' not in (REPOSITORY / name).read_text(), name


@pytest.mark.parametrize("paper", PAPERS)
def test_links_lead_somewhere(paper: str) -> None:
    text = (REPOSITORY / paper).read_text()
    headings = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        assert not file or (REPOSITORY / paper).parent.joinpath(file).exists(), target
        assert not anchor or file or anchor in headings, target


def test_commands_of_the_readme_exist() -> None:
    """Every `webkiln …` line names a command, and options that this command has."""
    text = (REPOSITORY / "README.md").read_text()
    lines = re.findall(r"^webkiln (\S.*)$", text, re.MULTILINE)
    assert len(lines) >= 10
    assert isinstance(main, click.Group)
    for line in lines:
        words = re.split(r"\s{2,}", line)[0].split()
        command = main.commands[words[0]]
        if isinstance(command, click.Group) and not (command.invoke_without_command and len(words) == 1):
            command = command.commands[words[1]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_commands_of_the_papers_are_files() -> None:
    for paper in PAPERS:
        for script in re.findall(r"python3? ((?:benchmarks/)?\w+\.py)", (REPOSITORY / paper).read_text()):
            assert Path(REPOSITORY, script).is_file(), f"{paper}: {script}"
