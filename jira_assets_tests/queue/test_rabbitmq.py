"""The RabbitMQ of the tests: private, and never silently left out."""

import socket

import pytest

from jira_assets_tests import rabbitmq


def test_without_rabbitmq_the_tests_fail_and_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rabbitmq, "FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pytest.fail.Exception, match="apt-get install rabbitmq-server"):
        rabbitmq.server_program()


def test_a_node_that_does_not_start_shows_its_output(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("node")
    server = folder / "rabbitmq-server"
    server.write_text("#!/bin/sh\necho BOOT FAILED\nexit 1\n")
    server.chmod(0o755)
    node = rabbitmq.RabbitMQNode(folder, str(server))
    with pytest.raises(pytest.fail.Exception, match="BOOT FAILED"):
        node.start()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", node.port))
