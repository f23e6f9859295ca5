"""What a whole site answers, as a strategy: some answers for each entity."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hypothesis import strategies as st

from jira_assets.sandbox.model import Deployment
from jira_assets_tests.contract.generate import Strategy, answers
from jira_assets_tests.contract.landing import PROJECT_IDS, Sent, endpoints
from jira_assets_tests.contract.mutate import damaged, mutated, sent
from jira_assets_tests.contract.spec import Spec

Answers = Mapping[str, Sequence[Sent]]
Change = Callable[[Strategy], st.SearchStrategy[bytes]]

_statuses: Final = st.sampled_from([200] * 9 + [403, 404])
_arrivals: Final = st.sampled_from([bytes] * 5 + [damaged])


def as_declared(spec: Spec, deployment: Deployment) -> st.SearchStrategy[Answers]:
    """Make sites that answer what Atlassian declares, each with three projects."""
    return _sites(spec, deployment, lambda declared: declared.map(sent), st.just(200))


def as_nobody_declared(spec: Spec, deployment: Deployment) -> st.SearchStrategy[Answers]:
    """Make sites whose answers hold anything anywhere; some are refusals, or cut off."""

    def change(declared: Strategy) -> st.SearchStrategy[bytes]:
        return st.builds(_arrived, mutated(declared).map(sent), _arrivals)

    return _sites(spec, deployment, change, _statuses)


def _arrived(body: bytes, arrival: Callable[[bytes], bytes]) -> bytes:
    return arrival(body)


def _sites(
    spec: Spec, deployment: Deployment, change: Change, statuses: st.SearchStrategy[int]
) -> st.SearchStrategy[Answers]:
    one_each = {
        entity: st.builds(Sent, change(answers(spec.answer(path))), statuses)
        for entity, path in endpoints(deployment).items()
    }
    counts = dict.fromkeys(one_each, 1) | {"project_statuses": len(PROJECT_IDS)}
    return st.fixed_dictionaries(
        {
            entity: st.lists(each, min_size=counts[entity], max_size=counts[entity])
            for entity, each in one_each.items()
        }
    )
