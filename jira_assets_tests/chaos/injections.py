"""How each kind of fault is done to a deployment, and how all of them end."""

import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import kombu
import psutil

from jira_assets.queue.address import Names
from jira_assets.sandbox.faults import Fault
from jira_assets_tests.chaos.deployment import Deployment, sync_command
from jira_assets_tests.chaos.plan import KEYS, Injection
from jira_assets_tests.chaos.points import POINTS, arm, disarm, fallen

_JIRA: Final = "Jira: "
_FOR_A_RUN_SECONDS: Final = 12.0
_LIFE_SECONDS: Final = 3.0
"""About how long the process of a run lives."""
_SYNC_SECONDS: Final = (3.0, 10.0)
"""From when a sync may have begun to read to when it may be done."""


class Injector:
    """Does what a plan says, and remembers what of it happened."""

    def __init__(self, deployment: Deployment, rng: Random) -> None:
        self._deployment = deployment
        self._rng = rng
        self.done: list[str] = []
        self._armed: list[str] = []

    def inject(self, injection: Injection) -> None:
        """Do it now; what lasts, lasts as long as this call, less faults of Jira and points."""
        kind = injection.kind
        if kind in POINTS:
            arm(self._deployment.points, kind, injection.passes)
            self._armed.append(kind)
        elif kind.startswith(_JIRA):
            fault = Fault(kind.removeprefix(_JIRA), share=injection.share, seconds=1.0)
            self._deployment.jira.fault_seed = self._rng.randrange(1 << 30)
            self._deployment.jira.faults = (fault,)
            self.done.append(kind)
        elif _ACTIONS[kind](self._deployment, injection, self._rng):
            self.done.append(kind)

    @property
    def waiting(self) -> bool:
        """Whether a point that is armed was not met yet."""
        return not all(fallen(self._deployment.points, point) for point in self._armed)

    def end(self) -> None:
        """End every fault, and remember which points were met."""
        for point in self._armed:
            if disarm(self._deployment.points, point):
                self.done.append(point)
        self._armed.clear()
        self._deployment.jira.faults = ()
        self._deployment.to_postgres.mend()
        self._deployment.to_rabbitmq.mend()


def _kill_a_run(deployment: Deployment, _injection: Injection, rng: Random) -> bool:
    deadline = time.monotonic() + _FOR_A_RUN_SECONDS
    while not (runs := deployment.dagster.runs()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    victim = rng.choice(runs)
    # From before its first sign of life to after its last one.
    time.sleep(rng.uniform(0, _LIFE_SECONDS))
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def _kill_a_sync(deployment: Deployment, _injection: Injection, rng: Random) -> bool:
    with (deployment.folder / "sync.log").open("ab") as log:
        sync = subprocess.Popen(
            sync_command(rng.choice(KEYS)),
            env={**os.environ, **deployment.variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        sync.wait(rng.uniform(*_SYNC_SECONDS))
    except subprocess.TimeoutExpired:
        sync.kill()
    return sync.wait() != 0


def _kill_the_daemon(deployment: Deployment, _injection: Injection, _rng: Random) -> bool:
    return deployment.dagster.daemon.kill()


def _kill_the_code_server(deployment: Deployment, _injection: Injection, _rng: Random) -> bool:
    return deployment.dagster.code_server.kill()


def _kill_everything(deployment: Deployment, _injection: Injection, _rng: Random) -> bool:
    deployment.dagster.stop()
    return True


def _for_a_while(
    injection: Injection, begin: Callable[[], object], end: Callable[[], object]
) -> bool:
    begin()
    time.sleep(injection.seconds)
    end()
    return True


def _postgres_stops(deployment: Deployment, injection: Injection, _rng: Random) -> bool:
    postgres = deployment.postgres
    return _for_a_while(injection, partial(postgres.halt, crash=False), postgres.resume)


def _postgres_crashes(deployment: Deployment, injection: Injection, _rng: Random) -> bool:
    postgres = deployment.postgres
    return _for_a_while(injection, partial(postgres.halt, crash=True), postgres.resume)


def _postgres_cut(deployment: Deployment, _injection: Injection, _rng: Random) -> bool:
    return deployment.to_postgres.cut() > 0


def _postgres_silent(deployment: Deployment, injection: Injection, _rng: Random) -> bool:
    to_postgres = deployment.to_postgres
    return _for_a_while(injection, to_postgres.stall, to_postgres.mend)


def _rabbitmq_stops(deployment: Deployment, injection: Injection, _rng: Random) -> bool:
    rabbitmq = deployment.rabbitmq
    return _for_a_while(injection, rabbitmq.stop, rabbitmq.start)


def _rabbitmq_cut(deployment: Deployment, injection: Injection, _rng: Random) -> bool:
    # Its connections are short: those that come in these seconds are cut as well.
    to_rabbitmq = deployment.to_rabbitmq
    return _for_a_while(injection, to_rabbitmq.refuse, to_rabbitmq.mend)


def _rabbitmq_silent(deployment: Deployment, injection: Injection, _rng: Random) -> bool:
    to_rabbitmq = deployment.to_rabbitmq
    return _for_a_while(injection, to_rabbitmq.stall, to_rabbitmq.mend)


def _forge(deployment: Deployment, _injection: Injection, rng: Random) -> bool:
    forge(deployment.rabbitmq.url, deployment.broker.names, rng.randrange(1000))
    deployment.forged += 1
    return True


def forge(url: str, names: Names, number: int) -> None:
    """Put a message into the queue that nobody can read."""
    with kombu.Connection(url, connect_timeout=5) as connection:
        producer = kombu.Producer(connection.channel(), auto_declare=False)
        producer.publish(
            b"no message of ours %d" % number,
            exchange=names.exchange,
            routing_key=names.transform,
            content_type="application/json",
        )


Act = Callable[[Deployment, Injection, Random], bool]
_ACTIONS: Final[dict[str, Act]] = {
    "kill a run": _kill_a_run,
    "kill a sync by hand": _kill_a_sync,
    "kill the daemon": _kill_the_daemon,
    "kill the code server": _kill_the_code_server,
    "kill everything of Dagster": _kill_everything,
    "Postgres stops": _postgres_stops,
    "Postgres crashes": _postgres_crashes,
    "Postgres's connections are cut": _postgres_cut,
    "Postgres does not answer": _postgres_silent,
    "RabbitMQ stops": _rabbitmq_stops,
    "RabbitMQ's connections are cut": _rabbitmq_cut,
    "RabbitMQ does not answer": _rabbitmq_silent,
    "a message that nobody can read": _forge,
}
"""Kind to what does it; each says whether there was anything to do it to."""
