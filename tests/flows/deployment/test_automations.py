"""Automations are left as they are where nothing changes: an update makes the server forget the runs that it watches."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from prefect.events.schemas.automations import Automation

from flows.deployment.automations import set_up_automations


class Client:
    """Keeps automations as Prefect's client returns them: with ids of the server, and sets that were lists."""

    def __init__(self) -> None:
        self.kept: dict[Any, Automation] = {}
        self.updated: list[Any] = []

    def read_automations_by_name(self, name: str) -> list[Automation]:
        return [a for a in self.kept.values() if a.name == name]

    def create_automation(self, wanted: Any) -> Any:
        key = uuid4()
        self.update_automation(key, wanted)
        self.updated.clear()
        return key

    def update_automation(self, key: Any, wanted: Any) -> None:
        plain = wanted.model_dump(mode="json")
        plain["trigger"]["id"] = str(uuid4())
        plain["trigger"]["expect"] = plain["trigger"]["expect"][::-1]
        self.kept[key] = Automation.model_validate({**plain, "id": key})
        self.updated.append(key)


def test_the_same_automation_is_not_updated() -> None:
    client: Any = Client()
    set_up_automations(client, 300, None)
    (key,) = client.kept
    set_up_automations(client, 300.0, None)
    assert client.updated == []
    set_up_automations(client, 45, None)
    assert client.updated == [key] and list(client.kept) == [key]
    assert client.kept[key].trigger.within.total_seconds() == 45
