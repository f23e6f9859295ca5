from jira_assets.extract.progress import Progress, ProgressLog, listening


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_at_most_every_ten_seconds() -> None:
    clock, lines = Clock(), list[str]()
    progress = ProgressLog("acme/cloud", "project_statuses", 100, lines.append, clock=clock)
    for _ in range(50):
        clock.now += 0.5
        progress.step()
    assert len(lines) == 2
    assert lines[-1] == "project_statuses: 40/100 projects (2.0/s, about 30 s left)"


def test_listeners_hear_the_beginning_and_every_step_and_then_nothing() -> None:
    heard: list[Progress] = []
    with listening(heard.append):
        progress = ProgressLog("acme/cloud", "project_statuses", 2, lambda _: None)
        progress.step()
        progress.step()
    progress.step()
    assert [(step.done, step.total) for step in heard] == [(0, 2), (1, 2), (2, 2)]


def test_nothing_is_known_before_the_first_call() -> None:
    begun = Progress("acme/cloud", "project_statuses", 0, 10, 0.0)
    assert begun.rate == 0.0
    assert begun.seconds_left is None
    assert str(begun) == "project_statuses: 0/10 projects"
