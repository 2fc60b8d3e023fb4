"""REST client for the automation routes (mogplex-api.md, section 1); the base class of `client.Mogplex`."""

from collections.abc import Mapping
from typing import Any

from mogplex_mcp.api.automation_models import (
    AutomationDetail,
    AutomationPage,
    AutomationRun,
    AutomationRunDetail,
    Trigger,
)
from mogplex_mcp.api.http import JSON, MogplexHttp
from mogplex_mcp.api.identifiers import check_uuid
from mogplex_mcp.api.lenient import parse, parse_list


class Automations:
    """The automation routes as methods. All raise `MogplexError`; ids are validated before a request is sent."""

    def __init__(self, http: MogplexHttp) -> None:
        self._http = http

    async def list_automations(self, limit: int = 50, cursor: str = "") -> AutomationPage:
        """GET /automations. Mogplex clamps `limit` to 1..100; requests with a cursor always failed so far."""
        query: dict[str, str | int] = {"limit": limit}
        if cursor:
            query["cursor"] = cursor
        return parse(AutomationPage, await self._http.request("GET", "/automations", query=query), "data")

    async def create_automation(
        self,
        installation_id: int,
        *,
        name: str | None = None,
        description: str | None = None,
        notes: str | None = None,
        graph: JSON | None = None,
        publish: bool | None = None,
    ) -> AutomationDetail:
        """POST /automations. Not idempotent; with `publish` and an invalid graph, a draft is left behind."""
        body = _without_none(
            installationId=installation_id,
            name=name,
            description=description,
            notes=notes,
            graph=graph,
            publish=publish,
        )
        return _changed(await self._http.request("POST", "/automations", body=body))

    async def get_automation(self, automation_id: str) -> AutomationDetail:
        """GET /automations/{id}."""
        data = await self._http.request("GET", _path(automation_id))
        return parse(AutomationDetail, data.get("automation"), "automation")

    async def update_automation(
        self,
        automation_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        notes: str | None = None,
        installation_id: int | None = None,
        graph: JSON | None = None,
    ) -> AutomationDetail:
        """PUT /automations/{id}. None leaves a field unchanged; `graph` replaces the whole draft."""
        body = _without_none(
            name=name, description=description, notes=notes, installationId=installation_id, graph=graph
        )
        return _changed(await self._http.request("PUT", _path(automation_id), body=body))

    async def publish_automation(self, automation_id: str) -> AutomationDetail:
        """POST /automations/{id}/publish: publish the draft."""
        return _changed(await self._http.request("POST", f"{_path(automation_id)}/publish"))

    async def set_automation_model(
        self, automation_id: str, node_id: str, model_id: str | None, *, publish: bool | None = None
    ) -> AutomationDetail:
        """PUT /automations/{id}/model. None removes the node's own model, so that the agent's default applies."""
        body: dict[str, Any] = {"nodeId": node_id, "modelId": model_id}
        if publish is not None:
            body["publish"] = publish
        return _changed(await self._http.request("PUT", f"{_path(automation_id)}/model", body=body))

    async def trigger_automation(
        self, automation_id: str, repo_id: str, *, idempotency_key: str, values: JSON | None = None
    ) -> Trigger:
        """POST /automations/{id}/trigger. The response may say `started=False` and why.

        Args:
            automation_id: A published, active automation.
            repo_id: A repo of the same GitHub installation.
            idempotency_key: A UUID, since keys are global across all users of Mogplex.
            values: The input of the automation (`input` on the wire).
        """
        path = f"{_path(automation_id)}/trigger"
        body = {"repoId": check_uuid(repo_id, "repo_id"), **_without_none(input=values)}
        data = await self._http.request("POST", path, body=body, idempotency_key=idempotency_key)
        return parse(Trigger, data.get("run"), "run", changed=True)

    async def list_automation_runs(self, automation_id: str, limit: int = 20) -> list[AutomationRun]:
        """GET /automations/{id}/runs, newest first. Mogplex clamps `limit` to 1..50."""
        data = await self._http.request("GET", f"{_path(automation_id)}/runs", query={"limit": limit})
        return parse_list(AutomationRun, data, "runs")

    async def get_automation_run(
        self, automation_id: str, run_id: str, *, watching: bool = False
    ) -> AutomationRunDetail | None:
        """GET /automations/{id}/runs/{runId}; None if Mogplex responds with `run: null`."""
        path = f"{_path(automation_id)}/runs/{check_uuid(run_id, 'run_id')}"
        data = await self._http.request("GET", path, watching=watching)
        run = data.get("run", "missing")
        return None if run is None else parse(AutomationRunDetail, run, "run")


def _path(automation_id: str) -> str:
    return f"/automations/{check_uuid(automation_id, 'automation_id')}"


def _changed(data: Mapping[str, Any]) -> AutomationDetail:
    return parse(AutomationDetail, data.get("automation"), "automation", changed=True)


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
