"""Runs what README.md and the pages of docs/ show: shell commands, Python code, and the files that a page names by a title.

A block of the language `sh` is run by bash, one of `python` in one interpreter for the whole page, and one with
`title="NAME"` is written to the file NAME. A page runs in a folder of its own, in which `data` and `docs` are those of the
repository. A block is left out where `<!-- not run: REASON -->` stands above it. A page whose first line is
`<!-- slow: REASON -->` is marked slow.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LEFT_OUT = re.compile(r"<!-- not run: (.+?) -->", re.DOTALL)
SECONDS = 3600
USUAL_PORTS = ("4200", "4280", "5055")
"""The ports that the pages name; the tests take free ones."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    line: int
    language: str
    title: str | None
    text: str
    left_out: str | None
    """Why it is not run; None where it is."""

    @property
    def does_something(self) -> bool:
        return self.left_out is None and bool(self.title or self.language in ("sh", "python"))


def read_blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    reason = None
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "html_block" and (match := LEFT_OUT.search(token.content)):
            reason = match.group(1)
        elif token.type == "fence":
            assert token.map is not None
            title = re.search(r'title="([^"]+)"', token.info)
            language = token.info.split()[0] if token.info else ""
            yield Block(token.map[0] + 1, language, title.group(1) if title else None, token.content, reason)
            reason = None


def write_script(blocks: list[Block]) -> str:
    """Return a Python program that does what the blocks say, in their order."""
    body = ast.parse("import subprocess\nfrom pathlib import Path").body
    for block in blocks:
        code = f"print('-- line {block.line}', flush=True)\n"
        if block.title:
            code += f"Path({block.title!r}).parent.mkdir(parents=True, exist_ok=True)\n"
            code += f"Path({block.title!r}).write_text({block.text!r}, encoding='utf-8')"
        elif block.language == "sh":
            code += f"subprocess.run(['bash', '-euo', 'pipefail', '-c', {block.text!r}], check=True)"
        else:
            code += block.text
        body += ast.parse(code).body
    only_once = ast.If(ast.parse("__name__ == '__main__'", mode="eval").body, body, [])  # not in spawned processes
    return ast.unparse(ast.fix_missing_locations(ast.Module([only_once], [])))


def is_slow(page: Path) -> bool:
    return page.read_text(encoding="utf-8").startswith("<!-- slow: ")


def to_parameter(page: Path, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=marks)


RUNNABLE = [
    to_parameter(page, *([pytest.mark.slow] if is_slow(page) else []))
    for page in PAGES
    if any(block.does_something for block in read_blocks(page))
]
EACH_PAGE = [to_parameter(page) for page in PAGES]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder that looks like the repository to a reader of the pages."""
    for name in ("data", "docs"):
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    for name in ("my.csv", "round2.csv", "my_docking.py"):
        shutil.copy(ROOT / "docs" / "examples" / name, tmp_path)
    return tmp_path


def find_free_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("page", RUNNABLE)
def test_page_runs(page: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("script") / "page.py"
    text = write_script([b for b in read_blocks(page) if b.does_something])
    for usual in USUAL_PORTS:
        text = text.replace(usual, find_free_port())
    script.write_text(text, encoding="utf-8")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]),
        "PREFECT_HOME": str(script.parent / "prefect"),
        "BROWSER": "true",  # `chem-vae report --open` opens nothing
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("CHEM_VAE_WORKSPACE", None)
    try:
        done = subprocess.run(
            [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
    finally:
        for file in folder.glob("*.pid"):  # what a page started and, where it failed, did not end
            with contextlib.suppress(OSError):
                os.kill(int(file.read_text()), signal.SIGTERM)
    assert done.returncode == 0, f"{page.relative_to(ROOT)}:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"


def list_commands(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the arguments of each `chem-vae` command of a page's shell blocks."""
    for block in read_blocks(page):
        if block.language == "sh":
            for line in block.text.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["chem-vae"]:
                    until = next((i for i, word in enumerate(words) if word in ("|", ">", "2>", "&&")), len(words))
                    yield block.line, words[1:until]


@pytest.mark.parametrize("page", EACH_PAGE)
def test_commands_have_only_options_that_exist(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from build_pages import list_commands as list_known

    known = dict(list_known())
    for line, words in list_commands(page):
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in known), None)
        assert name is not None, f"{page.name}:{line}: there is no command chem-vae {words[0]}"
        if "--help" not in words:
            known[name].make_context(name, words[len(name.split()) :])  # raises for an option that does not exist


@pytest.mark.parametrize("page", EACH_PAGE)
def test_toml_blocks_are_valid_configurations(page: Path, tmp_path: Path) -> None:
    from pipeline.config import load_config

    for block in read_blocks(page):
        if block.language == "toml" and "project" not in tomllib.loads(block.text):  # a package has one, too
            (tmp_path / "block.toml").write_text(block.text, encoding="utf-8")
            load_config(tmp_path / "block.toml")


def test_few_blocks_are_left_out() -> None:
    left_out = [f"{p.name}:{b.line}: {b.left_out}" for p in PAGES for b in read_blocks(p) if b.left_out is not None]
    assert len(left_out) <= 8, "\n".join(left_out)
