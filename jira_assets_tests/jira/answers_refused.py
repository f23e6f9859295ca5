"""Lines of the table of answers at which a reading ends, and what the user then reads."""

from jira_assets.jira import errors
from jira_assets_tests.jira.answers_line import CLOUD, ONE_LIST, Line, refused

_NOT_JIRA = "The answer is a page for people, not Jira's: a login page or a wrong base URL."
_VISITOR = "Jira answers as to an anonymous visitor."
_NO_CREDENTIALS = "Jira refused the credentials and answers as to a visitor."
_REFUSES = "Jira refuses the call: The value is wrong."
_OUT_OF_ORDER = "Jira, or a proxy before it, is out of order."

REFUSED: tuple[Line, ...] = (
    refused(1, "html_200", errors.NotJiraError, _NOT_JIRA),
    refused(1, "logged_in_200", errors.NotJiraError, _NOT_JIRA, path=ONE_LIST),
    refused(2, "anonymous_view", errors.AnonymousViewError, _NO_CREDENTIALS),
    refused(2, "anonymous_by_name", errors.AnonymousViewError, _VISITOR, path=ONE_LIST),
    refused(2, "anonymous_by_reason", errors.AnonymousViewError, _NO_CREDENTIALS, path=ONE_LIST),
    refused(
        2,
        "anonymous_unmarked",
        errors.CredentialsRefusedError,
        "Jira refuses the credentials: Client must be authenticated to access this resource.",
    ),
    refused(
        2,
        "anonymous_unmarked",
        errors.LostAccessError,
        "Jira answered no statuses at all to Sandbox Reader.",
        path=ONE_LIST,
    ),
    refused(
        2,
        "empty_list",
        errors.LostAccessError,
        "Jira answered no projects at all to Sandbox Reader.",
    ),
    refused(3, "empty_body", errors.MalformedAnswerError, "Jira's answer is empty."),
    refused(
        4,
        "captcha_403",
        errors.CaptchaError,
        "Jira refuses the login until a person solves its CAPTCHA.",
    ),
    refused(
        5,
        "login_redirect",
        errors.RedirectedError,
        "The site sends us to its login page instead of answering.",
    ),
    refused(
        5,
        "redirect_other_host",
        errors.RedirectedError,
        "The site sends us to https://sso.other-host.invalid, where no token is sent.",
    ),
    refused(
        5,
        "redirect_other_port",
        errors.RedirectedError,
        "The site sends us to http://127.0.0.1…, where no token is sent.",
        path=ONE_LIST,
    ),
    refused(5, "redirect_circle", errors.RedirectedError, "The site redirects in a circle."),
    refused(
        5,
        "redirect_nowhere",
        errors.RedirectedError,
        "The site redirects us without saying where to.",
    ),
    *(
        refused(6, f"error_400_{shape}", errors.RefusedRequestError, _REFUSES, path=ONE_LIST)
        for shape in ("messages", "status", "code", "message", "list", "text")
    ),
    refused(
        6,
        "error_400_fields",
        errors.RefusedRequestError,
        "Jira refuses the call: status: The value is wrong.",
        path=ONE_LIST,
    ),
    refused(6, "error_400_empty", errors.RefusedRequestError, "Jira refuses the call."),
    refused(
        6,
        "error_200",
        errors.MalformedAnswerError,
        "Jira answered something else than was asked for: The value is wrong.",
    ),
    refused(
        6,
        "scope_401",
        errors.ScopeError,
        "Jira refuses the credentials: Unauthorized; scope does not match.",
    ),
    refused(
        6,
        "gone_410",
        errors.GoneError,
        "Jira has removed this endpoint: The requested API has been removed. Please migrate to the "
        "API that the changelog names.",
        path=ONE_LIST,
    ),
    refused(
        7,
        "html_404",
        errors.WrongPathError,
        "There is no Jira here: the answer is a page for people.",
    ),
    refused(
        7,
        "http_500",
        errors.UnavailableError,
        "Jira, or a proxy before it, is out of order: Internal server error.",
    ),
    refused(7, "http_502_html", errors.UnavailableError, _OUT_OF_ORDER),
    refused(7, "http_502_untyped", errors.UnavailableError, _OUT_OF_ORDER),
    refused(7, "http_503_html", errors.UnavailableError, _OUT_OF_ORDER),
    refused(7, "http_503_untyped", errors.UnavailableError, _OUT_OF_ORDER),
    refused(
        7,
        "http_503_retry_after",
        errors.UnavailableError,
        "Jira, or a proxy before it, is out of order and asks to wait 7 s.",
        seconds=7,
    ),
    refused(
        7,
        "http_503_date",
        errors.UnavailableError,
        "Jira, or a proxy before it, is out of order and asks to wait … s.",
        seconds=90,
    ),
    refused(
        7,
        "http_429",
        errors.RateLimitedError,
        "Jira takes no more calls for now… and asks to wait 7 s: Rate limit exceeded.",
        seconds=7,
    ),
    refused(
        7,
        "http_429_date",
        errors.RateLimitedError,
        "Jira takes no more calls for now and asks to wait … s: Rate limit exceeded.",
        seconds=90,
    ),
    refused(
        7,
        "http_429_quota",
        errors.RateLimitedError,
        "Jira takes no more calls for now (jira-quota-global-based) and asks to wait 1,847 s: Rate "
        "limit exceeded.",
        seconds=1847,
    ),
    refused(
        7,
        "http_429_now",
        errors.RateLimitedError,
        "Jira takes no more calls for now: Rate limit exceeded.",
    ),
    refused(7, "http_429_bare", errors.RateLimitedError, "Jira takes no more calls for now."),
    refused(
        8,
        "cut_json",
        errors.MalformedAnswerError,
        "Jira's answer is cut off or malformed JSON (…).",
    ),
    refused(
        8,
        "early_close",
        errors.ConnectionFailedError,
        "… cannot be reached, or closed the connection before it answered.",
    ),
    refused(8, "hang", errors.ConnectionFailedError, "… did not answer within 0.3 s.", seconds=30),
    refused(
        8,
        "wrong_shape",
        errors.MalformedAnswerError,
        "Jira answered something else than was asked for: a JSON list.",
    ),
    refused(
        17,
        "long_url_414",
        errors.RefusedRequestError,
        "A proxy refuses the URL as too long (2,… bytes).",
        context_path="/" + 2000 * "x",
    ),
    refused(
        0,
        "same_page_again",
        errors.PagingError,
        "Jira's pages do not hang together: the page at 100 repeats an earlier one.",
        projects=230,
        deployments=CLOUD,
    ),
    refused(
        0,
        "empty_page_in_the_middle",
        errors.PagingError,
        "Jira's pages do not hang together: only 100 of 230 arrived.",
        projects=230,
        deployments=CLOUD,
    ),
)
