"""Faces on WebGL, where the eyes' crops (one of them mirrored) and all others are made by the graphics card."""

from __future__ import annotations

from pathlib import Path

from page_site import site
from playwright.sync_api import sync_playwright
from task_pages import STRICT, call, given, make_folder, opened
from task_runs import astronaut, check_points, save_models, warped
from webkiln.browsers import chromium
from webkiln.tasks import Face

PIXELS = 0.5


def test_face_on_webgl(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    models = save_models(folder, ["face_detection_short_range", "face_landmark", "iris_landmark"])
    picture = warped(astronaut(), degrees=15, size=(640, 480))
    expected = Face(*models.values()).detect(picture)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.launch_options(chromium.find_chromium()))
        with site(folder, {"Content-Security-Policy": STRICT}) as (address, _), opened(browser, address) as page:
            answer = call(page, "detect", "face", {"models": "models", "backend": "webgl"}, [given(picture)])
        browser.close()
    assert set(answer["backends"].values()) == {"webgl"}
    (received,), (face,) = answer["found"][0]["faces"], expected["faces"]
    check_points(received["landmarks"], face["landmarks"], PIXELS, "in the picture")
    assert len(received["landmarks"]) == 478
