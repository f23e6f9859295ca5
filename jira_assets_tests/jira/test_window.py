from jira_assets.jira.window import START, Window


def _rounds(window: Window, rounds: int) -> list[int]:
    """Return the size after each of some rounds in which every answer is healthy."""
    sizes = []
    for _ in range(rounds):
        for _ in range(window.size):
            window.grow()
        sizes.append(window.size)
    return sizes


def test_it_doubles_with_each_round_up_to_what_is_allowed() -> None:
    window = Window(50)
    assert window.size == START
    assert _rounds(window, 5) == [8, 16, 32, 50, 50]


def test_it_starts_no_higher_than_is_allowed() -> None:
    assert Window(1).size == 1


def test_a_refusal_halves_it_and_then_it_grows_by_one_a_round() -> None:
    window = Window(40)
    _rounds(window, 4)
    window.refused()
    assert window.size == 20
    assert _rounds(window, 3) == [21, 22, 23]


def test_refusals_lead_to_a_single_call_and_never_to_none() -> None:
    window = Window(40)
    for _ in range(10):
        window.refused()
    assert window.size == 1
    assert _rounds(window, 2) == [2, 3]


def test_slowness_leads_to_two_calls_and_the_way_back_is_short() -> None:
    window = Window(40)
    _rounds(window, 4)
    for _ in range(10):
        window.slowed()
    assert window.size == 2
    assert _rounds(window, 6) == [4, 8, 16, 30, 31, 32]


def test_slowness_at_the_very_start_does_not_end_the_doubling() -> None:
    window = Window(40)
    window.slowed()
    assert _rounds(window, 3) == [4, 8, 16]


def test_a_single_call_is_never_too_many() -> None:
    window = Window(1)
    window.slowed()
    assert window.size == 1


def test_after_a_pause_one_goes_ahead_and_the_others_follow() -> None:
    window = Window(16)
    _rounds(window, 3)
    window.refused()
    window.after_a_pause()
    window.after_a_pause()
    assert window.size == 1
    assert _rounds(window, 5) == [2, 4, 8, 9, 10]
