"""Jobs in a thread beside: never more than one is handed over, and none after one that failed."""

import threading

import pytest

from jira_assets.warehouse.jobs_beside import JobsBeside


class WritingError(Exception):
    pass


def failing() -> None:
    raise WritingError


def test_a_job_runs_beside_and_the_next_one_after_it() -> None:
    may_end, done = threading.Event(), []

    def first() -> None:
        may_end.wait(10)
        done.append(("first", threading.current_thread().name))

    with JobsBeside("writer") as beside:
        beside.run(first)
        assert done == []
        may_end.set()
        beside.run(lambda: done.append(("second", threading.current_thread().name)))
    names = [name for name, _ in done]
    assert names == ["first", "second"]
    assert all(thread.startswith("writer") for _, thread in done)


def test_waiting_is_until_the_job_has_ended() -> None:
    done = []
    with JobsBeside("writer") as beside:
        beside.wait()
        beside.run(lambda: done.append(1))
        beside.wait()
        assert done == [1]
        beside.check()


def test_looking_does_not_wait_for_a_job_that_goes_on() -> None:
    may_end = threading.Event()

    def goes_on() -> None:
        may_end.wait(10)

    with JobsBeside("writer") as beside:
        beside.run(goes_on)
        beside.check()
        may_end.set()


def test_no_job_runs_after_one_that_failed_and_every_call_says_why() -> None:
    done: list[int] = []
    with JobsBeside("writer") as beside:
        beside.run(failing)
        for call in (beside.wait, beside.check, lambda: beside.run(lambda: done.append(1))):
            with pytest.raises(WritingError):
                call()
    assert done == []
