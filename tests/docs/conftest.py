"""Keeps pytest from importing the example package, whose modules would register themselves in this process."""

from __future__ import annotations

collect_ignore = ["plugin_package"]
