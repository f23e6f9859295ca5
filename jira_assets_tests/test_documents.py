"""What the documents say is what the code says."""

import re
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
