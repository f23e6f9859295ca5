import pytest

from jira_assets.sandbox.jql import Clause, JqlError, Operand, Query, parse


def test_a_readers_query_is_understood() -> None:
    found = parse("project = 10000 AND updated >= 1732877091000 ORDER BY updated ASC, key ASC")
    assert found == Query(
        (
            Clause("project", "project", "=", (Operand("10000", quoted=False),)),
            Clause("updated", "updated", ">=", (Operand("1732877091000", quoted=False),)),
        ),
        (("updated", False), ("key", False)),
    )


def test_case_quotes_lists_and_aliases() -> None:
    found = parse("""PROJECT in ("A \\"b\\"", 'C',D) and IssueKey IN (A-1) order by ID desc""")
    assert found.clauses[0].operands == (
        Operand('A "b"', quoted=True),
        Operand("C", quoted=True),
        Operand("D", quoted=False),
    )
    assert (found.clauses[1].field, found.clauses[1].said) == ("key", "IssueKey")
    assert found.order == (("key", True),)


def test_no_clause_and_an_order_alone_are_queries() -> None:
    assert parse("  ") == Query((), ())
    assert parse("ORDER BY created") == Query((), (("created", False),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("project 5", "Expecting operator but got '5'.*line 1, character 9"),
        ("project = ", "Expecting either a value"),
        ("project = A updated > 5", "Expecting either 'OR' or 'AND' but got 'updated'"),
        ("project = A AND", "Expecting a field name"),
        ("AND project = A", "Expecting a field name but got 'AND'"),
        ("project in (A", r"Expecting '\)' but got ''"),
        ("project in A", r"Expecting '\(' but got 'A'"),
        ('project = "A', "character '\"' is out of place.*character 11"),
        ("project = A ORDER updated", "Expecting 'by' but got 'updated'"),
        ("project = A ORDER BY rank", "Field 'rank' does not exist"),
        ("sprint = 5", "Field 'sprint' does not exist or you do not have permission"),
        ("project > A", "operator '>' is not supported by the 'project' field"),
        ("updated in (1)", "operator 'in' is not supported by the 'updated' field"),
        ("project = A OR project = B", "does not know 'OR'"),
        ("NOT project = A", "does not know 'NOT'"),
        ("(project = A)", r"does not know '\('"),
        ("project != A", "does not know '!='"),
        ("updated > startOfDay()", "does not know 'startOfDay'"),
    ],
)
def test_what_jira_refuses_is_refused(text: str, message: str) -> None:
    with pytest.raises(JqlError, match=message):
        parse(text)
