"""The page of pictures and results."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from picture_site import Site
from webkiln.browsers import chromium
from webkiln.browsers.server import LocalServer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, LocalServer() as server:
        browser = playwright.chromium.launch(**chromium.launch_options(chromium.find_chromium()))
        yield Site(browser, server, tmp_path_factory.mktemp("models"))
        browser.close()
