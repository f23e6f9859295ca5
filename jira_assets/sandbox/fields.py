"""The fields of a made-up site: Jira's own, and custom ones that are awkward on purpose.

What is awkward, each as a real site has it: names that repeat under other ids, types and scopes, a
custom field that bears the name of one of Jira's own, translated names, other scripts, quotes,
emoji, leading spaces, text that looks like SQL or like a missing value, types that only an app
knows, a system field without a schema, and no order at all.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from jira_assets.sandbox.draws import shuffled
from jira_assets.sandbox.model import Deployment, Field

_FIRST_ID: Final = 10000
_OF_JIRA: Final = "com.atlassian.jira.plugin.system.customfieldtypes"
_OF_SOFTWARE: Final = "com.pyxis.greenhopper.jira"


class _Kind(NamedTuple):
    name: str
    type: str
    custom_type: str
    item_type: str | None = None
    untranslated_name: str | None = None


_KINDS: Final = (
    _Kind("Story Points", "number", f"{_OF_JIRA}:float"),
    _Kind("Sprint", "array", f"{_OF_SOFTWARE}:gh-sprint", "json"),
    _Kind("Rang", "any", f"{_OF_SOFTWARE}:gh-lexo-rank", untranslated_name="Rank"),
    _Kind("Story Points", "string", f"{_OF_JIRA}:textfield"),
    _Kind("客户", "option", f"{_OF_JIRA}:select"),
    _Kind("Срок", "date", f"{_OF_JIRA}:datepicker", untranslated_name="Target end"),
    _Kind(" Leading space", "string", f"{_OF_JIRA}:textarea"),
    _Kind("Robert'); DROP TABLE custom_fields;--", "array", f"{_OF_JIRA}:multiselect", "option"),
    _Kind("Description", "string", f"{_OF_JIRA}:textarea"),
    _Kind("NULL", "user", f"{_OF_JIRA}:userpicker"),
    _Kind("🚀 Launch", "datetime", f"{_OF_JIRA}:datetime"),
    _Kind('Said "done"', "option-with-child", f"{_OF_JIRA}:cascadingselect"),
    _Kind("nan", "array", f"{_OF_JIRA}:labels", "string"),
    _Kind("cafe\u0301", "sd-servicelevelagreement", "com.atlassian.servicedesk:sd-sla-field"),
    _Kind("caf\u00e9", "array", f"{_OF_JIRA}:people", "user"),
)
_TEAM_MANAGED: Final = _Kind("Story Points", "number", f"{_OF_SOFTWARE}:jsw-story-points")

_SYSTEM: Final = (
    Field("issuekey", "Key", None, custom=False),
    Field("summary", "Summary", "string", custom=False),
    Field("description", "Description", "string", custom=False),
    Field("status", "Status", "status", custom=False),
    Field("issuetype", "Issue Type", "issuetype", custom=False),
    Field("project", "Project", "project", custom=False),
    Field("priority", "Priority", "priority", custom=False),
    Field("resolution", "Resolution", "resolution", custom=False),
    Field("assignee", "Assignee", "user", custom=False),
    Field("reporter", "Reporter", "user", custom=False),
    Field("created", "Created", "datetime", custom=False),
    Field("updated", "Updated", "datetime", custom=False),
    Field("resolutiondate", "Resolved", "datetime", custom=False),
    Field("labels", "Labels", "array", "string", custom=False),
    Field("components", "Components", "array", "component", custom=False),
    Field("versions", "Affects versions", "array", "version", custom=False),
    Field("fixVersions", "Fix versions", "array", "version", custom=False),
)
_OF_CLOUD: Final = (Field("parent", "Parent", "issuelink", custom=False),)


def make_fields(
    custom: int, seed: int, deployment: Deployment, team_managed: Sequence[str] = ()
) -> dict[str, Field]:
    """Make Jira's own fields and ``custom`` others, by id.

    Of these, up to a quarter are the own fields of the projects with the ids ``team_managed``, one
    each.
    """
    scopes = team_managed[: custom // 4]
    shared = custom - len(scopes)
    made = [_custom(place, _kind(place)) for place in range(shared)]
    made += [_custom(shared + place, _TEAM_MANAGED, scope) for place, scope in enumerate(scopes)]
    made += (*_SYSTEM, *(_OF_CLOUD if deployment == "cloud" else ()))
    return {row.id: row for row in shuffled(made, seed, "field")}


def _kind(place: int) -> _Kind:
    lap, index = divmod(place, len(_KINDS))
    kind = _KINDS[index]
    return kind._replace(name=f"{kind.name} {lap + 1}") if lap else kind


def _custom(place: int, kind: _Kind, project_id: str | None = None) -> Field:
    return Field(
        f"customfield_{_FIRST_ID + place}",
        kind.name,
        kind.type,
        kind.item_type,
        kind.custom_type,
        untranslated_name=kind.untranslated_name,
        project_id=project_id,
    )
