"""Sets up what a Prefect server does by itself for our flows: it crashes dead runs, and it sends notifications."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import StateType
from prefect.events import AutomationCore, EventTrigger, Posture
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from chem_vae.errors import UserError
from flows.deployment.deployment_plan import TAG
from flows.deployment.events import HIT, NOTHING_NEW
from flows.deployment.night import SKIPPED

BLOCK = "chem-vae"
"""The first word of the name of a notification block that is made for an address."""
BLOCK_TYPE = CustomWebhookNotificationBlock.get_block_type_slug()
NOBODY = "none"
"""Instead of an address: nobody is notified."""
DEAD_SECONDS = 300.0
"""Seconds without a sign of life after which a run counts as dead."""
HEARTBEAT = "prefect.flow-run.heartbeat"
ENDS = [
    f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "Crashed", "Cancelled", "AwaitingRetry", SKIPPED)
]
DEAD_RUNS = "chem-vae: crash dead runs"
NOTIFICATIONS = FAILURES, NOTHING, HITS = (
    "chem-vae: notify of failures",
    "chem-vae: notify of nothing new",
    "chem-vae: notify of hits",
)
"""The names of automations, each followed by its deployment's; those of an earlier version were shared by all."""
DEAD_MESSAGE = (
    "no sign of life from this run: its process has gone. The next run goes on from the last checkpoint, and asks for no answered "
    "molecule again"
)
WHERE = "{{ flow_run|ui_url }}"


def set_up_automations(
    client: SyncPrefectClient, deployment: UUID, path: str, dead_after: float | None, notify: str | None
) -> None:
    """Let the server crash runs of a deployment whose process has gone, and send notifications where an address is given.

    Args:
        client: The server's client.
        deployment: The deployment's id.
        path: The deployment as flow/name.
        dead_after: As `crash_dead_runs` takes it.
        notify: As `find_block` takes it; NOBODY ends the notifications, and None leaves them as they are.
    """
    replace_shared_automations(client)
    crash_dead_runs(client, deployment, path, dead_after)
    if notify == NOBODY:
        stop_notifications(client, path)
    elif notify is not None:
        send_notifications(client, deployment, path, find_block(notify, path))


def crash_dead_runs(client: SyncPrefectClient, deployment: UUID, path: str, dead_after: float | None) -> None:
    """Let the server mark a run as crashed when it has given no sign of life for some time.

    A run that was killed together with its worker would stay Running for ever, and keep its place in the work pool.

    Args:
        client: The server's client.
        deployment: The deployment's id.
        path: The deployment as flow/name.
        dead_after: Seconds without a heartbeat; a run sends one every 30 seconds. None leaves them as they are, or takes DEAD_SECONDS.
    """
    name = f"{DEAD_RUNS} of {path}"
    if dead_after is None:
        dead_after = _read_seconds(client.read_automations_by_name(name))
    trigger = EventTrigger(
        after={HEARTBEAT},
        expect={HEARTBEAT, *ENDS},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=_match(deployment),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=dead_after),
    )
    action = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=DEAD_MESSAGE)
    _save(client, name, "Frees the place of runs whose process has gone.", trigger, action)


def send_notifications(client: SyncPrefectClient, deployment: UUID, path: str, block: UUID) -> None:
    """Let the server send a notification when a run of a deployment fails, finds nothing new, or has a hit.

    Args:
        client: The server's client.
        deployment: The deployment's id.
        path: The deployment as flow/name.
        block: The notification block.
    """
    told: Sequence[tuple[str, set[str], str, str, str]] = (
        (
            FAILURES,
            {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
            "prefect.flow-run.*",
            "chem-vae: {{ flow.name }}/{{ flow_run.name }} {{ flow_run.state.name }}",
            f"{{{{ flow_run.state.message }}}}\n{WHERE}",
        ),
        (
            NOTHING,
            {NOTHING_NEW},
            "chem-vae.run.*",
            "chem-vae: nothing new from {{ event.payload.name }}",
            "{{ event.payload.text }}",
        ),
        (
            HITS,
            {HIT},
            "chem-vae.run.*",
            "chem-vae: a hit in {{ event.payload.name }}",
            "{{ event.payload.text }}",
        ),
    )
    for name, events, resource, subject, body in told:
        trigger = EventTrigger(
            expect=events,
            match={"prefect.resource.id": resource},
            match_related=_match(deployment),
            posture=Posture.Reactive,
            threshold=1,
        )
        action = SendNotification(block_document_id=block, subject=subject, body=body)
        _save(client, f"{name} of {path}", f"Sends notifications of {path}.", trigger, action)


def stop_notifications(client: SyncPrefectClient, path: str) -> None:
    """Send no notifications of a deployment any more, and forget the address."""
    for name in NOTIFICATIONS:
        _delete(client, client.read_automations_by_name(f"{name} of {path}"))
    with suppress(ObjectNotFound):
        client.delete_block_document(client.read_block_document_by_name(name_block(path), BLOCK_TYPE).id)


def replace_shared_automations(client: SyncPrefectClient) -> None:
    """Replace the automations of an earlier version, which all deployments shared, by the same ones for each of these."""
    shared = {name: client.read_automations_by_name(name) for name in (DEAD_RUNS, *NOTIFICATIONS)}
    if not any(shared.values()):
        return
    blocks = [getattr(a.actions[0], "block_document_id", None) for name in NOTIFICATIONS for a in shared[name]]
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    for deployment in client.read_deployments(deployment_filter=ours):
        path = f"{client.read_flow(deployment.flow_id).name}/{deployment.name}"
        if not client.read_automations_by_name(f"{DEAD_RUNS} of {path}"):
            crash_dead_runs(client, deployment.id, path, _read_seconds(shared[DEAD_RUNS]))
        if blocks and blocks[0] is not None and not client.read_automations_by_name(f"{FAILURES} of {path}"):
            send_notifications(client, deployment.id, path, blocks[0])
    for known in shared.values():
        _delete(client, known)


def find_block(to: str, path: str) -> UUID:
    """Return the id of a notification block, which is made where an address is given.

    Args:
        to: The address of a webhook, to which {"text": ...} is posted as Slack and Mattermost read it; or a notification block of
            Prefect as type/name, as in slack-webhook/lab.
        path: The deployment as flow/name, for which a block is made.

    Raises:
        UserError: Where there is no such block.
    """
    if "://" in to:
        name = name_block(path)
        # The address is a secret (whoever has it can post), which the block keeps as one.
        block: Any = CustomWebhookNotificationBlock(
            name=name, url="{{url}}", json_data={"text": "{{subject}}\n{{body}}"}, secrets={"url": to}
        )  # fmt: skip
        return UUID(str(block.save(name, overwrite=True)))
    try:
        found: Any = Block.load(to)
    except ValueError:
        raise UserError(
            f"there is no Prefect block {to!r}; give the address of a webhook, a block as type/name (see `prefect block ls`), or "
            f"{NOBODY} for no notifications"
        ) from None
    return UUID(str(found._block_document_id))


def name_block(path: str) -> str:
    """Name the notification block of a deployment; Prefect takes small letters, digits and dashes alone."""
    words = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")
    return f"{BLOCK}-{words}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


def _match(deployment: UUID) -> dict[str, str]:
    return {"prefect.resource.id": f"prefect.deployment.{deployment}", "prefect.resource.role": "deployment"}


def _read_seconds(known: Sequence[Any]) -> float:
    """Read after how many seconds runs count as dead; DEAD_SECONDS where no automation says it."""
    within = getattr(known[0].trigger, "within", None) if known else None
    return float(within.total_seconds()) if within else DEAD_SECONDS


def _delete(client: SyncPrefectClient, known: Sequence[Any]) -> None:
    for automation in known:
        client.delete_automation(automation.id)


def _save(client: SyncPrefectClient, name: str, description: str, trigger: EventTrigger, action: Any) -> None:
    """Make an automation, or replace the one of the same name."""
    wanted = AutomationCore(name=name, description=description, trigger=trigger, actions=[action], enabled=True)
    known = client.read_automations_by_name(name)
    _delete(client, known[1:])
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
