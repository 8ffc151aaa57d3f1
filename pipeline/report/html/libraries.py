"""The JavaScript libraries of pages, which lie in `third_party/` as npm has them, and how a page carries them inside."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from markupsafe import Markup

from pipeline.workspace.storage.kept_results import keep_result

FOLDER = "third_party"
"""The folder of the libraries, their licences and the table of them."""
OPENCHEMLIB, TABULATOR = "openchemlib.js", "tabulator.min.js"
VEGA, VEGA_LITE, INTERPRETER = "vega.min.js", "vega-lite.min.js", "vega-interpreter.js"
_EXPORTS = re.compile(r"export\s*\{([^}]*)\}\s*;")
_IMPORTS = re.compile(r"import\s*\{([^}]*)\}\s*from\s*'[^']*';")
_GLOBALS = {OPENCHEMLIB: "OCL", INTERPRETER: "vegaInterpreter"}
"""The global objects that get the exports of the libraries that are ES modules."""


@dataclass(frozen=True)
class Library:
    """A file of a library, with what its package says of it."""

    file: str
    name: str
    version: str
    licence: str
    licence_file: str
    source: str
    """The path of the file in the npm package."""
    sha256: str


@dataclass(frozen=True)
class CarriedScript:
    """A script that a page carries compressed, and runs only when it is needed."""

    id: str
    packed: str
    """The text, compressed with gzip and written in base64."""
    digest: str
    """The SHA-256 of the text in base64, as a content security policy names it."""


def find_folder() -> Traversable:
    """Find the folder of the libraries, from which a server can serve the files as they are."""
    return resources.files("pipeline.report") / FOLDER


@cache
def list_libraries() -> tuple[Library, ...]:
    """List the files of all libraries."""
    table = (find_folder() / "libraries.csv").read_text(encoding="utf-8")
    return tuple(Library(**row) for row in csv.DictReader(table.splitlines()))


@cache
def read_script(file: str) -> str:
    """Read a library as a script that puts its names on a global object (OCL, Tabulator, vega, vegaLite, vegaInterpreter).

    A page of one file cannot import: what is an ES module becomes a function that is called, with an assignment for its exports.
    """
    text = (find_folder() / file).read_text(encoding="utf-8")
    text = re.sub(r"\n?//# sourceMappingURL=\S*\s*$", "\n", text)
    if file not in _GLOBALS:
        return text
    exports = list(_EXPORTS.finditer(text))[-1]
    pairs = [entry.split(" as ") for entry in exports[1].split(",")]
    members = ",".join(f"{pair[-1].strip()}:{pair[0].strip()}" for pair in pairs)
    body = f"{text[: exports.start()]}globalThis.{_GLOBALS[file]}={{{members}}};{text[exports.end() :]}"
    body = _IMPORTS.sub(lambda found: f"const {{{found[1]}}} = globalThis.vega;", body).replace("import.meta", "({})")
    return f"(()=>{{{body}\n}})();\n"


@cache
def carry_script(file: str) -> CarriedScript:
    """Compress a library for a page that carries it inside."""
    text = read_script(file)
    digest = digest_script(text)
    packed = keep_result("script", digest, lambda: base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)))
    return CarriedScript(file.split(".")[0], packed.decode(), digest)


def read_style() -> Markup:
    """Read the style sheet of the table."""
    text = (find_folder() / "tabulator.min.css").read_text(encoding="utf-8")
    return Markup(re.sub(r"/\*# sourceMappingURL=.*?\*/", "", text))


def digest_script(text: str) -> str:
    """Compute the digest by which a content security policy allows a script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
