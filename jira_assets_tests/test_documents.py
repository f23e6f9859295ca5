"""What the documents say is what the code says."""

import re
import runpy
from pathlib import Path

from jira_assets import settings
from jira_assets.cli import VERBS
from jira_assets.warehouse import documentation
from jira_assets.warehouse.tables import metadata

ROOT = Path(__file__).parent.parent


def test_readme_has_every_setting() -> None:
    assert settings.document() in (ROOT / "README.md").read_text()


def test_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [verb for verb in VERBS if f"`jira-assets {verb}" not in readme] == []


def test_tables_page_is_made_of_the_metadata() -> None:
    assert (ROOT / "docs" / "tables.md").read_text() == documentation.document()


def test_every_table_and_column_says_what_it_means() -> None:
    silent = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not column.comment
    ]
    assert silent == []
    assert [table.name for table in metadata.tables.values() if not table.comment] == []


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r'(?:\]\(|src=")([^)"#]+)', page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_stand_in_of_the_issues_page_changes_as_the_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "issues.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    script = tmp_path / "stand_in.py"
    script.write_text(code.replace("port=8099", "port=0"))
    named = runpy.run_path(str(script))
    named["server"].stop()
    site, there = named["site"], named["there"]
    assert site.issue(named["changed"]).summary == "Changed"
    assert site.issue(named["changed"]).values["customfield_10003"] == "new"
    assert site.issue(named["moved"]).project_id == there
    assert named["deleted"] not in site.state.issues
    assert [each.project_id for each in site.state.issues.values() if each.summary == "New"] == [
        there
    ]
    assert set(site.state.unreadable) == {named["closed"]}
