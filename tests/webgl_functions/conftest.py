from __future__ import annotations

from collections.abc import Iterator

import pytest
from gpu import DRIVERS, Gpu
from playwright.sync_api import Playwright, sync_playwright


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session", params=DRIVERS)
def gpu(request: pytest.FixtureRequest, playwright_driver: Playwright) -> Iterator[Gpu]:
    opened = Gpu(playwright_driver, request.param)
    yield opened
    opened.close()
