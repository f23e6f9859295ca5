"""Lines of the table of answers that are read all the same, and what the tables then hold."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jira_assets.sandbox import oddities
from jira_assets.sandbox.model import DONE, TO_DO, Project, Status
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.truth import Truth
from jira_assets_tests.jira.answers_line import CLOUD, DATA_CENTER, EACH_PROJECT, ONE_LIST, Line

_CATEGORY = "every status has the category undefined"
_SAME = "the same rows as ever"
_LEADS = {"lead-one", "lead-two"}
_LEAD_NAMES = {"Zoë O'Lead", "负责人"}


def _as_undefined(truth: Truth) -> Truth:
    rows: set[tuple[object, ...]] = {
        (row_id, name, "undefined") for row_id, name, _ in truth["statuses"]
    }
    return {**truth, "statuses": rows}


def _descriptions(value: str | None) -> Mapping[tuple[str, str], set[Any]]:
    return {("projects", "description"): {value}, ("statuses", "description"): {value}}


def _leads(ids: set[str | None], names: set[str | None]) -> Mapping[tuple[str, str], set[Any]]:
    return {("projects", "lead_jira_id"): ids, ("projects", "lead_name"): names}


def _names_repeat(site: JiraSite) -> None:
    site.add_status(Status("77001", "In Progress", DONE))
    site.add_status(Status("77002", "In Progress", TO_DO))


def _used(site: JiraSite) -> tuple[str, str, str]:
    relations = site.truth()["projects_issue_types_statuses"]
    project_id, type_id, status_id = min(map(_texts, relations))
    return project_id, type_id, status_id


def _texts(row: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(map(str, row))


def _unlisted(site: JiraSite) -> None:
    project_id, type_id, _ = _used(site)
    site.add_status(Status("77010", "In no list", listed=False))
    site.add_relation(project_id, type_id, "77010")


def _id_twice(site: JiraSite) -> None:
    row = next(row for row in site.state.issue_types.values() if row.listed)
    site.add_issue_type(replace(row, repeats=({"id": row.id, "name": oddities.OLDER},)))


def _rekeyed(site: JiraSite) -> None:
    site.rekey_project(_used(site)[0], "MOVED")


def _without_issue_types(site: JiraSite) -> None:
    site.add_project(Project("88001", "BARE", "No issue types"))


def _one_unreadable(site: JiraSite) -> None:
    site.make_unreadable(_used(site)[0])


READ: tuple[Line, ...] = (
    Line(
        2,
        "anonymous_unmarked",
        "every project counts as unreadable and keeps its rows; the extraction fails",
        path=EACH_PROJECT,
        spared=True,
    ),
    Line(5, "redirect_within_site", f"{_SAME}: followed, with the credentials"),
    Line(
        7,
        "html_404",
        "every project counts as unreadable and keeps its rows; the extraction fails",
        path=EACH_PROJECT,
        spared=True,
    ),
    Line(7, "retry_after_zero", f"{_SAME}, without a pause"),
    Line(9, "category_undefined", _CATEGORY, rows=_as_undefined),
    Line(9, "category_missing", _CATEGORY, rows=_as_undefined),
    Line(9, "category_null", _CATEGORY, rows=_as_undefined),
    Line(9, "category_keyless", "the same categories as ever: told by their ids"),
    Line(
        9,
        "category_translated",
        "the same categories as ever, their names as they came",
        columns={("statuses", "category_name"): {None, *oddities.TRANSLATED.values()}},
    ),
    Line(
        10,
        "status names that repeat in other categories",
        "one row an id",
        site=_names_repeat,
    ),
    Line(10, "a status that no list has", "a row, from the project that uses it", site=_unlisted),
    Line(11, "repeated_items", f"{_SAME}, once each"),
    Line(11, "repeated_older", f"{_SAME}: the last one counts"),
    Line(
        11, "an id twice in the list of issue types", "one row: the last one counts", site=_id_twice
    ),
    Line(12, "nul_in_strings", f"{_SAME}, U+0000 taken out"),
    Line(12, "nul_in_keys", f"{_SAME}, U+0000 taken out"),
    Line(13, "numeric_ids", f"{_SAME}, ids as texts"),
    Line(13, "text_ids", _SAME),
    Line(14, "description_null", "no description", columns=_descriptions(None)),
    Line(14, "description_document", "its words", columns=_descriptions(oddities.WORDS)),
    Line(14, "description_wiki", "as it came", columns=_descriptions(oddities.WIKI)),
    Line(14, "lead_missing", "no lead", columns=_leads({None}, {None})),
    Line(14, "lead_null", "no lead", columns=_leads({None}, {None})),
    Line(
        14,
        "lead_deleted",
        "the accountId that is left, and the name",
        columns=_leads({"unknown"}, {oddities.FORMER}),
        deployments=CLOUD,
    ),
    Line(
        14,
        "lead_deleted",
        "the key that is left, and the name",
        columns=_leads({"JIRAUSER10100"}, {oddities.FORMER}),
        deployments=DATA_CENTER,
    ),
    Line(
        14,
        "lead_by_name",
        "the user name as the lead's id",
        columns=_leads({*_LEADS}, {*_LEAD_NAMES}),
        deployments=DATA_CENTER,
    ),
    Line(
        14,
        "users with a key and a name, and no accountId",
        "the key as the lead's id",
        columns=_leads({*_LEADS}, {*_LEAD_NAMES}),
        deployments=DATA_CENTER,
    ),
    Line(
        15,
        "a project that gets another key while it is read",
        "the same id; the new key with the next reading",
        meanwhile=_rekeyed,
    ),
    Line(
        16,
        "a project without issue types",
        "the project, and no relations",
        site=_without_issue_types,
    ),
    Line(
        16,
        "page_overlap",
        f"{_SAME}: what was pushed over the end is asked for",
        projects=200,
        deployments=CLOUD,
    ),
    Line(
        17,
        "long_url_414",
        f"{_SAME}: no URL is longer than 200 bytes and the base URL",
        context_path="/" + 1800 * "x",
    ),
    Line(
        0,
        "empty_page_in_the_middle",
        f"{_SAME}: asked for again, once",
        count=3,
        projects=230,
        deployments=CLOUD,
    ),
    Line(
        0,
        "total_shrinks",
        f"{_SAME}: what moved over the border is asked for",
        projects=230,
        deployments=CLOUD,
    ),
    Line(0, "total_grows", _SAME, projects=230, deployments=CLOUD),
    Line(
        0,
        "nameless_first",
        "the object is set aside, and keeps the row it had",
        path=ONE_LIST,
        rejected=("status has no name",),
    ),
    Line(
        0,
        "a project that may not be read",
        "the other projects; it keeps the rows it had",
        site=_one_unreadable,
    ),
)
