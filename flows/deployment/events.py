"""Tells the Prefect server, as events, what a run found; its automations send notifications on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext
from prefect.events import emit_event

from pipeline.workspace.presentation.formatting import count_things, format_plain

if TYPE_CHECKING:
    from pipeline.workspace.runs import Run

FINISHED = "chem-vae.run.finished"
NOTHING_NEW = "chem-vae.run.nothing-new"
HIT = "chem-vae.run.hit"


def tell_finished(run: Run, best: dict[str, Any] | None, hit_score: float | None, where: str) -> None:
    """Emit the events of a finished run: that it is finished, that it found nothing new, or that it has a hit.

    Args:
        run: The finished run.
        best: The first row of its candidates; None where it has none.
        hit_score: The score from which on the best candidate is a hit; None tells no hits.
        where: Where its report is.
    """
    count = int(run.manifest.get("candidates") or 0)
    name = str(run.manifest.get("name") or run.id)
    score = best.get("score") if best else None
    facts = {"run": run.id, "candidates": count, "report": where}
    shown = format_plain(score) or "-"
    emit(FINISHED, name, f"{count_things(count, 'candidate')}, the best with a score of {shown}; {where}", **facts)
    if not count:
        emit(NOTHING_NEW, name, f"the run {run.id} has no new candidates; {where}", **facts)
    elif best and hit_score is not None and isinstance(score, int | float) and score >= hit_score:
        text = f"{best.get('smiles')} has a score of {shown} (a hit from {hit_score:g} on); {count_things(count, 'candidate')}; {where}"
        emit(HIT, name, text, smiles=best.get("smiles"), score=score, **facts)


def emit(event: str, name: str, text: str, **facts: Any) -> None:
    """Emit an event of the flow's run with a text for a person; in no flow's run, do nothing."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    resource = {"prefect.resource.id": f"chem-vae.run.{context.flow_run.id}", "prefect.resource.name": name}
    emit_event(event=event, resource=resource, payload={"text": text, **facts, "name": name})
