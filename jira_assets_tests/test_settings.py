"""Settings from the environment: defaults, what is wrong in words, and the table in the README."""

from pathlib import Path

import pytest

from jira_assets.settings import Settings, SettingsError, document, variable

README = Path(__file__).parent.parent / "README.md"


def test_nothing_set_means_embedded_servers() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path(".jira_assets")
    assert settings.database_url is settings.broker_url is settings.dagster_database_url is None
    assert settings.allow_plain_http is False
    assert (settings.dead_after_seconds, settings.republish_after_seconds) == (60, 60)
    assert (settings.dagster_url, settings.allowed_origins) == ("http://127.0.0.1:3000", ())


def test_every_variable_is_read() -> None:
    given = {
        "JIRA_ASSETS_HOME": "/srv/jira",
        "JIRA_ASSETS_DATABASE_URL": "postgresql://runtime:hunter2@h/d",
        "JIRA_ASSETS_API_DATABASE_URL": "postgresql://service:hunter2@h/d",
        "JIRA_ASSETS_OWNER_DATABASE_URL": "postgresql://owner:hunter2@h/d",
        "JIRA_ASSETS_DAGSTER_DATABASE_URL": "postgresql://dagster:hunter2@h/d",
        "JIRA_ASSETS_BROKER_URL": "amqp://u:hunter2@h",
        "JIRA_ASSETS_ALLOW_PLAIN_HTTP": "true",
        "JIRA_ASSETS_ALLOW_LINK_LOCAL": "true",
        "JIRA_ASSETS_DEAD_AFTER_SECONDS": "90",
        "JIRA_ASSETS_REPUBLISH_AFTER_SECONDS": "2.5",
        "JIRA_ASSETS_KEEP_EXTRACTIONS": "3",
        "JIRA_ASSETS_KEEP_DAYS": "7",
        "JIRA_ASSETS_KEEP_RUN_DAYS": "14",
        "JIRA_ASSETS_FULL_AFTER_DAYS": "90",
        "JIRA_ASSETS_FAILURE_WEBHOOK_URL": "https://hooks.example/hunter2",
        "JIRA_ASSETS_DAGSTER_URL": "https://dagster.example/ui",
        "JIRA_ASSETS_API_ALLOWED_ORIGINS": "https://a.example, http://127.0.0.1:8000",
        "UNRELATED": "x",
    }
    settings = Settings.from_environment(given)
    assert settings.home == Path("/srv/jira")
    assert settings.broker_url
    assert settings.broker_url.get_secret_value() == given["JIRA_ASSETS_BROKER_URL"]
    assert settings.allow_plain_http
    assert settings.allow_link_local
    assert (settings.dead_after_seconds, settings.republish_after_seconds) == (90, 2.5)
    assert (settings.keep_extractions, settings.keep_days, settings.keep_run_days) == (3, 7, 14)
    assert settings.full_after_days == 90
    assert settings.dagster_url == "https://dagster.example/ui"
    assert settings.allowed_origins == ("https://a.example", "http://127.0.0.1:8000")
    assert "hunter2" not in repr(settings)
    assert {variable(name) for name in Settings.model_fields} == set(given) - {"UNRELATED"}


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.from_environment({"JIRA_ASSETS_DATABASE_URL": ""}).database_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JIRA_ASSETS_DEAD_AFTER_SECONDS", "soon"),
        ("JIRA_ASSETS_DEAD_AFTER_SECONDS", "5"),
        ("JIRA_ASSETS_REPUBLISH_AFTER_SECONDS", "-1"),
        ("JIRA_ASSETS_REPUBLISH_AFTER_SECONDS", "inf"),
        ("JIRA_ASSETS_ALLOW_PLAIN_HTTP", "perhaps"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} is wrong: .*\.$"):
        Settings.from_environment({name: value})


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment(
            {"JIRA_ASSETS_DEAD_AFTER_SECONDS": "x", "JIRA_ASSETS_REPUBLISH_AFTER_SECONDS": "y"}
        )
    assert str(refusal.value).count("is wrong") == 2


def test_an_owner_without_a_runtime_role_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r"^JIRA_ASSETS_OWNER_DATABASE_URL is set") as refusal:
        Settings.from_environment({"JIRA_ASSETS_OWNER_DATABASE_URL": "postgresql://o:hunter2@h/d"})
    assert "hunter2" not in str(refusal.value)


def test_the_readme_has_the_table_of_settings() -> None:
    begin, end = (
        "<!-- settings: made by `python -m jira_assets.settings` -->\n",
        "<!-- /settings -->",
    )
    shown = README.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    assert shown.strip() == document().strip()
