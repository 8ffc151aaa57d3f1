"""Writes the account of a run that did not end well: the reason, how far it came, and how to go on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment

from chem_vae.atomic_files import to_plain, write_json, write_text
from pipeline.workspace.remote.redaction import redact, redact_data

FAILED = "failed"
"""The folder of a workspace that holds the accounts of failed runs, beside `runs`."""
KIND = "chem-vae failure"

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{ name }}: {{ state }}</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse } td, th { padding: .2em 1em .2em 0; text-align: left; vertical-align: top }
pre { background: #f4f4f4; padding: 1em; overflow: auto }</style>
<h1>{{ name }}: {{ state | lower }}</h1>
<p><strong>{{ reason }}</strong></p>
<table>
{% for label, value in facts %}<tr><th>{{ label }}</th><td>{{ value }}</td></tr>
{% endfor %}</table>
<h2>How far it came</h2>
{% if steps %}<ul>{% for step in steps %}<li>{{ step }}</li>{% endfor %}</ul>{% else %}<p>No step was finished.</p>{% endif %}
<h2>How to go on</h2><p>{{ next }}</p>
<h2>Settings</h2><pre>{{ settings }}</pre>
</html>
"""


def write_failed_run(
    workspace: Path,
    name: str,
    state: str,
    reason: str,
    *,
    settings: Mapping[str, Any],
    started: datetime | None = None,
    night: date | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write a folder with the reason why a run ended, as `failure.json` and `report.html`; what it made so far stays where it is.

    Args:
        workspace: The folder with datasets, models and runs.
        name: The name of the run.
        state: How it ended, as Prefect names it: Failed, Crashed or Cancelled.
        reason: Why, in a sentence.
        settings: What was asked for; secrets are left out.
        started: When the work began; what the workspace has of it since then is listed.
        night: The date that the run was scheduled for.
        facts: Further facts, by their label.

    Returns:
        The folder, `<workspace>/failed/<time>-<name>`.
    """
    stamp = f"{started or datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder = workspace / FAILED / f"{stamp}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"
    folder.mkdir(parents=True, exist_ok=True)
    steps = list_steps(workspace, started) if started is not None else []
    told = {"scheduled for": night, "began": started, **(facts or {})}
    shown = {label: str(value) for label, value in told.items() if value is not None}
    go_on = (
        "Mend what the reason names; the next run goes on from here: finished steps are reused, a training goes on from its last "
        "checkpoint, and an optimization asks no answered molecule again."
    )
    found = {
        "format": KIND,
        "format_version": 1,
        "name": name,
        "state": state,
        "reason": redact(reason),
        "steps": steps,
        "next": go_on,
        "settings": redact_data(to_plain(dict(settings))),
        "facts": shown,
    }
    page = Environment(autoescape=True).from_string(PAGE)
    write_text(folder / "report.html", page.render(**{**found, "facts": list(shown.items())}))
    write_json(folder / "failure.json", found)
    return folder


def read_failure(folder: Path) -> dict[str, Any] | None:
    """Read the account of a failed run from its folder; None where there is none, or it cannot be read."""
    try:
        found = json.loads((folder / "failure.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("format") == KIND else None


def list_steps(workspace: Path, since: datetime) -> list[str]:
    """List what a workspace has of a run that began at a time: folders that were finished, and those that are under way."""
    steps = []
    for kind in ("datasets", "models", "runs"):
        for folder in sorted((workspace / kind).glob("*/")):
            manifest = folder / "manifest.json"
            if manifest.is_file() and manifest.stat().st_mtime >= since.timestamp():
                steps.append(f"finished: {kind}/{folder.name}")
            elif folder.name.endswith(".partial") and folder.stat().st_mtime >= since.timestamp():
                steps.append(f"under way: {kind}/{folder.name}, where the next run goes on")
    return steps
