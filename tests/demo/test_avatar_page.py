"""The avatar demo in Chromium: the character does what the person in the sample does."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from humanoid_files import SKELETON, as_binary, gltf, mixamo_text, skinned, vrm
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from webkiln import demos
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.server import LocalServer

READY = 60_000  # milliseconds, on a slow machine

_HEIGHTS = """() => {
  const { root, bones } = webkilnDemo.stage.character;
  root.updateWorldMatrix(true, true);
  return Object.fromEntries(Object.entries(bones).map(([bone, { matrixWorld }]) => [bone, matrixWorld.elements[13]]));
}"""
_DROP = """([data, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], name));
  document.querySelector("main").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The demo with the models of the body only, as it was opened once."""
    folder = tmp_path_factory.mktemp("avatar")
    demo = demos.DEMOS["avatar"]
    demos.assemble(replace(demo, models=tuple(name for name in demo.models if name.startswith("pose"))), folder)
    with sync_playwright() as playwright, LocalServer({"/": folder}, isolated=False) as server:
        browser = playwright.chromium.launch(**launch_options(find_chromium()))
        page = browser.new_page(viewport={"width": 720, "height": 640})
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.url)
        wait_for_frames(page, 3)
        yield page
        assert [line for line in said if "models/" not in line and "404" not in line] == []
        assert [url for url in asked if not url.startswith((server.url, f"blob:{server.url}", "data:"))] == []
        browser.close()


def wait_for_frames(page: Page, more: int) -> None:
    wanted = page.evaluate("webkilnDemo.frames") + more
    page.wait_for_function("(wanted) => webkilnDemo.frames >= wanted || webkilnDemo.error", arg=wanted, timeout=READY)
    assert page.evaluate("webkilnDemo.error") == ""


def raised(page: Page) -> dict[str, float]:
    """How high each hand is above its shoulder, in metres."""
    heights = page.evaluate(_HEIGHTS)
    return {side: heights[f"{side}Hand"] - heights[f"{side}UpperArm"] for side in ("left", "right")}


def drop(page: Page, data: bytes, name: str) -> None:
    page.evaluate(_DROP, [base64.b64encode(data).decode(), name])


def check_sample(page: Page, up: str = "right", down: str = "left") -> None:
    """The person in the sample waves with the right hand, which is as high as the shoulder; the other one hangs."""
    page.wait_for_timeout(300)
    wait_for_frames(page, 3)
    found = raised(page)
    assert found[up] > -0.08, found
    assert found[down] < -0.3, found


def test_the_arm_that_the_person_raises_is_raised(page: Page) -> None:
    check_sample(page)
    expect(page.locator(".said")).to_contain_text("the right hand is up")
    heights = page.evaluate(_HEIGHTS)
    assert heights["head"] > heights["chest"] > heights["hips"] > heights["leftLowerLeg"] > heights["leftFoot"] > 0


def test_something_is_drawn(page: Page) -> None:
    """The clay figure's shirt and trousers on the stage."""
    shot = np.asarray(Image.open(io.BytesIO(page.locator(".frame canvas").first.screenshot())).convert("RGB")).astype(int)
    red, green, blue = shot[..., 0], shot[..., 1], shot[..., 2]
    assert ((red > 150) & (green < 100) & (blue < 80)).mean() > 0.01
    assert ((red < 80) & (green > 50) & (blue > 50)).mean() > 0.01


def test_in_a_mirror_it_is_the_other_arm(page: Page) -> None:
    page.get_by_label("Mirrored").check()
    check_sample(page, "left", "right")
    page.get_by_label("Mirrored").uncheck()


@pytest.mark.parametrize(("name", "make"), [("dots.vrm", vrm), ("mixamo.gltf", mixamo_text)])
def test_a_character_is_dropped(page: Page, name: str, make) -> None:  # type: ignore[no-untyped-def]
    drop(page, make(), name)
    expect(page.get_by_role("status").filter(has_text=name)).to_have_count(1, timeout=READY)
    check_sample(page)
    assert page.evaluate("webkilnDemo.stage.character.bones.leftHand.children.length") <= 1, "it is the one with dots"
    page.get_by_role("button", name="The clay figure").click()
    check_sample(page)


def test_what_is_no_character_is_refused(page: Page) -> None:
    page.get_by_role("button", name="The clay figure").click()
    for data, problem in ((b"glTF but nothing of it", "is not a glTF or VRM file"), (b'{"asset": {"version": "2.0"}, "scene": 0, "scenes": [{}]}', "has no bones that are known")):
        drop(page, data, "wrong.glb")
        expect(page.get_by_role("alert")).to_contain_text(problem)
    assert page.evaluate("Object.keys(webkilnDemo.stage.character.bones).length") > 40, "the clay figure stays"
    page.get_by_role("button", name="Sample").click()
    wait_for_frames(page, 2)


def test_a_file_that_names_others_is_refused_and_nothing_is_asked_for(page: Page) -> None:
    """The fixture sees all that is asked for."""
    described, buffer = gltf({bone: bone for bone in SKELETON})
    described["images"] = [{"uri": "https://elsewhere.invalid/skin.png"}]
    described["textures"] = [{"source": 0}]
    described["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    described["meshes"][0]["primitives"][0]["material"] = 0
    drop(page, as_binary(described, buffer), "elsewhere.glb")
    expect(page.get_by_role("alert")).to_contain_text("https://elsewhere.invalid/skin.png is another file")
    page.get_by_role("button", name="Sample").click()
    wait_for_frames(page, 2)


def test_the_latest_character_stays(page: Page) -> None:
    data = base64.b64encode(vrm()).decode()
    taken, bones = page.evaluate(
        """async (data) => {
          const { stage } = webkilnDemo;
          const load = () => stage.load(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)).buffer, "dots.vrm");
          const taken = await Promise.all([load(), load()]);
          const third = load();
          stage.reset();
          return [[...taken, await third], Object.keys(stage.character.bones).length];
        }""",
        data,
    )
    assert taken == [False, True, False]
    assert bones > 40, "the clay figure"


def test_a_character_leaves_no_texture_behind(page: Page) -> None:
    """Nor those that its bones are in."""
    made, left = page.evaluate(
        """async (data) => {
          const { createTexture, deleteTexture } = WebGL2RenderingContext.prototype;
          let [made, gone] = [0, 0];
          WebGL2RenderingContext.prototype.createTexture = function () { made += 1; return createTexture.call(this); };
          WebGL2RenderingContext.prototype.deleteTexture = function (texture) { gone += 1; deleteTexture.call(this, texture); };
          const pose = new webkiln.avatar.Avatar().update();
          const { stage } = webkilnDemo;
          await stage.load(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)).buffer, "skinned.glb");
          stage.draw(pose);
          stage.reset();
          stage.draw(pose);
          Object.assign(WebGL2RenderingContext.prototype, { createTexture, deleteTexture });
          return [made, made - gone];
        }""",
        base64.b64encode(skinned()).decode(),
    )
    assert made > 0
    assert left == 0


def test_hands_without_their_models_are_off_again(page: Page) -> None:
    """As they are here."""
    hands = page.get_by_label("Hands", exact=True)
    hands.check()
    expect(hands).not_to_be_checked(timeout=READY)
    expect(page.get_by_text("The models of the hands did not load: ")).to_contain_text("palm_detection_lite")
    wait_for_frames(page, 2)


def test_nobody_is_at_rest(page: Page, tmp_path: Path) -> None:
    """On a picture without a person; the sample comes back after it."""
    Image.new("RGB", (320, 240), (90, 90, 90)).save(tmp_path / "gray.png")
    page.set_input_files("input[accept^='image']", tmp_path / "gray.png")
    expect(page.locator(".said")).to_contain_text("Nobody is in the picture", timeout=READY)
    found = raised(page)
    assert found["left"] == pytest.approx(found["right"], abs=1e-6)
    assert found["right"] < -0.3
