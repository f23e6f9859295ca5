"""The command line as a whole: its help, what loading it costs, and how errors end."""

import subprocess
import sys

import click
import pytest

from jira_assets import __version__, cli
from jira_assets.partitions import InvalidPartitionKeyError

SUBCOMMANDS = ("add", "list", "test", "update", "enable", "disable", "remove")
CALLS = [(), *[(verb,) for verb in cli.VERBS], *[("integration", sub) for sub in SUBCOMMANDS]]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    assert isinstance(end.value.code, int)
    return end.value.code, *capsys.readouterr()


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_verb_explains_itself(
    capsys: pytest.CaptureFixture[str], call: tuple[str, ...], option: str
) -> None:
    code, out, err = run(capsys, *call, option)
    assert (code, err) == (0, "")
    assert out.startswith(" ".join(["Usage: jira-assets", *call]))
    explanation = out.split("\n\n")[1].strip()
    assert explanation.endswith((".", ":"))


def test_the_help_lists_every_verb_with_the_first_line_of_its_own_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = run(capsys, "--help")
    for verb, (_, sentence) in cli.VERBS.items():
        assert any(line.split() == [verb, *sentence.split()] for line in out.splitlines())


def every_command() -> dict[str, click.Command]:
    """Return every verb and subcommand, by what is typed."""
    verbs = click.Context(cli.cli)
    found = {name: cli.cli.get_command(verbs, name) for name in cli.VERBS}
    groups = {name: group for name, group in found.items() if isinstance(group, click.Group)}
    for name, group in groups.items():
        found |= {f"{name} {sub}": command for sub, command in group.commands.items()}
    return {name: command for name, command in found.items() if command is not None}


def test_no_summary_of_a_subcommand_is_cut_off() -> None:
    for typed, command in every_command().items():
        if isinstance(command, click.Group):
            shown = command.get_help(click.Context(command, info_name=typed, terminal_width=80))
            assert "..." not in shown.split("Commands:")[1], typed


def test_every_option_says_what_it_is_for() -> None:
    unexplained = [
        f"{typed} {option.opts[0]}"
        for typed, command in every_command().items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert unexplained == []


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"jira-assets, version {__version__}\n", "")


def test_an_unknown_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "snyc")
    assert code == 2
    assert "No such command 'snyc'" in err


def test_help_loads_neither_dagster_nor_pandas() -> None:
    program = (
        "import sys\n"
        "from jira_assets.cli import cli, VERBS\n"
        "for verb in VERBS: cli.main([verb, '--help'], standalone_mode=False)\n"
        "print([name for name in ('dagster', 'pandas', 'alembic') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_our_own_errors_are_sentences_and_other_ones_keep_their_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(error: Exception) -> click.Command:
        def callback() -> None:
            raise error

        return click.Command("fails", callback=callback)

    monkeypatch.setattr(cli, "cli", fails(InvalidPartitionKeyError("a sentence.")))
    assert run(capsys) == (1, "", "jira-assets: a sentence.\n")
    monkeypatch.setattr(cli, "cli", fails(KeyError("a defect")))
    with pytest.raises(KeyError, match="a defect"):
        cli.main([])
