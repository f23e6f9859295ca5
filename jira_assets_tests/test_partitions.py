"""Partition keys: what is one, what is not, and which of the known ones is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jira_assets.partitions import (
    PARTITIONS_NAME,
    SLUG_PATTERN,
    InvalidPartitionKeyError,
    PartitionKey,
    nearest,
    partitions_definition,
)

SLUGS = st.from_regex(SLUG_PATTERN, fullmatch=True).filter(lambda slug: len(slug) <= 63)


@given(SLUGS, SLUGS)
def test_a_key_is_read_as_it_was_written(tenant: str, integration: str) -> None:
    key = PartitionKey(tenant, integration)
    assert PartitionKey.parse(str(key)) == key
    assert key.tags() == {"tenant": tenant, "integration": integration}


@given(st.text())
def test_any_text_is_a_key_that_reads_back_or_is_refused(text: str) -> None:
    try:
        key = PartitionKey.parse(text)
    except InvalidPartitionKeyError:
        return
    assert str(key) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "acme", "/", "acme/", "/cloud", "acme/cloud/", "a/b/c", "Acme/cloud", "acme/Cloud"),
        *(
            "acme/...",
            "...",
            "acme/[a]",
            "acme/cl oud",
            "acme/cloud\n",
            "acme/\x00",
            "-a/b",
            "a/_b",
        ),
        *("ácme/cloud", "acme/٣", f"{'a' * 64}/b", f"a/{'b' * 64}"),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidPartitionKeyError):
        PartitionKey.parse(text)


def test_the_refusal_says_what_a_key_is() -> None:
    with pytest.raises(InvalidPartitionKeyError, match=r"tenant/integration, e\.g\. acme/cloud"):
        PartitionKey.parse("acme")
    with pytest.raises(InvalidPartitionKeyError, match="'Cloud' is no integration slug: use 1 to"):
        PartitionKey.parse("acme/Cloud")


def test_the_nearest_keys_come_best_first_and_strange_ones_not_at_all() -> None:
    known = ["acme/cloud", "acme/datacenter", "globex/cloud", "zzz/1"]
    assert nearest("acme/clout", known)[0] == "acme/cloud"
    assert nearest("globex/clud", known)[0] == "globex/cloud"
    assert nearest("qqqqqq", known) == []
    assert len(nearest("acme/cloud", [f"acme/cloud{n}" for n in range(9)])) == 3


def test_keys_are_dynamic_partitions_under_one_name() -> None:
    assert partitions_definition().name == PARTITIONS_NAME
