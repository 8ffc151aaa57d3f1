"""OpenChemLib's editor: draws a molecule in the browser."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

from nicegui import ui

from chem_vae.errors import UserError
from flows.app.layout import heading, primary_button, quiet_button, tell_errors

_NUMBERS = itertools.count(1)
LIBRARY = "/libraries/openchemlib.js"
"""The address of OpenChemLib, which the app serves itself."""
_OPEN = """
const place = document.getElementById(%(id)r);
const library = await import(%(library)r);
library.registerCustomElement();
const editor = document.createElement('openchemlib-editor');
editor.style.height = '100%%';
place.replaceChildren(editor);
let start = null;
try { start = library.Molecule.fromSmiles(%(smiles)r); } catch (error) {}
if (start && start.getAllAtoms()) setTimeout(() => editor.setMolecule(start), 150);
return true;
"""
_READ = "return document.querySelector('#%s openchemlib-editor').getMolecule().toIsomericSmiles();"


def open_editor(take: Callable[[str], Any], smiles: str = "", title: str = "Draw a molecule") -> ui.dialog:
    """Open the editor.

    Args:
        take: Called with the SMILES of what was drawn.
        smiles: The molecule to begin with.
        title: What the person is asked for.
    """
    place = f"editor-{next(_NUMBERS)}"
    with ui.dialog() as dialog, ui.card().classes("panel").style("width: min(860px, 94vw); max-width: none"):
        heading(title, 2)
        ui.element("div").props(f"id={place}").style(
            "height: min(460px, 60vh); width: 100%; background: #fff; color: #000"
        )

        @tell_errors
        async def use() -> None:
            drawn = str(await ui.run_javascript(_READ % place, timeout=5) or "")
            if not drawn:
                raise UserError("nothing is drawn yet")
            dialog.close()
            done = take(drawn)
            if inspect.isawaitable(done):
                await done

        with ui.element("div").classes("line"):
            primary_button("Use it", use, "check")
            quiet_button("Cancel", dialog.close)

    async def show() -> None:
        await ui.run_javascript(_OPEN % {"id": place, "library": LIBRARY, "smiles": smiles}, timeout=20)

    dialog.props["aria-label"] = title
    dialog.open()
    ui.timer(0.3, show, once=True)
    return dialog
