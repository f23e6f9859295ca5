"""Right answers with odd content: what real sites put into JSON that most readers do not expect.

``faults.KINDS`` names each and says it in words. Everything else about the answer stays as it was.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from jira_assets.sandbox.hit import Hit, Make, items_name
from jira_assets.sandbox.model import UNDEFINED
from jira_assets.sandbox.wire import Reply

Json = dict[str, Any]
Edit = Callable[[Json], Json]

WORDS: Final = "First line\nSecond line"
"""What the odd descriptions say, whatever their form."""
WIKI: Final = "h2. First line\n* _Second_ line"
FORMER: Final = "Former user"
"""The display name of a deleted user."""
OLDER: Final = "Before it was renamed"
"""The name of what comes again under its present name."""

DOCUMENT: Final[Json] = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": line}]}
        for line in WORDS.splitlines()
    ],
}
NO_CATEGORY: Final[Json] = {
    "id": UNDEFINED.id,
    "key": UNDEFINED.key,
    "colorName": UNDEFINED.color_name,
    "name": UNDEFINED.name,
}
TRANSLATED: Final = {
    "undefined": "Keine Kategorie",
    "new": "Zu erledigen",
    "indeterminate": "In Arbeit",
    "done": "Fertig",
}
"""Category key to its name as a German account reads it."""

_TEXTS: Final = frozenset({"name", "untranslatedName", "description", "displayName", "serverTitle"})


def everywhere(edit: Edit) -> Make:
    """Make a kind that edits every object of a right answer, the innermost first."""
    return lambda hit: hit.rewritten(lambda content: _edited(content, edit))


def _edited(node: Any, edit: Edit) -> Any:
    if isinstance(node, list):
        return [_edited(item, edit) for item in node]
    if not isinstance(node, dict):
        return node
    return edit({name: _edited(value, edit) for name, value in node.items()})


def with_field(name: str, value: Any) -> Edit:
    """Make an edit that gives a field this value, where an object has it at all."""
    return lambda node: {**node, name: value} if name in node else node


def without_field(name: str) -> Edit:
    """Make an edit that takes a field away."""
    return lambda node: {field: value for field, value in node.items() if field != name}


def translated_category(node: Json) -> Json:
    """Name a status category as another language does; its key stays."""
    name = TRANSLATED.get(str(node.get("key")))
    return {**node, "name": name} if name and "colorName" in node else node


def keyless_category(node: Json) -> Json:
    """Take the key from a status category; its id still tells it."""
    return without_field("key")(node) if "colorName" in node else node


def nul_in_strings(node: Json) -> Json:
    """Put U+0000 into every text that people write."""
    return {
        name: f"{value[:1]}\0{value[1:]}\0" if name in _TEXTS and isinstance(value, str) else value
        for name, value in node.items()
    }


def nul_in_keys(node: Json) -> Json:
    """Put U+0000 into the field name ``name``, and add a field of which nobody knows."""
    renamed = {"na\0me" if name == "name" else name: value for name, value in node.items()}
    return {**renamed, "custom\0field": "\0"}


def numeric_ids(node: Json) -> Json:
    """Send ids as numbers where Jira sends texts."""
    row_id = node.get("id")
    is_number = isinstance(row_id, str) and row_id.isdecimal()
    return {**node, "id": int(str(row_id))} if is_number else node


def text_ids(node: Json) -> Json:
    """Send ids as texts where Jira sends numbers: those of status categories."""
    return {**node, "id": str(node["id"])} if isinstance(node.get("id"), int) else node


def deleted_lead(hit: Hit) -> Reply:
    """Let every project's lead be a user who was deleted: inactive, with a blank e-mail."""
    names = {"accountId": "unknown"} if hit.cloud else {"key": "JIRAUSER10100", "name": "u-10100"}
    lead = {**names, "displayName": FORMER, "emailAddress": "", "active": False}
    return everywhere(with_field("lead", lead))(hit)


def lead_by_name(node: Json) -> Json:
    """Name a project's lead by its user name alone, as old Data Center versions do."""
    lead = node.get("lead")
    if not isinstance(lead, Mapping):
        return node
    name = lead.get("name", lead.get("displayName"))
    return {**node, "lead": {"name": name, "displayName": lead.get("displayName")}}


def nameless_first(hit: Hit) -> Reply:
    """Take the name from the first object of a list, or of a page."""
    return _with_items(hit, lambda items: [without_field("name")(items[0]), *items[1:]])


def repeated_items(hit: Hit) -> Reply:
    """Send every item of a list, or of a page, twice."""
    return _with_items(hit, lambda items: [*items, *items])


def repeated_older(hit: Hit) -> Reply:
    """Send every item of a list, or of a page, first under an older name."""
    return _with_items(hit, lambda items: [*({**item, "name": OLDER} for item in items), *items])


def empty_list(hit: Hit) -> Reply:
    """Empty the lists of the site itself, in answers that are right otherwise.

    A project that may no longer be read answers 404, never an empty list.
    """
    if hit.path.endswith("/statuses"):
        return hit.healthy()

    def emptied(content: Any) -> Any:
        if isinstance(content, list):
            return []
        name = items_name(content)
        if name is None:
            return content
        empty = {**content, name: [], "isLast": True}
        empty.pop("nextPageToken", None)
        return {**empty, "total": 0} if "total" in content else empty

    return hit.rewritten(emptied)


def _with_items(hit: Hit, change: Callable[[list[Json]], list[Json]]) -> Reply:
    def changed(content: Any) -> Any:
        if isinstance(content, list):
            return change(content) if content else content
        name = items_name(content)
        if name is not None and content[name]:
            return {**content, name: change(content[name])}
        return content

    return hit.rewritten(changed)
