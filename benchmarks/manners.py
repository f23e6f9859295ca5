"""A site with a rate limit for a minute, and one that is ten times slower for ten seconds."""

import time
from bisect import bisect
from collections.abc import Iterator
from threading import Timer

from benchmarks.section import Section
from benchmarks.site import ServedSite, served_site
from jira_assets.extract.roster import project_refs
from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.site import Site

CONCURRENCY, LATENCY = 10, 0.05
RATE, BURST, LIMITED_SECONDS = 50, 20, 60.0
PROJECTS = 10_000
SLOW_FROM, SLOW_UNTIL, SLOW_END, TIMES = 10.0, 20.0, 35.0, 10
FULL_SPEED = 0.9


def run() -> Section:
    limited = [
        limited_rows("what is left is said", silent=False),
        limited_rows("only Retry-After is said", silent=True),
    ]
    return Section(
        title="Good manners",
        question=(
            f"A site of {LATENCY * 1000:.0f} ms a call that allows {RATE} requests a second with "
            f"a burst of {BURST}, read for {LIMITED_SECONDS:.0f} s by {CONCURRENCY} calls at "
            "once: at least 95 % of the rate where the site says what is left (elsewhere, the rate "
            "must first be found by being refused), fewer than 2 % of the calls answered 429. And "
            "a site without a limit whose calls take "
            f"{TIMES} times as long for {SLOW_UNTIL - SLOW_FROM:.0f} s: no failure, and within "
            "5 s afterwards again 90 % of the speed before, by the second."
        ),
        command="python -m benchmarks manners",
        columns=["what", "measured", "at least / at most"],
        rows=[row for rows in (*limited, slow_rows()) for row in rows],
    )


def limited_rows(what: str, *, silent: bool) -> list[list[str]]:
    """Read a limited site for a minute."""
    with served_site(PROJECTS, latency=LATENCY) as site, _client(site) as client:
        refs = _refs(client)
        site.change(rate_limit=[RATE, BURST, silent])
        time.sleep(0.5)
        before = client.stats
        answered = len(_moments(client, refs, LIMITED_SECONDS))
        took = client.stats - before
    least = "" if silent else "95 %"
    used = answered / (RATE * LIMITED_SECONDS)
    refused = took.rate_limited / took.calls
    return [
        [f"rate limit, {what}: share of the rate that was used", f"{used:.1%}", least],
        [f"rate limit, {what}: share of calls answered 429", f"{refused:.2%}", "2 %"],
    ]


def slow_rows() -> list[list[str]]:
    """Read a site that becomes slow for a while, and see when it is read at full speed again."""
    with served_site(PROJECTS, latency=LATENCY) as site, _client(site) as client:
        refs = _refs(client)
        for at, latency in ((SLOW_FROM, TIMES * LATENCY), (SLOW_UNTIL, LATENCY)):
            Timer(at, site.change, kwargs={"latency": latency}).start()
        moments = _moments(client, refs, SLOW_END)
        retries = client.stats.retries
    full = _rate(moments, SLOW_FROM - 5, SLOW_FROM)
    back = next(at for at in _tenths(SLOW_UNTIL) if _rate(moments, at, at + 1) >= FULL_SPEED * full)
    return [
        ["slow for a while: calls a second before", f"{full:.0f}", f"{CONCURRENCY / LATENCY:.0f}"],
        [
            "slow for a while: calls a second in its second half",
            f"{_rate(moments, SLOW_UNTIL - 5, SLOW_UNTIL):.0f}",
            "",
        ],
        ["slow for a while: calls that had to be repeated", f"{retries}", "0"],
        ["slow for a while: seconds until full speed", f"{back - SLOW_UNTIL:.1f}", "5"],
    ]


def _client(site: ServedSite) -> JiraClient:
    return JiraClient(Site(site.url, auth="none", max_concurrency=CONCURRENCY))


def _refs(client: JiraClient) -> list[ProjectRef]:
    return [ref for answer in client.projects() for ref in project_refs(answer.payload)]


def _moments(client: JiraClient, refs: list[ProjectRef], seconds: float) -> list[float]:
    """Read for so many seconds; return when each answer came, in seconds since the beginning."""
    began, moments = time.monotonic(), []
    answers = client.project_statuses(refs)
    for _ in answers:
        moments.append(time.monotonic() - began)
        if moments[-1] > seconds:
            break
    answers.close()
    return moments


def _rate(moments: list[float], begin: float, end: float) -> float:
    return (bisect(moments, end) - bisect(moments, begin)) / (end - begin)


def _tenths(begin: float) -> Iterator[float]:
    """Yield moments a tenth of a second apart, as long as a whole second of reading follows."""
    at = begin
    while at + 1 < SLOW_END:
        yield at
        at += 0.1
    raise RuntimeError("it was never read at full speed again")
