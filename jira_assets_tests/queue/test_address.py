"""Broker URLs: what is read of them, and that no password comes out."""

from pathlib import Path

import pytest

from jira_assets.queue.address import Address, InvalidBrokerUrlError


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("amqp://u:s3cret@mq.example:5673/prod", "RabbitMQ at mq.example:5673/prod as u"),
        ("amqp://u:s3cret@mq.example//", "RabbitMQ at mq.example:5672/ as u"),
        ("amqps://mq.example/a%2Fb", "RabbitMQ at mq.example:5671/a/b"),
        ("filesystem:///var/lib/broker", "the broker's folder /var/lib/broker"),
        ("filesystem:///a%20b/c?prefix=x.", "the broker's folder /a b/c"),
    ],
)
def test_people_read_where_the_broker_is(url: str, where: str) -> None:
    address = Address.parse(url)
    assert address.where == where
    assert "s3cret" not in repr(address)


def test_a_prefix_names_queues_apart_and_is_not_passed_on() -> None:
    address = Address.parse("amqp://u:p@mq.example/v?prefix=staging.")
    assert address.names.exchange == "staging.jira"
    assert address.names.transform == "staging.jira.transform"
    assert address.names.dead == "staging.jira.transform.dead"
    assert address.url == "amqp://u:p@mq.example/v"


def test_without_a_prefix_the_names_are_the_plain_ones() -> None:
    address = Address.parse("filesystem:///broker")
    assert address.names.transform == "jira.transform"
    assert address.folder == Path("/broker")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://u:s3cret@mq.example/",
        "amqp://",
        "amqp:///vhost",
        "amqp://u:s3cret@mq.example:port/",
        "amqp://u:s3cret@mq.example/?prefix=a/b",
        "amqp://u:s3cret@[mq.example/",
        "amqp://u:12/s3cret@mq.example/vhost",
        "amqp://u:12?s3cret@mq.example/vhost",
        "amqp://u:12#s3cret@mq.example/vhost",
        "filesystem://relative/folder",
        "filesystem:///",
    ],
)
def test_what_is_no_broker_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidBrokerUrlError) as raised:
        Address.parse(url)
    assert "s3cret" not in str(raised.value)
