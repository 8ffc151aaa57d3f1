"""Each deployment has automations of its own. They are left as they are where nothing changes: an update makes the server forget runs."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.events.schemas.automations import Automation
from prefect.exceptions import ObjectNotFound

from flows.deployment import automations
from flows.deployment.automations import DEAD_RUNS, NOTIFICATIONS, name_block, set_up_automations

FIRST, SECOND = "campaign/nightly", "campaign/other"
IDS = {FIRST: uuid4(), SECOND: uuid4()}
BLOCK = uuid4()


class Client:
    """Keeps automations as Prefect's client returns them: with ids of the server, and sets that were lists."""

    def __init__(self) -> None:
        self.kept: dict[Any, Automation] = {}
        self.forgotten: list[Any] = []
        self.updated: list[Any] = []

    def read_automations_by_name(self, name: str) -> list[Automation]:
        return [a for a in self.kept.values() if a.name == name]

    def create_automation(self, wanted: Any) -> Any:
        key = uuid4()
        self.update_automation(key, wanted)
        self.updated.remove(key)
        return key

    def update_automation(self, key: Any, wanted: Any) -> None:
        plain = wanted.model_dump(mode="json")
        plain["trigger"]["id"] = str(uuid4())
        plain["trigger"]["expect"] = plain["trigger"]["expect"][::-1]
        self.kept[key] = Automation.model_validate({**plain, "id": key})
        self.updated.append(key)

    def delete_automation(self, key: Any) -> None:
        del self.kept[key]

    def read_deployments(self, deployment_filter: Any) -> list[Any]:
        return [SimpleNamespace(id=id, flow_id=None, name=path.partition("/")[2]) for path, id in IDS.items()]

    def read_flow(self, _: Any) -> Any:
        return SimpleNamespace(name="campaign")

    def read_block_document_by_name(self, name: str, kind: str) -> Any:
        if (name, kind) != (name_block(FIRST), "custom-webhook"):
            raise ObjectNotFound(KeyError(name))
        return SimpleNamespace(id=BLOCK)

    def delete_block_document(self, id: Any) -> None:
        self.forgotten.append(id)


@pytest.fixture(autouse=True)
def no_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automations, "find_block", lambda to, path: BLOCK)


def list_names(client: Any, path: str) -> set[str]:
    return {a.name.removesuffix(f" of {path}") for a in client.kept.values() if a.name.endswith(f" of {path}")}


def read_seconds(client: Any, path: str) -> float:
    return float(client.read_automations_by_name(f"{DEAD_RUNS} of {path}")[0].trigger.within.total_seconds())


def test_the_same_automation_is_not_updated() -> None:
    client: Any = Client()
    set_up_automations(client, IDS[FIRST], FIRST, 300, None)
    (key,) = client.kept
    set_up_automations(client, IDS[FIRST], FIRST, 300.0, None)
    assert client.updated == []
    set_up_automations(client, IDS[FIRST], FIRST, 45, None)
    assert client.updated == [key] and list(client.kept) == [key]
    assert client.kept[key].trigger.within.total_seconds() == 45


def test_each_deployment_has_its_own() -> None:
    """A second campaign takes over neither the notifications nor --dead-after of the first."""
    client: Any = Client()
    set_up_automations(client, IDS[FIRST], FIRST, 45, "https://hooks.example.com/first")
    set_up_automations(client, IDS[SECOND], SECOND, None, None)
    assert list_names(client, FIRST) == {DEAD_RUNS, *NOTIFICATIONS} and list_names(client, SECOND) == {DEAD_RUNS}
    assert (read_seconds(client, FIRST), read_seconds(client, SECOND)) == (45, 300)
    for automation in client.kept.values():
        of = FIRST if automation.name.endswith(FIRST) else SECOND
        matched = automation.trigger.match_related.model_dump()
        assert matched == {
            "prefect.resource.id": f"prefect.deployment.{IDS[of]}",
            "prefect.resource.role": "deployment",
        }


def test_what_is_not_given_stays_and_none_ends_the_notifications() -> None:
    client: Any = Client()
    set_up_automations(client, IDS[FIRST], FIRST, 45, "https://hooks.example.com/first")
    set_up_automations(client, IDS[FIRST], FIRST, None, None)
    assert read_seconds(client, FIRST) == 45 and len(client.kept) == 4 and not client.forgotten
    set_up_automations(client, IDS[FIRST], FIRST, None, "none")
    assert list_names(client, FIRST) == {DEAD_RUNS} and client.forgotten == [BLOCK]


def test_those_that_an_earlier_version_shared_are_replaced_for_each_deployment() -> None:
    client: Any = Client()
    set_up_automations(client, IDS[FIRST], FIRST, 90, "https://hooks.example.com/lab")
    for automation in list(client.kept.values()):
        automation.name = automation.name.removesuffix(f" of {FIRST}")
    set_up_automations(client, IDS[SECOND], SECOND, None, "none")
    assert list_names(client, FIRST) == {DEAD_RUNS, *NOTIFICATIONS} and list_names(client, SECOND) == {DEAD_RUNS}
    assert (read_seconds(client, FIRST), read_seconds(client, SECOND)) == (90, 90) and len(client.kept) == 5


def test_the_name_of_a_block_is_one_that_prefect_takes() -> None:
    names = {name_block(path) for path in ("campaign/A b", "campaign/a-b", "campaign/µ")}
    assert len(names) == 3 and all(re.fullmatch("[a-z0-9-]+", name) for name in names)
