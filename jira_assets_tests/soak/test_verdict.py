"""What counts as levelling off, on series of known shape; that report and picture say it."""

from collections import Counter
from random import Random
from xml.etree import ElementTree as ET

import pytest

from jira_assets_tests.soak.picture import picture
from jira_assets_tests.soak.report import Soak, markdown
from jira_assets_tests.soak.verdict import Point, Verdict, judge, slope

HOUR = 3600.0
NAME = "rows: jira.raw_extractions, count"


def series(*values: float) -> list[Point]:
    return [(HOUR * at / len(values), value) for at, value in enumerate(values)]


def verdict(*values: float, name: str = NAME) -> Verdict:
    return judge(name, series(*values), HOUR)


STEPS = range(240)
NOISE = [Random(1).uniform(-40, 40) for _ in STEPS]
LEVEL = [1000 + noise for noise in NOISE]
WARMING_UP = [min(1000.0, 20.0 * step) for step in STEPS]
TEETH = [500.0 + 25 * (step % 20) for step in STEPS]
RISING_TEETH = [500.0 + 25 * (step % 80) + step / 20 for step in STEPS]
GROWING_TEETH = [500.0 + 25 * (step % 80) + 5 * step for step in STEPS]
PEAKS = [5000.0 if step % 10 == 0 else 1000 + step / 10 for step in STEPS]
LEAK = [1000.0 + 2 * step + noise for step, noise in zip(STEPS, NOISE, strict=True)]
LATE_LEAK = [1000.0 + max(0, step - 80) for step in STEPS]


@pytest.mark.parametrize("values", [LEVEL, WARMING_UP, TEETH, RISING_TEETH, PEAKS, [0.0] * 240])
def test_what_levels_off(values: list[float]) -> None:
    assert verdict(*values).levels_off is True


@pytest.mark.parametrize("values", [LEAK, LATE_LEAK, GROWING_TEETH])
def test_what_grows(values: list[float]) -> None:
    found = verdict(*values)
    assert found.levels_off is False
    assert found.word == "GROWS"
    assert found.last > found.first


def test_what_is_too_little_to_matter_is_passed_over() -> None:
    growing = [step / 20 for step in STEPS]
    assert verdict(*growing).levels_off is True
    assert verdict(*growing, name="memory: daemon, MB").levels_off is False


def test_what_follows_jira_and_too_few_samples_are_not_judged() -> None:
    assert verdict(*LEAK, name="data rows: jira.issues, count").levels_off is None
    assert verdict(1, 2, 3).levels_off is None
    assert verdict(1).word == "not judged"


def test_a_slope_is_that_of_most_pairs() -> None:
    assert slope([(0, 0), (1, 2), (2, 4), (3, 600), (4, 8)]) == pytest.approx(2)
    assert slope([(0, 5)]) == 0


def test_the_report_names_pace_fairness_and_verdicts() -> None:
    starts = Counter({(1, "jira_metadata"): 30, (2, "jira_metadata"): 28, (1, "jira_issues"): 3})
    grown = verdict(*LEAK)
    told = markdown(Soak(2, 1, 4, 2, HOUR, [grown], starts))
    assert "61 runs of jobs started in 60 minutes, 1.0 a minute; on time would be 8" in told
    assert "| jira_metadata | 28 | 29 | 30 | 0 |" in told
    assert "| jira_issues | 0 | 1.5 | 3 | 1 |" in told
    assert "| jira_deletions | 0 | 0 | 0 | 2 |" in told
    assert f"| {NAME} | " in told
    assert "GROWS" in told


def test_the_picture_has_a_curve_a_series() -> None:
    drawn = ET.fromstring(picture({"a": series(1, 2, 3), "b <&>": series(0, 0)}, HOUR))
    curves = [each for each in drawn if each.tag.endswith("polyline")]
    assert [len(each.attrib["points"].split()) for each in curves] == [3, 2]
