"""Names the options and commands of the command line as the app shows them."""

from __future__ import annotations

from pipeline.chemistry.properties import PROPERTIES

WORDS = {
    "--accept-lost-labels": "go on without the cells that cannot be read",
    "--added-atoms": "add up to {} atoms",
    "--allow-unusual": "allow “{}”",
    "--any-size": "any size",
    "--usual-size": "usual size",
    "--assay-columns": "read the columns beside it",
    "--no-assay-columns": "read the column alone",
    "--calls": "ask the oracle {} times",
    "--censored": "bounds: {}",
    "--compute": "compute {}",
    "--decimal": "the decimal mark is {}",
    "--delimiter": "cells are separated by {}",
    "--encoding": "the encoding is {}",
    "--enumerate-stereo": "predict each stereoisomer, up to {}",
    "--epochs": "train for {} epochs",
    "--exclude-known": "nothing that was proposed before",
    "--no-exclude-known": "also what was proposed before",
    "--from": "start from {}",
    "--header": "the first line is a header",
    "--no-header": "the first line is data",
    "--leave-out": "leave out {}",
    "--leave-out-outliers": "leave out the values that lie far from all others",
    "--limit": "read {} rows at most",
    "--log": "learn its logarithm",
    "--no-log": "learn the value itself",
    "--maximize": "{} as high as possible",
    "--minimize": "{} as low as possible",
    "--must-contain": "must contain {}",
    "--must-not-contain": "must not contain {}",
    "--number": "{} molecules",
    "--outside-domain": "also where predictions do not count",
    "--property": "learn {}",
    "--range": "between {}",
    "--samples": "look at {} molecules",
    "--scaffold": "keep {}",
    "--set": "setting {}",
    "--sheet": "the sheet {}",
    "--smiles-column": "the molecules are in {}",
    "--strategy": "strategy {}",
    "--target": "near {}",
    "--tolerance": "give or take {}",
    "--where": "only rows with {}",
    "--without-alerts": "no molecules with structural alerts ({})",
}
"""The effect of an option in words, by its name; the braces stand for its value."""
NOUNS = {
    "--added-atoms": "number of atoms that may be added",
    "--allow-unusual": "allow something unusual",
    "--calls": "number of calls of the oracle",
    "--censored": "use of bounds",
    "--compute": "compute a property",
    "--decimal": "decimal mark",
    "--delimiter": "what stands between the cells",
    "--encoding": "encoding of the file",
    "--enumerate-stereo": "predict each stereoisomer",
    "--epochs": "number of epochs",
    "--from": "model to start from",
    "--leave-out": "leave out a value",
    "--data": "file",
    "--workers": "processes",
    "--keep": "number of molecules kept",
    "--limit": "number of rows to read",
    "--maximize": "as high as possible",
    "--minimize": "as low as possible",
    "--must-contain": "part that must be there",
    "--must-not-contain": "part that must not be there",
    "--number": "number of molecules",
    "--property": "the measured value",
    "--range": "between two values",
    "--samples": "number of molecules to look at",
    "--scaffold": "scaffold to keep",
    "--replace": "part to replace",
    "--in": "molecule that has the part to replace",
    "--set": "a setting",
    "--sheet": "sheet of the workbook",
    "--smiles-column": "column of molecules",
    "--strategy": "strategy",
    "--target": "near a value",
    "--tolerance": "give or take",
    "--where": "only some rows",
    "--within": "limits of a property",
    "--without-alerts": "no molecules with structural alerts",
}
"""The name of an option where a sentence leaves its value open."""
ELSEWHERE = {
    "--continue": "Resume",
    "--id-column": "a column named id",
    "--library": "library",
    "--model": "model",
    "--name": "name of the run",
    "--publish": "a storage",
    "--similar-to": "likeness to a molecule",
    "--at-least": "least likeness",
    "--seed-molecule": "molecule to start from",
    "--sort": "order",
    "--split-column": "column of the split",
    "--workspace": "workspace",
    "--vary": "what is varied",
}
"""The names of options that the app has no control for."""
COMMANDS = {
    "run": "“Start”",
    "ingest": "“Start”",
    "train": "“Start”",
    "generate": "“Start”",
    "optimize": "“Optimize”",
    "update": "“Start”",
    "screen": "“Start”",
    "library": "“Library”",
    "models": "the list of models under “Explore”",
    "datasets": "the data sets that come with the installation",
    "runs": "“Runs”",
    "inspect": "“Runs”",
    "report": "“Open the report”",
    "verify": "a check of the files by whoever installed the app",
    "publish": "a new copy to the storage by whoever installed the app",
    "predict": "“Explore”",
    "explore": "“Explore”",
    "compare": "“Compare those ticked” under “Runs”",
    "repeat": "“Run again with changes”",
    "serve": "“Every night”",
    "deploy": "“Every night”",
    "reports": "“Runs”",
    "tune": "a search for better settings by whoever installed the app",
    "benchmark": "a benchmark by whoever installed the app",
    "ui": "the app",
    "quickstart": "“Start”",
    "gc": "a clearing of old files by whoever installed the app",
}
"""The page, or whoever does it, by the name of the command."""


def name_setting(text: str) -> str:
    """Write a setting and its value, given as the option --set takes them.

    >>> name_setting("generate.allow_stereo_copies=true"), name_setting("generate.redraws=8")
    ('allow stereo copies', 'redraws: 8')
    """
    key, _, value = text.partition("=")
    shown = key.rpartition(".")[2].replace("_", " ")
    return shown if value == "true" else f"{shown}: {'no' if value == 'false' else value}"


def name_limits(text: str) -> str:
    """Write the limits of a property, given as the option --within takes them.

    >>> name_limits("mw=:500"), name_limits("mw=300:450"), name_limits("heavy_atoms=10:")
    ('molecular weight at most 500', 'molecular weight from 300 to 450', 'heavy_atoms at least 10')
    """
    name, _, limits = text.partition("=")
    low, _, high = limits.partition(":")
    label = (PROPERTIES.find(name).label or name) if name in PROPERTIES else name
    shown = label[:1].lower() + label[1:] if label[1:2].islower() else label
    if low and high:
        return f"{shown} from {low} to {high}"
    return f"{shown} at most {high}" if high else f"{shown} at least {low}"
