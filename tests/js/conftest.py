"""A Chromium for the pages of a module."""

from __future__ import annotations

import pytest
from webkiln.browsers import chromium


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(**chromium.launch_options(chromium.find_chromium()))
        yield launched
        launched.close()
