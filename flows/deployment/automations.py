"""Sets up what a Prefect server does by itself for our flows: it crashes dead runs, and it sends notifications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events import AutomationCore, EventTrigger, Posture
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.exceptions import PrefectHTTPStatusError

from chem_vae.errors import UserError
from flows.deployment.deployment_plan import TAG
from flows.deployment.events import HIT, NOTHING_NEW
from flows.deployment.night import SKIPPED

BLOCK = "chem-vae-night"
"""The name of the notification block that is made for an address."""
DEAD_SECONDS = 300.0
"""Seconds without a sign of life after which a run counts as dead."""
HEARTBEAT = "prefect.flow-run.heartbeat"
ENDS = [
    f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "Crashed", "Cancelled", "AwaitingRetry", SKIPPED)
]
OURS = {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
DEAD_RUNS = "chem-vae: crash dead runs"
DEAD_MESSAGE = (
    "no sign of life from this run: its process has gone. The next run goes on from the last checkpoint, and asks for no answered "
    "molecule again"
)
WHERE = "{{ flow_run|ui_url }}"


def crash_dead_runs(client: SyncPrefectClient, dead_after: float) -> None:
    """Let the server mark a run as crashed when it has given no sign of life for some time.

    A run that was killed together with its worker would stay Running for ever, and keep its place in the work pool.

    Args:
        client: The server's client.
        dead_after: Seconds without a heartbeat; a run sends one every 30 seconds.
    """
    trigger = EventTrigger(
        after={HEARTBEAT},
        expect={HEARTBEAT, *ENDS},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=OURS,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=dead_after),
    )
    action = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=DEAD_MESSAGE)
    _save(client, DEAD_RUNS, "Frees the place of runs whose process has gone.", trigger, action)


def set_up_automations(client: SyncPrefectClient, dead_after: float, notify: str | None) -> None:
    """Let the server crash runs whose process has gone, and send notifications where an address is given.

    Args:
        client: The server's client.
        dead_after: As `crash_dead_runs` takes it.
        notify: As `send_notifications` takes it; None sends none.
    """
    crash_dead_runs(client, dead_after)
    if notify is not None:
        send_notifications(client, notify)


def send_notifications(client: SyncPrefectClient, to: str) -> None:
    """Let the server send a notification when a run fails, finds nothing new, or has a hit.

    Args:
        client: The server's client.
        to: The address of a webhook, to which {"text": ...} is posted as Slack and Mattermost read it; or a notification block of
            Prefect as type/name, as in slack-webhook/lab.

    Raises:
        UserError: Where there is no such block.
    """
    block = find_block(to)
    told: Sequence[tuple[str, set[str], str, str]] = (
        (
            "chem-vae: notify of failures",
            {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
            "chem-vae: {{ flow.name }}/{{ flow_run.name }} {{ flow_run.state.name }}",
            f"{{{{ flow_run.state.message }}}}\n{WHERE}",
        ),
        (
            "chem-vae: notify of nothing new",
            {NOTHING_NEW},
            "chem-vae: nothing new from {{ event.payload.name }}",
            "{{ event.payload.text }}",
        ),
        (
            "chem-vae: notify of hits",
            {HIT},
            "chem-vae: a hit in {{ event.payload.name }}",
            "{{ event.payload.text }}",
        ),
    )
    for name, events, subject, body in told:
        is_ours = name.endswith("failures")
        trigger = EventTrigger(
            expect=events,
            match={"prefect.resource.id": "prefect.flow-run.*" if is_ours else "chem-vae.run.*"},
            match_related=OURS if is_ours else {},
            posture=Posture.Reactive,
            threshold=1,
        )
        action = SendNotification(block_document_id=block, subject=subject, body=body)
        _save(client, name, f"Sends to {to if '://' not in to else BLOCK}.", trigger, action)


def find_block(to: str) -> UUID:
    """Return the id of a notification block, which is made where `to` is an address. Raises UserError where there is none."""
    if "://" in to:
        # The address is a secret (whoever has it can post), which the block keeps as one.
        block: Any = CustomWebhookNotificationBlock(
            name=BLOCK, url="{{url}}", json_data={"text": "{{subject}}\n{{body}}"}, secrets={"url": to}
        )  # fmt: skip
        return UUID(str(block.save(BLOCK, overwrite=True)))
    try:
        found: Any = Block.load(to)
    except ValueError:
        raise UserError(
            f"there is no Prefect block {to!r}; give the address of a webhook, or a block as type/name (see `prefect block ls`)"
        ) from None
    return UUID(str(found._block_document_id))


def _save(client: SyncPrefectClient, name: str, description: str, trigger: EventTrigger, action: Any) -> None:
    """Make an automation, or replace the one of the same name."""
    wanted = AutomationCore(name=name, description=description, trigger=trigger, actions=[action], enabled=True)
    known = client.read_automations_by_name(name)
    for more in known[1:]:
        client.delete_automation(more.id)
    if known:
        if _describe(known[0]) == _describe(wanted):
            return  # an update would make the server forget for which runs it waits
        try:
            client.update_automation(known[0].id, wanted)
            return
        except PrefectHTTPStatusError as error:  # deleted by hand in between
            if error.response.status_code != 404:
                raise
    client.create_automation(wanted)


def _describe(automation: AutomationCore) -> Any:
    """Return what an automation does, without the ids that the server gave."""
    return _drop_ids(automation.model_dump(include=set(AutomationCore.model_fields)))


def _drop_ids(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _drop_ids(value) for key, value in data.items() if key != "id"}
    return [_drop_ids(value) for value in data] if isinstance(data, list) else data
