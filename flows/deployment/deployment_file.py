"""Makes the deployments of a prefect.yaml, their work pools and their automations: `chem-vae deploy --file`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

from chem_vae.errors import ChemVAEError, DataError
from flows.deployment.automations import set_up_automations
from flows.deployment.serving import check_not_served
from flows.deployment.work_pool import prepare_pool, use_configured_server
from flows.terminal import note


def deploy_file(file: Path, dead_after: float | None, notify: str | None = None) -> list[str]:
    """Make all deployments of a file, their work pools and their automations.

    Args:
        file: A prefect.yaml.
        dead_after: As `flows.deployment.work_pool.deploy` takes it.
        notify: As `flows.deployment.automations.set_up_automations` takes it.

    Returns:
        The names of the work pools.

    Raises:
        DataError: Where the file holds no deployments.
        UserError: Where no Prefect server is configured, or `chem-vae serve` serves one of the deployments.
        ChemVAEError: Where no server answers, or Prefect cannot make the deployments.
    """
    held = read_deployments(file)
    pools = list_pools(held)
    with use_configured_server() as client:
        for path, _ in find_made(client, held):
            check_not_served(client, path)
        for pool in pools:
            prepare_pool(client, pool, is_ours=False)
        command = [
            sys.executable,
            "-m",
            "prefect",
            "--no-prompt",
            "deploy",
            "--all",
            "--prefect-file",
            str(file.resolve()),
        ]
        if subprocess.run(command, cwd=file.resolve().parent, check=False).returncode:
            raise ChemVAEError(f"prefect could not deploy what {file} holds; its message is above")
        for path, made in find_made(client, held):
            set_up_automations(client, made.id, path, dead_after, notify)
    note(f"deployed what {file} holds to the work pools {', '.join(pools) or 'that it names'}")
    return pools


def read_deployments(file: Path) -> list[dict[str, Any]]:
    """Read the deployments of a prefect.yaml. Raises DataError where it holds none."""
    try:
        whole = yaml.safe_load(file.read_text(encoding="utf-8"))
        held = [dict(item) for item in whole["deployments"]]
    except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise DataError(
            f"{file} is no prefect.yaml with a list of deployments: {' '.join(str(error).split())}"
        ) from None
    if not held:
        raise DataError(f"{file} holds no deployments")
    return held


def list_pools(held: list[dict[str, Any]]) -> list[str]:
    """List the work pools of the deployments of a file, each once, without those whose name a variable tells.

    >>> list_pools([{"work_pool": {"name": "b"}}, {"work_pool": {"name": "a"}}, {"work_pool": {"name": "b"}}, {}])
    ['b', 'a']
    """
    named = [str((item.get("work_pool") or {}).get("name") or "") for item in held]
    return [name for name in dict.fromkeys(named) if name and "{{" not in name]


def find_made(client: SyncPrefectClient, held: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Find the deployments of a file on the server, each as flow/name and what the server tells of it."""
    entries = {(str(item.get("name")), str(item.get("entrypoint"))) for item in held}
    names = DeploymentFilterName(any_=sorted(name for name, _ in entries))
    found = client.read_deployments(deployment_filter=DeploymentFilter(name=names))
    return [
        (f"{client.read_flow(d.flow_id).name}/{d.name}", d) for d in found if (d.name, str(d.entrypoint)) in entries
    ]
