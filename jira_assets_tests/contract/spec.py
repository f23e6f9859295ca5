"""Atlassian's own OpenAPI specs of Cloud v3 and Data Center v2, as the tests ask them.

Facts about these files: their paths begin with ``/rest/api/3`` and with ``/api/2``; Data Center's
declares one item where the API answers a list of them; Cloud's names the scopes of an operation
twice, classic ones (``Current``) and granular ones (``Beta``), and its permissions in the prose.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from jsonschema import Draft202012Validator

from jira_assets.sandbox.model import Deployment

FILES: Final[Mapping[Deployment, tuple[str, str]]] = {
    "cloud": ("cloud-v3.json", "/rest/api/3"),
    "data_center": ("data-center-v2.json", "/api/2"),
}
PROJECT_STATUSES: Final = "/project/{projectIdOrKey}/statuses"
LISTS: Final = frozenset({"/project", "/issuetype", "/status", "/field", PROJECT_STATUSES})
"""What Data Center answers as lists, whatever its spec declares."""


class Judged(NamedTuple):
    """An answer's schema and what its references lead to."""

    schema: Any
    components: Any


def in_json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: only ``nullable`` differs in what these specs use."""
    if isinstance(node, list):
        return [in_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    schema = {name: in_json_schema(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema


@dataclass(frozen=True)
class Operation:
    """What a spec says about one method of one path."""

    template: str
    """Below the API, e.g. ``/project/{projectIdOrKey}/statuses``."""
    document: Mapping[str, Any]

    @property
    def deprecated(self) -> bool:
        return bool(self.document.get("deprecated"))

    def parameters(self, place: str) -> dict[str, Any]:
        """Return the parameters of the ``query`` or the ``path``, by name."""
        declared = self.document.get("parameters", ())
        return {each["name"]: each for each in declared if each["in"] == place}

    def scopes(self, state: str) -> set[str]:
        """Return the OAuth 2.0 scopes: the classic ones (``Current``), the granular (``Beta``)."""
        declared = self.document.get("x-atlassian-oauth2-scopes", ())
        return {scope for each in declared if each["state"] == state for scope in each["scopes"]}

    @property
    def secured_by(self) -> set[str]:
        """Return the scopes that ``security`` demands of OAuth 2.0."""
        return {scope for each in self.document["security"] for scope in each.get("OAuth2", ())}

    @property
    def permissions(self) -> set[str]:
        """Return the permissions that the prose names, in lower case."""
        _, _, prose = self.document["description"].partition("[Permissions](#permissions) required")
        return {name.lower() for name in re.findall(r"\*(\w[\w ]+)\* \[", prose)}


class Spec:
    """One of the specs."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        file, self._prefix = FILES[deployment]
        self.cloud = deployment == "cloud"
        self.document = json.loads((folder / file).read_text())

    @cached_property
    def components(self) -> Any:
        return in_json_schema(self.document["components"])

    @cached_property
    def templates(self) -> dict[str, re.Pattern[str]]:
        """Every path below the API, and what a concrete one looks like."""
        below = (path.removeprefix(self._prefix) for path in self.document["paths"])
        return {
            path: re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path))) for path in below
        }

    def operation(self, template: str, method: str = "get") -> Operation:
        """Return what a path does; ``LookupError`` if there is no such thing."""
        return Operation(template, self.document["paths"][self._prefix + template][method])

    def asked_by(self, path: str, method: str = "get") -> Operation:
        """Return what a concrete path below the API asks for; ``LookupError`` for nothing."""
        found = [name for name, pattern in self.templates.items() if pattern.fullmatch(path)]
        if not found:
            raise LookupError(f"the spec has no path like {path}")
        return self.operation(min(found, key=lambda name: name.count("{")), method)

    def answer(self, template: str, method: str = "get") -> Judged:
        """Return the schema of what ``template`` answers with status 200."""
        declared = self.operation(template, method).document["responses"]["200"]
        schema = in_json_schema(declared["content"]["application/json"]["schema"])
        if template in LISTS and not self.cloud:
            schema = {"type": "array", "items": schema}
        return Judged(schema, self.components)

    def validator(self, template: str, method: str = "get") -> Draft202012Validator:
        """Return what judges the answers of ``template``."""
        return validator(self.answer(template, method))

    def body(self, template: str) -> Draft202012Validator:
        """Return what judges the bodies that are posted to ``template``."""
        declared = self.operation(template, "post").document["requestBody"]
        schema = in_json_schema(declared["content"]["application/json"]["schema"])
        return validator(Judged(schema, self.components))


def validator(judged: Judged) -> Draft202012Validator:
    """Return what judges documents by a schema."""
    return Draft202012Validator({**judged.schema, "components": judged.components})
