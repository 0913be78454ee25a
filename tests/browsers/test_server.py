"""The local server: what it serves, what it refuses."""

import http.client
from pathlib import Path

import pytest
from webkiln.browsers.server import LocalServer, contained
from webkiln.errors import BrowserError


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    (root / "sub").mkdir(parents=True)
    (root / "index.html").write_text("<p>hello")
    (root / "a.wasm").write_bytes(b"\0asm")
    (root / "a.mjs").write_text("export {}")
    (root / "model.json").write_text("{}")
    (root / "w.safetensors").write_bytes(b"12345678")
    (root / "sub" / "na me <b>.txt").write_text("x")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "inner.txt").symlink_to(root / "model.json")
    return root


def ask(server: LocalServer, path: str, method: str = "GET", body: bytes | None = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response, data


@pytest.mark.parametrize(
    ("path", "mime"),
    [
        ("/", "text/html"),
        ("/a.wasm", "application/wasm"),
        ("/a.mjs", "text/javascript"),
        ("/model.json", "application/json"),
        ("/w.safetensors", "application/octet-stream"),
    ],
)
def test_mime_types(site: Path, path: str, mime: str) -> None:
    with LocalServer({"/": site}) as server:
        response, data = ask(server, path)
        assert response.status == 200
        assert response.headers["Content-Type"].startswith(mime)
        assert data == (site / (path[1:] or "index.html")).read_bytes()
        head, empty = ask(server, path, "HEAD")
        assert (head.status, empty) == (200, b"")
        assert head.headers["Content-Length"] == str(len(data))


@pytest.mark.parametrize("isolated", [True, False])
def test_isolation_headers(site: Path, isolated: bool) -> None:
    with LocalServer({"/": site}, isolated=isolated) as server:
        for path in ("/", "/none"):
            headers = ask(server, path)[0].headers
            assert headers.get("Cross-Origin-Opener-Policy") == ("same-origin" if isolated else None)
            assert headers.get("Cross-Origin-Embedder-Policy") == ("require-corp" if isolated else None)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/../../secret.txt",
        "/..%2fsecret.txt",
        "/sub/..%5c..%5csecret.txt",
        "/link.txt",
        "/%00",
        "/absent",
        "//etc/passwd",
        "/sub/",
    ],
)
def test_nothing_outside_is_served(site: Path, path: str) -> None:
    with LocalServer({"/": site}) as server:
        response, data = ask(server, path)
        assert response.status == 404
        assert b"secret" not in data


def test_links_inside_are_served(site: Path) -> None:
    assert contained(site, "inner.txt") == (site / "model.json").resolve()


def test_listing_escapes_names(site: Path) -> None:
    with LocalServer({"/": site}, listing=True) as server:
        response, data = ask(server, "/sub/")
        assert response.status == 200
        assert b"na me &lt;b&gt;.txt" in data
        assert b"<b>" not in data
        assert ask(server, "/sub/na%20me%20%3Cb%3E.txt")[1] == b"x"


def test_folder_without_slash_is_redirected(site: Path) -> None:
    (site / "sub" / "index.html").write_text("sub")
    with LocalServer({"/": site}, exchange=True) as server:
        base = server.url.removeprefix(f"http://127.0.0.1:{server.port}")
        response, _ = ask(server, base + "sub")
        assert (response.status, response.headers["Location"]) == (301, base + "sub/")


def test_other_hosts_are_refused(site: Path) -> None:
    with LocalServer({"/": site}) as server:
        assert ask(server, "/", Host=f"evil.example:{server.port}")[0].status == 421
        assert ask(server, "/", Host=f"localhost:{server.port}")[0].status == 200


def test_exchange(site: Path) -> None:
    with LocalServer({"/": site}, exchange=True) as server:
        base = server.url.removeprefix(f"http://127.0.0.1:{server.port}")
        assert len(server.token) >= 24
        assert ask(server, "/index.html")[0].status == 404
        assert ask(server, "/wrong/index.html")[0].status == 404
        assert ask(server, base + "index.html")[0].status == 200

        given = server.put(b"inputs").removeprefix(f"http://127.0.0.1:{server.port}")
        assert ask(server, given)[1] == b"inputs"
        server.discard(server.url + given.removeprefix(base))
        assert ask(server, given)[0].status == 404

        wanted = server.reserve()
        path = wanted.removeprefix(f"http://127.0.0.1:{server.port}")
        assert ask(server, path.replace(server.token, "x" * len(server.token)), "POST", b"no")[0].status == 404
        assert ask(server, base + "elsewhere", "POST", b"no")[0].status == 404
        with pytest.raises(BrowserError, match="no outputs"):
            server.take(server.reserve())
        assert ask(server, path, "POST", b"outputs")[0].status == 204
        assert ask(server, path, "POST", b"again")[0].status == 404
        assert server.take(wanted) == b"outputs"


def test_upload_needs_a_length(site: Path) -> None:
    with LocalServer({"/": site}, exchange=True) as server:
        path = server.reserve().removeprefix(f"http://127.0.0.1:{server.port}")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", str(2**40))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_taken_port(site: Path) -> None:
    with LocalServer({"/": site}) as server, pytest.raises(BrowserError, match=f"port {server.port}.*--port"):
        LocalServer({"/": site}, port=server.port)


def test_mounts(site: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("other")
    with LocalServer({"/": site}) as server:
        url = server.mount("models/1", other)
        assert ask(server, "/models/1/index.html")[1] == b"other"
        assert url == server.url + "models/1/"
        server.unmount("models/1")
        assert ask(server, "/models/1/index.html")[0].status == 404
