"""What a session asks of a host: a Node process or a browser page that runs `js/session.js`."""

from __future__ import annotations

from typing import Any, Protocol

from webkiln import errors
from webkiln.errors import BrowserError, WebkilnError

LAUNCH_TIMEOUT = 90.0
"""Seconds that a browser may take to start and to load the session page."""


class Host(Protocol):
    """One running host. `description` says what it is, as in `Chromium 156.0`."""

    description: str

    def call(self, method: str, arguments: dict[str, Any], timeout: float) -> Any:
        """Call a method of the session object; returns its JSON result.

        Raises the exception that the host reports, or `BrowserError` when it doesn't answer within `timeout` seconds.
        """

    def close(self) -> None:
        """End every process of the host. Safe to call again."""


def result_of(answer: Any, description: str) -> Any:
    """The result in a host's answer, `{"result": …}`; raises what `{"error": {"kind", "message"}}` says."""
    if not isinstance(answer, dict):
        raise BrowserError(f"{description} gave an answer that is not an object: {answer!r}")
    if "error" in answer:
        raise exception_of(answer["error"], description)
    return answer.get("result")


def exception_of(error: Any, description: str) -> WebkilnError:
    """The Python exception of the same name as the host's; `BrowserError` for what isn't one of ours."""
    kind = str(error.get("kind", "Error")) if isinstance(error, dict) else "Error"
    message = str(error.get("message", "")) if isinstance(error, dict) else str(error)
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, WebkilnError):
        # Past the constructor, which for some kinds wants the parts from which the message was made.
        exception = found.__new__(found)
        exception.args = (message,)
        return exception
    return BrowserError(f"{description}: {kind}: {message}")


def timed_out(description: str, method: str, timeout: float) -> BrowserError:
    return BrowserError(
        f"{description} did not answer {method!r} within {timeout:g} s; the page may hang, or the model may need a longer "
        "timeout (Session(timeout=…))"
    )
