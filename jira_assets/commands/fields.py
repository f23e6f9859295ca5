"""``jira-assets integration fields``, and what ``update --map`` says of the fields that it maps.

A field's id says nothing to a person, and two fields may have one name: so whoever maps a field is
told at once which one it is, and whether issues have values in it.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from jira_assets.commands.partition import PARTITION
from jira_assets.commands.warehouse import warehouse_engine

if TYPE_CHECKING:
    from jira_assets.partitions import PartitionKey
    from jira_assets.warehouse.integrations import Integration
    from jira_assets.warehouse.known_fields import KnownField

_COLUMNS = ("field", "name", "type", "projects", "filled", "of issues", "column")


@click.command()
@click.argument("partition", type=PARTITION)
def fields(partition: "PartitionKey") -> None:
    """List the custom fields of a site, the most used first.

    As read last: "projects" use it, and of the "issues" sampled of these so many have it "filled".
    """
    from jira_assets.commands.output import print_table
    from jira_assets.warehouse.integrations import get_integration
    from jira_assets.warehouse.known_fields import known_fields

    engine = warehouse_engine()
    found = get_integration(engine, partition)
    known = known_fields(engine, found.id)
    if not known:
        click.echo(f"The custom fields of {partition} are not known yet: {_reading(partition)}")
        return
    columns = {field_id: column for column, field_id in found.custom_field_mappings.items()}
    rows = [
        [
            *(each.jira_id, each.name, each.type, each.projects, each.filled, each.sampled),
            columns.get(each.jira_id),
        ]
        for each in known
    ]
    print_table(f"Custom fields of {partition}", _COLUMNS, rows)
    for line in _unknown(found, known):
        click.echo(line)


def told_of_mapping(found: "Integration", known: "Sequence[KnownField]") -> Iterator[str]:
    """Yield what a person is told who has just mapped fields to columns."""
    by_id = {each.jira_id: each for each in known}
    for column, field_id in sorted(found.custom_field_mappings.items()):
        each = by_id.get(field_id)
        if each is not None:
            yield f"{column}: {each.name!r} ({each.type}), {_use(each)}"
    if not known:
        yield f"the site's custom fields are not known yet: {_reading(found.partition_key)}"
    yield from _unknown(found, known)
    yield (
        "the next reading of issues is a full one, for the columns: "
        f"jira-assets sync {found.partition_key} --only issues"
    )


def _use(each: "KnownField") -> str:
    if not each.filled:
        return "filled in none of the sampled issues"
    projects = f"{each.projects:,} project{'' if each.projects == 1 else 's'}"
    return f"filled in {each.filled:,} of {each.sampled:,} sampled issues of {projects}"


def _unknown(found: "Integration", known: "Sequence[KnownField]") -> Iterator[str]:
    ids = {each.jira_id for each in known}
    for column, field_id in sorted(found.custom_field_mappings.items()):
        if ids and field_id not in ids:
            yield (
                f"warning: {column}: the site does not have {field_id}, or the account does not "
                f"see it: jira-assets integration fields {found.partition_key} lists what there is"
            )


def _reading(partition: "PartitionKey | str") -> str:
    return f"jira-assets sync {partition} --only fields,issue_samples"
