"""report.html: one page that shows a report; what the report lacks is left out, or said to be missing."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup

from chem_vae.atomic_files import to_plain
from pipeline.chemistry.filters.unusual_cells import read_names
from pipeline.chemistry.fingerprints import ECFP4_1024, ECFP4_2048, SIMULATED_COUNTS
from pipeline.report.candidate_table import (
    choose_columns,
    choose_library_columns,
    count_hidden_columns,
    make_rows,
    split_alerts,
)
from pipeline.report.definitions import DEFINITIONS
from pipeline.report.facts.asked_and_found import Isomer, Novelty
from pipeline.report.html import sections
from pipeline.report.html.libraries import digest_script
from pipeline.report.html.search_sections import make_search
from pipeline.report.html.tool_page import make_tool, read_resource, read_scripts
from pipeline.report.model import Report
from pipeline.report.shown_properties import PREDICTED, ShownProperty, collect_properties, describe_score
from pipeline.report.tables import count_refusals, describe_since, list_refusals
from pipeline.workspace.presentation import formatting

MOST_DRAWN = 100  # candidates in the page; the CSV and SDF files hold all
GALLERY = 8


def render(report: Report, candidates: pd.DataFrame) -> str:
    """Render the whole page as HTML text.

    Args:
        report: any part of it may be missing.
        candidates: one row each, best first; the columns are described at `pipeline.report.write`. May be empty.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only for a page

    candidates = candidates.loc[:, ~candidates.columns.duplicated()]
    score = describe_score(report)
    properties = collect_properties(report)
    columns = choose_columns(candidates, properties, report)
    rows = list(make_rows(candidates.head(MOST_DRAWN), columns, choose_library_columns(candidates, report)))
    script, tool = read_scripts(), make_tool(report, candidates)
    read_first, notes = sections.choose_warnings(report, properties)
    of_parent: dict[int | None, list[Isomer]] = {}
    for isomer in report.isomers:
        of_parent.setdefault(isomer.parent_rank, []).append(isomer)
    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=True,  # SMILES and the names of the user's columns are not to be trusted
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=formatting.format_number,
        decimals=formatting.format_number,
        duration=formatting.format_duration,
        probability=formatting.format_probability,
        time=formatting.format_time,
    )
    environment.globals.update(
        percent=formatting.format_percent,
        share_of=formatting.format_share,
        interval_of=formatting.format_fraction_interval,
        count_things=lambda count, thing: formatting.count_things(count or 0, thing),
        count_refusals=count_refusals,
        describe_since=describe_since,
        definitions=DEFINITIONS,
        breakable=_make_breakable,
        fingerprints={"ECFP4_1024": ECFP4_1024, "ECFP4_2048": ECFP4_2048, "SIMULATED_COUNTS": SIMULATED_COUNTS},
    )
    return environment.get_template("template.html.j2").render(
        report=report,
        style=Markup(read_resource("page.css")),
        script=Markup(script),
        digests=[digest_script(script), *tool["digests"]],
        tool=tool,
        requested=[p for p in properties.values() if p.objective and p.aim],
        novelty=report.novelty or Novelty(),
        score=score,
        is_predicted=any(o.basis == PREDICTED for o in report.request.objectives),
        ranking=report.ranking or "score",
        o=make_search(report, properties),
        refusals=list_refusals(report),
        read_first=read_first,
        notes=notes,
        achieved=sections.make_achieved(report, properties),
        columns=columns,
        hidden_columns=count_hidden_columns(candidates, columns, report),
        rows=rows,
        gallery=rows[:GALLERY],
        ticked=any(cell["is_met"] for row in rows for cell in row["cells"]),
        isomers=of_parent,
        score_decimals=formatting.choose_score_decimals([row["score"] for row in rows if row["score"] is not None]),
        chances={name for name, known in properties.items() if known.is_probability(PREDICTED)},
        to_measured=any(row["similarity_to_measured"] is not None for row in rows)
        and not any(row["measured"] for row in rows),
        measured_neighbors=any(row["measured"] for row in rows),
        known_neighbors=any(row["nearest_training_similarity"] is not None for row in rows),
        distributions=list(sections.make_distributions(report, properties)),
        predictors=list(sections.make_predictors(report, properties)),
        computed_too=sections.name_computed_despite_predictor(report, columns),
        rounds=sections.make_rounds(report, properties),
        training=sections.make_training(report),
        map=sections.draw_latent_map(report, properties),
        **_count_candidates(candidates, properties),
    )


def _make_breakable(name: str) -> Markup:
    """Return a long name that a narrow column may break behind its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _count_candidates(candidates: pd.DataFrame, properties: Mapping[str, ShownProperty]) -> dict[str, int | None]:
    """Candidates, those within every objective (None without objectives), with a structural alert, with something unusual, and with undefined stereo."""
    within = flagged = odd = undefined = None
    if any(p.objective for p in properties.values()) and "within_target" in candidates:
        within = sum(bool(to_plain(v)) for v in candidates["within_target"])
    if "alerts" in candidates:
        flagged = sum(bool(split_alerts(a)) for a in candidates["alerts"])
    if "unusual" in candidates:
        odd = sum(bool(read_names(cell)) for cell in candidates["unusual"])
    if "undefined_stereo" in candidates:
        undefined = int((candidates["undefined_stereo"].fillna(0) > 0).sum())
    return {"total": len(candidates), "within": within, "flagged": flagged, "odd": odd, "undefined": undefined}
