"""One deliberately awkward scenario, as data: what two sites answer, and the rows that makes.

The expected rows are written by hand, not computed. Awkward on purpose: ids shared by both sites;
names repeated under other ids and categories; translated category names; a missing, an unknown and
a keyless category; team-managed scopes; ids as integers; a repeated issue type; a project on two
offset pages, renamed between them; a project without issue types; unreadable ones (404, 403); an
archived and an excluded one; a status and an issue type that only a project names; null, absent
and document descriptions; unknown members; other scripts, emoji, quotes, control characters, SQL;
fields of Jira's own beside custom ones, and some that do not say which they are; records that make
no row.
"""

from typing import Any, Final

from jira_assets.warehouse.contracts import Owner
from jira_assets_tests.site_scenario import SiteScenario, answer, listing


def _category(key: str, name: str, id_: int = 4) -> dict[str, Any]:
    return {"self": "…", "id": id_, "key": key, "colorName": "yellow", "name": name}


_NEW: Final = _category("new", "Zu erledigen", 2)
_DOING: Final = _category("indeterminate", "In Arbeit")
_DONE: Final = _category("done", "Fertig", 3)


def _status(id_: Any, name: Any, category: Any = None, **more: Any) -> dict[str, Any]:
    found = {"self": f"…/status/{id_}", "id": id_, "name": name, "iconUrl": "…/generic.png", **more}
    return found if category is None else {**found, "statusCategory": category}


def _type(id_: Any, name: Any, statuses: Any = None, **more: Any) -> dict[str, Any]:
    found = {"self": f"…/issuetype/{id_}", "id": id_, "name": name, "subtask": False, **more}
    return found if statuses is None else {**found, "statuses": statuses}


def _field(id_: Any, name: Any, kind: Any = None, **more: Any) -> dict[str, Any]:
    found = {"id": id_, "key": id_, "name": name, "clauseNames": [id_], **more}
    return found if kind is None else {**found, "schema": kind}


def _scope(project_id: str) -> dict[str, Any]:
    return {"type": "PROJECT", "project": {"id": project_id}}


def _document(*lines: str) -> dict[str, Any]:
    texts = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines]
    return {"type": "doc", "version": 1, "content": texts}


BOBBY: Final = "Robert'); DROP TABLE jira.statuses;--"
CONTROL: Final = 'tab\tnew\nline back\\slash \\N "quoted"'

# --------------------------------------------------------------------------- acme/cloud

_TODO = _status("1", "Open", _NEW, description="Not begun", untranslatedName="Open")
_DOING_1 = _status("3", "In Arbeit", _DOING, description=None, untranslatedName="In Progress")
_DONE_1 = _status("10200", "Done", _DONE, description="")
_DONE_2 = _status("10201", "Done", _DOING, description=_document("Really", "done 🎉"))
_DONE_TEAM = _status("10202", "Done", _DONE, description="", scope=_scope("10001"))
_ONLY_PROJECT = _status("10209", "進行中 🚀", _DOING, description="", scope=_scope("10001"))
_NO_NAME = _status("10299", None, _NEW)
_SPRINT = {"type": "array", "items": "json", "custom": "com.app:sprint", "customId": 10001}
_NUMBER = {"type": "number", "custom": "com.app:float", "customId": 10002}
_NO_ID = {"name": "No id", "statusCategory": _NEW}
_STORY = _type("10100", "故事", untranslatedName="Story", description="用户目标", hierarchyLevel=0)

CLOUD: Final = SiteScenario(
    owner=Owner(1, 1, "acme/cloud"),
    deployment="cloud",
    base_url="https://acme.example.test",
    pages={
        "projects": listing(
            {
                "startAt": 0,
                "isLast": False,
                "values": [
                    {
                        "id": "10000",
                        "key": "DEV",
                        "name": "Development",
                        "description": "Everything we build",
                        "projectTypeKey": "software",
                        "style": "classic",
                        "isPrivate": False,
                        "projectCategory": {"id": "10300", "name": "Products & more"},
                        "lead": {"accountId": "5b10-ada", "displayName": "Ada"},
                        "someday": {"a": ["field", "nobody knows"]},
                    },
                    {"id": "10001", "key": "OPS", "name": "Old name", "style": "next-gen"},
                    {"id": "10002", "key": "BOB", "name": BOBBY, "isPrivate": True},
                    {"id": "10009", "name": "No key"},
                ],
            },
            {
                "startAt": 4,
                "isLast": True,
                "values": [
                    {"id": "10001", "key": "OPS", "name": "Opérations 🚒", "style": "next-gen"},
                    {"id": "10003", "key": "EMPTY", "name": "空", "description": _document()},
                    {"id": "10004", "key": "GONE", "name": "Gone", "description": None},
                    {"id": "10005", "key": "OLD", "name": " Old", "archived": True},
                ],
            },
        ),
        "issue_types": listing(
            [
                _STORY,
                _STORY,
                _type("10101", "Sub-task", subtask=True, description="", hierarchyLevel=-1),
                _type("10102", "Epic", hierarchyLevel=1),
                _type("10103", "Task", scope=_scope("10001")),
                "no object",
            ]
        ),
        "statuses": listing(
            [
                _TODO,
                _DOING_1,
                _DONE_1,
                _DONE_2,
                _status("10202", "Done", _DONE, description=""),
                _status("10203", "No category"),
                _status("10204", "Waiting", _category("waiting", "Wartet", 77)),
                _status("10205", "Keyless", {"id": 3, "name": "Erledigt"}),
                _status("10206", CONTROL, _category("undefined", "No Category", 1)),
                _NO_NAME,
            ]
        ),
        "project_statuses": [
            answer(
                0,
                "10000",
                "DEV",
                [
                    _type("10100", "故事", [_TODO, _DOING_1, _DONE_1]),
                    _type("10101", "Sub-task", [_TODO, _DONE_1], subtask=True),
                ],
            ),
            answer(
                1,
                "10001",
                "OPS",
                [
                    _type("10103", "Task", [_DONE_TEAM, _ONLY_PROJECT]),
                    _type("10109", "Only OPS' own", [_ONLY_PROJECT], scope=_scope("10001")),
                ],
            ),
            answer(2, "10002", "BOB", [_type("10100", "故事", [_TODO, _TODO, _NO_ID, _DONE_2])]),
            answer(3, "10003", "EMPTY", []),
            answer(4, "10004", "GONE", {"errorMessages": ["No project"], "errors": {}}, 404),
            answer(5, "10005", "OLD", [_type("10100", "故事", [])]),
        ],
        "fields": listing(
            [
                _field("summary", "Summary", {"type": "string", "system": "summary"}, custom=False),
                _field("issuekey", None, custom=False),
                _field("customfield_10001", "Старое", _SPRINT, custom=True),
                _field("customfield_10002", "Summary", _NUMBER, custom=True),
                _field("thumbnail", "Images"),
                _field("customfield_10003", "Summary", _NUMBER, custom=1, scope=_scope("10001")),
                _field("customfield_10004", BOBBY, custom=True, untranslatedName="Bobby"),
                _field("customfield_10005", "Does not say what it is", {"type": "any"}),
                _field("customfield_10006", "Says that it is not", "number", custom=False),
                _field("customfield_10007", " ", _NUMBER, custom=True),
                {"name": "No id", "custom": True, "schema": _NUMBER},
                _field("customfield_10001", "スプリント", _SPRINT, custom=True),
                ["no object"],
            ]
        ),
    },
    rows={
        "projects": [
            (
                *("10000", "DEV", "Development", "Everything we build", "software", "classic"),
                *(False, None, "10300", "Products & more", "5b10-ada", "Ada"),
            ),
            ("10001", "OPS", "Opérations 🚒", None, None, "next-gen", *[None] * 6),
            ("10002", "BOB", BOBBY, None, None, None, True, *[None] * 5),
            ("10003", "EMPTY", "空", *[None] * 9),
            ("10004", "GONE", "Gone", *[None] * 9),
            ("10005", "OLD", " Old", None, None, None, None, True, *[None] * 4),
        ],
        "issue_types": [
            ("10100", "故事", "Story", "用户目标", False, 0, None),
            ("10101", "Sub-task", None, "", True, -1, None),
            ("10102", "Epic", None, None, False, 1, None),
            ("10103", "Task", None, None, False, None, "10001"),
            ("10109", "Only OPS' own", None, None, False, None, "10001"),
        ],
        "statuses": [
            ("1", "Open", "Open", "Not begun", "new", "Zu erledigen", None),
            ("3", "In Arbeit", "In Progress", None, "indeterminate", "In Arbeit", None),
            ("10200", "Done", None, "", "done", "Fertig", None),
            ("10201", "Done", None, "Really\ndone 🎉", "indeterminate", "In Arbeit", None),
            ("10202", "Done", None, "", "done", "Fertig", "10001"),
            ("10203", "No category", None, None, "undefined", None, None),
            ("10204", "Waiting", None, None, "waiting", "Wartet", None),
            ("10205", "Keyless", None, None, "done", "Erledigt", None),
            ("10206", CONTROL, None, None, "undefined", "No Category", None),
            ("10209", "進行中 🚀", None, "", "indeterminate", "In Arbeit", "10001"),
        ],
        "projects_issue_types": [
            ("10000", "10100"),
            ("10000", "10101"),
            ("10001", "10103"),
            ("10001", "10109"),
            ("10002", "10100"),
            ("10005", "10100"),
        ],
        "projects_statuses": [
            ("10000", "1"),
            ("10000", "3"),
            ("10000", "10200"),
            ("10001", "10202"),
            ("10001", "10209"),
            ("10002", "1"),
            ("10002", "10201"),
        ],
        "projects_issue_types_statuses": [
            ("10000", "10100", "1"),
            ("10000", "10100", "3"),
            ("10000", "10100", "10200"),
            ("10000", "10101", "1"),
            ("10000", "10101", "10200"),
            ("10001", "10103", "10202"),
            ("10001", "10103", "10209"),
            ("10001", "10109", "10209"),
            ("10002", "10100", "1"),
            ("10002", "10100", "10201"),
        ],
        "custom_fields": [
            ("customfield_10001", "スプリント", None, "array", "json", "com.app:sprint", None),
            ("customfield_10002", "Summary", None, "number", None, "com.app:float", None),
            ("customfield_10003", "Summary", None, "number", None, "com.app:float", "10001"),
            ("customfield_10004", BOBBY, "Bobby", None, None, None, None),
            ("customfield_10005", "Does not say what it is", None, "any", None, None, None),
            ("customfield_10006", "Says that it is not", None, None, None, None, None),
        ],
    },
    unreadable=frozenset({"10004"}),
    incomplete=frozenset({"10002"}),
    rejected={
        "projects": 1,
        "issue_types": 1,
        "statuses": 2,
        "projects_statuses": 1,
        "projects_issue_types_statuses": 1,
        "custom_fields": 3,
    },
)

# --------------------------------------------------------------------------- globex/jira

DATA_CENTER: Final = SiteScenario(
    owner=Owner(2, 2, "globex/jira"),
    deployment="data_center",
    base_url="https://jira.globex.example.test:8443/jira",
    pages={
        "projects": listing(
            [
                {
                    "id": 10000,
                    "key": "DEV",
                    "name": "Nul\x00l",
                    "lead": {"key": "JIRAUSER10", "name": "grace", "displayName": "Grace"},
                    "projectCategory": {"id": 10300, "name": "Retired"},
                },
                {"id": 10001, "key": "LOCKED", "name": "Locked", "archived": False},
                {"id": 10002, "key": "SECRET", "name": "Not ours to read"},
                {"id": 10003, "key": "secret", "name": "Another one"},
            ],
            path="/jira/rest/api/2/project",
        ),
        "issue_types": listing([_type(1, "Bug", description="h1. wiki", avatarId=7)]),
        "statuses": listing(
            [
                _status(1, "Offen", _NEW, description="h2. Wiki"),
                _status(10200, "Zu", _category("done", "")),
            ]
        ),
        "project_statuses": [
            answer(0, 10001, "LOCKED", {"message": "forbidden", "status-code": 403}, 403),
            answer(1, 10003, "secret", [_type(1, "Bug", [_status(1, "Offen", _NEW)])]),
            answer(
                2,
                10000,
                "DEV",
                [_type(1, "Bug", [_status(10200, "Zu", _category("done", ""))], subtask="false")],
            ),
        ],
        "fields": listing(
            [
                _field("description", "Beschreibung", {"type": "string"}, custom="false"),
                _field("customfield_10002", "Nul\x00l", {"type": "date"}, custom="true"),
            ]
        ),
    },
    rows={
        "projects": [
            ("10000", "DEV", "Null", *[None] * 5, "10300", "Retired", "JIRAUSER10", "Grace"),
            ("10001", "LOCKED", "Locked", None, None, None, None, False, *[None] * 4),
            ("10003", "secret", "Another one", *[None] * 9),
        ],
        "issue_types": [("1", "Bug", None, "h1. wiki", False, None, None)],
        "statuses": [
            ("1", "Offen", None, "h2. Wiki", "new", "Zu erledigen", None),
            ("10200", "Zu", None, None, "done", "", None),
        ],
        "projects_issue_types": [("10000", "1"), ("10003", "1")],
        "projects_statuses": [("10000", "10200"), ("10003", "1")],
        "projects_issue_types_statuses": [("10000", "1", "10200"), ("10003", "1", "1")],
        "custom_fields": [("customfield_10002", "Null", None, "date", None, None, None)],
    },
    unreadable=frozenset({"10001"}),
    incomplete=frozenset(),
    rejected={},
    excluded=("SECRET",),
)

SITES: Final = (CLOUD, DATA_CENTER)
