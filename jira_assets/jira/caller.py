"""One call, with its throttle and its retries: the only place where they meet."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jira_assets.jira.answers import payload_of, words_of
from jira_assets.jira.clock import Clock
from jira_assets.jira.errors import JiraError, MalformedAnswerError, TransientJiraError
from jira_assets.jira.retry import RetryPolicy, asked_pause
from jira_assets.jira.stats import Stats
from jira_assets.jira.throttle import Throttle
from jira_assets.jira.transport import HttpAnswer, Transport

_LOG: Final = logging.getLogger(__name__)
_WORTH_A_LINE_SECONDS: Final = 10.0
_TOO_MANY_REQUESTS: Final = 429
NEVER: Final = threading.Event()
"""The ``stop`` of a call that nobody stops."""


class StoppedError(Exception):
    """The caller was told to stop; nobody waits for its answer."""


@dataclass(frozen=True)
class Caller:
    """Calls one site, from any number of threads."""

    transport: Transport
    throttle: Throttle
    policy: RetryPolicy
    clock: Clock
    stats: Stats
    anonymous: bool

    def call(
        self,
        path: str,
        params: Mapping[str, Any],
        fits: Callable[[Any], bool],
        stop: threading.Event = NEVER,
    ) -> Any:
        """GET ``path`` and return its payload, trying transient failures again.

        Args:
            path: absolute, below the context path.
            params: the query.
            fits: whether a payload has the shape of what was asked for.
            stop: set from another thread to end waiting, and what follows it.

        Raises:
            PermanentJiraError: at once.
            TransientJiraError: the last one, when the policy allows no more tries.
            StoppedError: ``stop`` was set.
        """
        tries = 0
        while True:
            waited = self.throttle.admit(stop)
            if stop.is_set():
                raise StoppedError
            tries += 1
            outcome = self._attempt(path, params, fits)
            self.stats.add(calls=1, retries=tries > 1, waited_seconds=waited)
            if not isinstance(outcome, JiraError):
                return outcome
            outcome.tries = tries
            if not isinstance(outcome, TransientJiraError) or not self.policy.may_retry(
                outcome, tries
            ):
                raise outcome
            self._wait(outcome, tries, stop)

    def _attempt(self, path: str, params: Mapping[str, Any], fits: Callable[[Any], bool]) -> Any:
        """Return the payload, or the error as a value: the next try is none of its context."""
        try:
            answer = self.transport.get(path, params)
            self._count(answer)
            payload = payload_of(answer, anonymous=self.anonymous, now=self.clock.time())
        except JiraError as error:
            return error
        return payload if fits(payload) else _wrong_shape(answer, payload)

    def _count(self, answer: HttpAnswer) -> None:
        self.stats.add(
            received_bytes=len(answer.body), rate_limited=answer.status == _TOO_MANY_REQUESTS
        )

    def _wait(self, error: TransientJiraError, tries: int, stop: threading.Event) -> None:
        pause = self.policy.pause(error, tries)
        if pause >= _WORTH_A_LINE_SECONDS:
            _LOG.warning("waiting %.0f s before the next try: %s", pause, error)
        if asked_pause(error) is not None:
            self.throttle.pause(pause)
            return
        self.clock.wait(pause, stop)
        self.stats.add(waited_seconds=pause)


def _wrong_shape(answer: HttpAnswer, payload: Any) -> MalformedAnswerError:
    said = words_of(payload) or f"a JSON {type(payload).__name__}"
    return MalformedAnswerError(
        f"Jira answered something else than was asked for: {said.rstrip('.')}.",
        url=answer.url,
        status=answer.status,
    )
