import pytest

from jira_assets.jira.errors import InvalidSiteError
from jira_assets.jira.site import Site
from jira_assets_tests.jira.scripted import CANARY, site


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://acme.atlassian.net", "https://acme.atlassian.net"),
        ("https://acme.atlassian.net/", "https://acme.atlassian.net"),
        (" https://jira.example.com:8443/jira// ", "https://jira.example.com:8443/jira"),
        ("HTTPS://Acme.Example.com/Jira", "https://Acme.Example.com/Jira"),
        ("https://api.atlassian.com/ex/jira/11-22", "https://api.atlassian.com/ex/jira/11-22"),
        ("http://localhost:8080/jira", "http://localhost:8080/jira"),
        ("http://127.0.0.9:8080", "http://127.0.0.9:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_base_url_is_kept_with_its_context_path_and_without_a_slash(
    given: str, kept: str
) -> None:
    assert site(given).base_url == kept


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "acme.atlassian.net",
        "ftp://acme.example.com",
        "https://",
        "https://acme.example.com:port",
        "https://acme.example.com/a b",
        "https://acme.example.com/jira?os_username=x",
        "https://acme.example.com/jira#top",
        "http://acme.example.com",
        "http://127.0.0.1.example.com",
        "https://[::1",
        "https://api.atlassian.com",
        "https://api.atlassian.com/ex/jira",
        "https://api.atlassian.com/ex/jira/11-22/rest",
        "https://api.atlassian.com/ex/confluence/11-22",
    ],
)
def test_what_cannot_be_a_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(InvalidSiteError, match="settings cannot work"):
        site(base_url)


def test_a_gateway_without_a_site_says_where_the_id_is_found() -> None:
    with pytest.raises(InvalidSiteError, match=r"/ex/jira/\{cloudId\}; .*/_edge/tenant_info"):
        site("https://API.atlassian.com/")


@pytest.mark.parametrize(
    "base_url", [f"https://mia:{CANARY}@acme.example.com", f"mia:{CANARY}@acme.example.com"]
)
def test_credentials_in_the_url_are_refused_and_not_quoted(base_url: str) -> None:
    with pytest.raises(InvalidSiteError, match="credentials") as raised:
        site(base_url)
    assert CANARY not in str(raised.value)


def test_plain_http_is_allowed_where_a_setting_says_so() -> None:
    allowed = site("http://jira.internal:8080", allow_plain_http=True)
    assert allowed.base_url == "http://jira.internal:8080"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"deployment": "server"}, "deployment is one of auto, cloud, data_center"),
        ({"auth": "oauth"}, "auth is one of basic, bearer, none"),
        ({"max_concurrency": 0}, "max_concurrency is at least 1"),
        ({"requests_per_second": 0.0}, "requests_per_second is more than 0"),
        ({"secret": None}, "basic auth needs a secret"),
        ({"auth": "bearer", "secret": None}, "bearer auth needs a secret"),
        ({"username": None}, "basic auth needs a user name"),
        ({"username": "a:b"}, "without a colon"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidSiteError, match=complaint):
        site("https://acme.example.com", **settings)


def test_no_credentials_are_needed_to_read_as_a_visitor() -> None:
    assert Site("https://acme.example.com", auth="none").anonymous


def test_urls_are_made_below_the_context_path() -> None:
    assert site("https://h/jira/").url("/rest/api/2/status") == "https://h/jira/rest/api/2/status"
