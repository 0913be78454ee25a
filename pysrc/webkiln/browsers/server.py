"""A local server of static files, with the MIME types and headers that web pages with WASM need, and an exchange of blobs."""

from __future__ import annotations

import html
import secrets
import threading
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from webkiln.errors import BrowserError

MIME_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".map": "application/json; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".woff2": "font/woff2",
}
"""Media types by suffix; everything else, safetensors too, is `application/octet-stream`."""

ISOLATION_HEADERS: Mapping[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What a page needs to be cross-origin isolated, which shared memory (threads) asks for."""

LARGEST_UPLOAD = 2**31 - 1

_LOCAL_NAMES = {"127.0.0.1", "localhost", "[::1]"}


def contained(folder: Path, path: str) -> Path | None:
    """The file or folder at the URL path `path` under `folder`; None when it is not there or leads outside of it."""
    parts = [urllib.parse.unquote(part) for part in path.split("/") if part]
    if any(part in (".", "..") or "/" in part or "\\" in part or "\0" in part for part in parts):
        return None
    root = folder.resolve()
    try:
        found = root.joinpath(*parts).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # absent, unreadable, or a loop of links
        return None
    return found if found == root or root in found.parents else None


class LocalServer:
    """Serves folders on 127.0.0.1 from a thread of its own; a context manager.

    `folders` maps URL prefixes (`"/"`, `"/dist/"`) to folders; the longest prefix wins. Nothing outside a folder is ever
    served, symbolic links included. With `exchange`, everything lies behind a random token, `put` makes bytes
    fetchable, and what is sent by `POST` to the address from `reserve` is handed out by `take`. Raises `BrowserError`
    when the port is taken.
    """

    def __init__(
        self,
        folders: Mapping[str, Path] | None = None,
        *,
        port: int = 0,
        isolated: bool = True,
        exchange: bool = False,
        listing: bool = False,
    ) -> None:
        self.isolated = isolated
        self.listing = listing
        self.token = secrets.token_urlsafe(24) if exchange else ""
        self._lock = threading.Lock()
        self._folders: dict[str, Path] = dict(folders or {})
        self._blobs: dict[str, bytes] = {}
        self._expected: set[str] = set()
        self._counter = 0
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise BrowserError(f"the server could not listen on port {port}: {error}; try another with --port") from error
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="webkiln-server", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of `/`, with a slash at the end."""
        base = f"http://127.0.0.1:{self.port}/"
        return f"{base}{self.token}/" if self.token else base

    def mount(self, prefix: str, folder: Path) -> str:
        """Serve `folder` under `prefix`, as in `models/3/`; returns its address, with a slash at the end."""
        with self._lock:
            self._folders["/" + prefix.strip("/") + "/"] = folder
        return self.url + prefix.strip("/") + "/"

    def unmount(self, prefix: str) -> None:
        with self._lock:
            self._folders.pop("/" + prefix.strip("/") + "/", None)

    def put(self, data: bytes) -> str:
        """Make `data` fetchable; returns its address. `discard` forgets it."""
        name = self._name()
        with self._lock:
            self._blobs[name] = data
        return self.url + name

    def discard(self, url: str) -> None:
        """Forget what lies at an address from `put` or `reserve`."""
        name = url.removeprefix(self.url)
        with self._lock:
            self._blobs.pop(name, None)
            self._expected.discard(name)

    def reserve(self) -> str:
        """An address that takes one `POST`."""
        name = self._name()
        with self._lock:
            self._expected.add(name)
        return self.url + name

    def take(self, url: str) -> bytes:
        """What was sent to an address from `reserve`; raises `BrowserError` when nothing was."""
        name = url.removeprefix(self.url)
        with self._lock:
            self._expected.discard(name)
            data = self._blobs.pop(name, None)
        if data is None:
            raise BrowserError("the host said that it was done but sent no outputs")
        return data

    def wait(self) -> None:
        """Return when the user interrupts, with the server closed."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.5)
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Stop serving. Safe to call again."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What the handler asks.

    def authorised(self, path: str) -> str | None:
        """`path` without the token, or None when the token is wrong."""
        if not self.token:
            return path
        given, separator, rest = path.removeprefix("/").partition("/")
        ok = secrets.compare_digest(given.encode("utf-8", "replace"), self.token.encode())
        return "/" + rest if separator and ok else None

    def blob(self, path: str) -> bytes | None:
        with self._lock:
            return self._blobs.get(path.removeprefix("/"))

    def expects(self, path: str) -> bool:
        with self._lock:
            return path.removeprefix("/") in self._expected

    def receive(self, path: str, data: bytes) -> None:
        name = path.removeprefix("/")
        with self._lock:
            if name in self._expected:
                self._expected.discard(name)
                self._blobs[name] = data

    def locate(self, path: str) -> Path | None:
        with self._lock:
            prefixes = sorted((p for p in self._folders if path.startswith(p)), key=len, reverse=True)
            folder = self._folders[prefixes[0]] if prefixes else None
        return contained(folder, path[len(prefixes[0]) :]) if folder else None

    def _name(self) -> str:
        with self._lock:
            self._counter += 1
            return f"blob/{self._counter}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: LocalServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "webkiln"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_POST(self) -> None:
        path = self._path()
        if path is None:
            return
        owner = self.server.owner
        if not owner.expects(path):
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
            return
        if not 0 <= length <= LARGEST_UPLOAD:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        data = self.rfile.read(length)
        if len(data) != length:
            self.close_connection = True
            return
        owner.receive(path, data)
        self._send(HTTPStatus.NO_CONTENT, b"", "text/plain", body=False)

    def _answer(self, body: bool) -> None:
        path = self._path()
        if path is None:
            return
        owner = self.server.owner
        data = owner.blob(path)
        if data is not None:
            self._send(HTTPStatus.OK, data, "application/octet-stream", body)
            return
        found = owner.locate(path)
        if found is not None and found.is_dir():
            if not path.endswith("/"):
                # The token is part of the address that the browser sees.
                self._redirect(urllib.parse.urlsplit(self.path).path + "/")
                return
            index = owner.locate(path + "index.html")
            if index is None and owner.listing:
                self._send(HTTPStatus.OK, _listing(found, path), MIME_TYPES[".html"], body)
                return
            found = index
        if found is None or not found.is_file():
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            data = found.read_bytes()
        except OSError:
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        self._send(HTTPStatus.OK, data, MIME_TYPES.get(found.suffix.lower(), "application/octet-stream"), body)

    def _path(self) -> str | None:
        """The path asked for, without the token; None, with the refusal sent, when the request is not for this server."""
        # A page of another site may resolve its own name to 127.0.0.1 and read what is served here; its Host gives it away.
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in _LOCAL_NAMES:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        path = self.server.owner.authorised(urllib.parse.urlsplit(self.path).path)
        if path is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        return path

    def _send(self, status: HTTPStatus, data: bytes, mime: str, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", mime)
        self.send_header("Content-Length", str(len(data)))
        self._common_headers()
        self.end_headers()
        if body:
            self.wfile.write(data)

    def _redirect(self, where: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self._common_headers()
        self.end_headers()

    def _refuse(self, status: HTTPStatus) -> None:
        # The body of a refused upload is still on the line: the connection can't be used again.
        self.close_connection = True
        text = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", MIME_TYPES[".txt"])
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self._common_headers()
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _common_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.server.owner.isolated:
            for name, value in ISOLATION_HEADERS.items():
                self.send_header(name, value)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: a request is nothing to report."""


def _listing(folder: Path, path: str) -> bytes:
    rows = []
    for entry in sorted(folder.iterdir(), key=lambda item: (not item.is_dir(), item.name)):
        if entry.name.startswith("."):
            continue
        name = entry.name + ("/" if entry.is_dir() else "")
        rows.append(f'<li><a href="./{html.escape(urllib.parse.quote(name))}">{html.escape(name)}</a></li>')
    title = html.escape(urllib.parse.unquote(path))
    page = f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{"".join(rows)}</ul>'
    return page.encode("utf-8", "replace")
