"""One call, with its budget and its retries: the only place where they meet."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jira_assets.jira.answers import payload_of, words_of
from jira_assets.jira.budget import WORTH_A_LINE_SECONDS, Budget, Ticket
from jira_assets.jira.clock import Clock
from jira_assets.jira.errors import JiraError, MalformedAnswerError, TransientJiraError
from jira_assets.jira.retry import RetryPolicy, asked_pause
from jira_assets.jira.signals import Signal, signal_of
from jira_assets.jira.site_clock import SiteClock
from jira_assets.jira.stats import Counts, Stats
from jira_assets.jira.transport import HttpAnswer, Transport
from jira_assets.lenient_json import read_json

NEVER: Final = threading.Event()
"""The ``stop`` of a call that nobody stops."""


class StoppedError(Exception):
    """The caller was told to stop; nobody waits for its answer."""


@dataclass(frozen=True)
class _Asked:
    """One call: how it is sent, what its answer must look like, and how that is read."""

    send: Callable[[], HttpAnswer]
    fits: Callable[[Any], bool]
    parse: Callable[[bytes], Any] = read_json


@dataclass(frozen=True)
class Caller:
    """Calls one site, from any number of threads."""

    transport: Transport
    budget: Budget
    policy: RetryPolicy
    clock: Clock
    stats: Stats
    site_clock: SiteClock
    anonymous: bool

    def call(
        self,
        path: str,
        params: Mapping[str, Any],
        fits: Callable[[Any], bool],
        stop: threading.Event = NEVER,
        endpoint: str | None = None,
    ) -> Any:
        """GET ``path`` and return its payload, trying transient failures again.

        Args:
            path: absolute, below the context path.
            params: the query.
            fits: whether a payload has the shape of what was asked for.
            stop: set from another thread to end waiting, and what follows it.
            endpoint: what shares a rate limit and a latency: the path's template; by default the
                path itself.

        Raises:
            PermanentJiraError: at once.
            TransientJiraError: the last one, when the policy allows no more tries.
            StoppedError: ``stop`` was set.
        """
        asked = _Asked(lambda: self.transport.get(path, params), fits)
        return self._call(asked, stop, endpoint or path)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        fits: Callable[[Any], bool],
        stop: threading.Event = NEVER,
        parse: Callable[[bytes], Any] = read_json,
    ) -> Any:
        """POST ``body`` as JSON to ``path``, which must be a read; else all is as in ``call``.

        ``parse`` makes the payload of an answer's bytes; raises ``ValueError`` where they are none.
        """
        asked = _Asked(lambda: self.transport.post(path, body), fits, parse)
        return self._call(asked, stop, path)

    def _call(self, asked: "_Asked", stop: threading.Event, endpoint: str) -> Any:
        tries = 0
        while True:
            ticket = self.budget.admit(endpoint, stop)
            if ticket is None:
                raise StoppedError
            tries += 1
            outcome, signal = self._attempt(ticket, asked)
            self.stats.add(Counts(calls=1, retries=int(tries > 1), waited_seconds=ticket.waited))
            if not isinstance(outcome, JiraError):
                return outcome
            outcome.tries = tries
            if not isinstance(outcome, TransientJiraError) or not self.policy.may_retry(
                outcome, tries
            ):
                raise outcome
            self._wait(outcome, ticket, signal, tries, stop)

    def _attempt(self, ticket: Ticket, asked: "_Asked") -> tuple[Any, Signal]:
        """Return the payload, or the error as a value: the next try is none of its context."""
        answer, signal = None, Signal(healthy=False)
        try:
            answer = asked.send()
            self.site_clock.dated(answer.headers.get("Date", ""))
            signal = signal_of(answer, None)
            payload = payload_of(
                answer, anonymous=self.anonymous, now=self.clock.time(), parse=asked.parse
            )
        except JiraError as error:
            signal = signal_of(answer, error)
            return error, signal
        finally:
            self.budget.settle(ticket, signal)
            if answer is not None:
                self.stats.add(
                    Counts(rate_limited=int(signal.refused), received_bytes=len(answer.body))
                )
        return (payload if asked.fits(payload) else _wrong_shape(answer, payload)), signal

    def _wait(
        self,
        error: TransientJiraError,
        ticket: Ticket,
        signal: Signal,
        tries: int,
        stop: threading.Event,
    ) -> None:
        pause = self.policy.pause(error, tries)
        if asked_pause(error) is not None:
            added = self.budget.pause(pause, ticket, signal)
            self.stats.add(Counts(asked_to_wait_seconds=added))
            return
        if pause >= WORTH_A_LINE_SECONDS:
            self.budget.tell(f"Waiting {pause:.0f} s before try {tries + 1}: {error}")
        self.clock.wait(pause, stop)
        self.stats.add(Counts(waited_seconds=pause))


def _wrong_shape(answer: HttpAnswer, payload: Any) -> MalformedAnswerError:
    said = words_of(payload) or f"a JSON {type(payload).__name__}"
    return MalformedAnswerError(
        f"Jira answered something else than was asked for: {said.rstrip('.')}.",
        url=answer.url,
        status=answer.status,
    )
