"""docs/watch.html in a real browser: it asks, and watches to the end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import sqlalchemy as sa
from playwright.sync_api import expect

from jira_assets_tests.api.conftest import add_keys, serving
from jira_assets_tests.api.way import Way
from jira_assets_tests.end_to_end.browser import chromium
from jira_assets_tests.warehouse.jobs_data import add_jobs, requests

DOCS = Path(__file__).parents[2] / "docs"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def pages() -> Iterator[str]:
    """Serve the documents; gives their origin."""
    handler = partial(_Quiet, directory=str(DOCS))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_page_asks_and_watches_to_the_end(warehouse: sa.Engine) -> None:
    add_jobs(warehouse, "globex/cloud")
    way = Way(warehouse, add_jobs(warehouse))
    with pages() as origin, serving(warehouse, origin) as api, chromium() as browser:
        add_keys(api)
        page = browser.new_page()
        page.goto(f"{origin}/watch.html")
        page.fill("#api", api.url)
        page.fill("#key", "ja_wrong")
        page.fill("#site", "cloud")
        page.get_by_role("button").click()
        expect(page.locator("#log")).to_contain_text("This key is unknown, or was revoked.")

        page.fill("#key", api.keys["acme"])
        page.get_by_role("button").click()
        expect(page.locator("#log")).to_contain_text("queued")
        run_id = way.begin()
        way.progress(run_id, 37.0)
        expect(page.locator("#log")).to_contain_text("extracting 37 %")
        expect(page.locator("#bar")).to_have_js_property("value", 37)
        way.land(run_id)
        way.finish(run_id)
        expect(page.locator("#log")).to_contain_text("landed")
        way.merge()
        expect(page.locator("#log")).to_contain_text("done")
        expect(page.locator("#bar")).to_have_js_property("value", 100)
    assert len(requests(warehouse)) == 1
