"""Registries: doubled and unknown names fail, and plug-ins are loaded once and by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chem_vae.errors import ChemVAEError, UserError
from chem_vae.plugins import Registry


def install(folder: Path, group: str, code: str, value: str = "colors_plugin:register") -> None:
    """Put a tiny package with an entry point into a folder of sys.path."""
    (folder / "colors_plugin.py").write_text(code)
    info = folder / "colors_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: colors-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nours = {value}\n")


def test_names_are_unique_and_unknown_ones_are_told() -> None:
    colors: Registry[int] = Registry("color", "chem_vae.test_colors")
    colors.add("red", 1)
    assert colors.find("red") == colors["red"] == 1 and list(colors) == ["red"] and "blue" not in colors
    with pytest.raises(UserError, match="'red' is registered already"):
        colors.add("red", 2)
    with pytest.raises(UserError, match="unknown color 'rde'; did you mean 'red'"):
        colors.find("rde")


def test_a_package_adds_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "colors_plugin", raising=False)
    colors: Registry[int] = Registry("color", "chem_vae.test_colors")
    monkeypatch.setattr(sys, "_colors", colors, raising=False)
    install(tmp_path, "chem_vae.test_colors", "import sys\ndef register():\n    sys._colors.add('green', 3)\n")
    assert colors["green"] == 3 and len(colors) == 1


def test_a_broken_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "colors_plugin", raising=False)
    install(tmp_path, "chem_vae.test_colors", "import no_such_package\n")
    with pytest.raises(ChemVAEError, match="colors-plugin .*cannot be loaded: ModuleNotFoundError"):
        len(Registry("color", "chem_vae.test_colors"))
