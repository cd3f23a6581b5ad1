"""The wire to Label Studio: its tokens, its refusals in words, deadlines; nothing is sent twice.

By plain HTTP, not by its SDK: that one repeats whatever fails, has no deadline on the renewal of a
token, and drops fields of an annotation (docs/decisions/0016).
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx

_RENEW_BEFORE = 30.0  # seconds before an access token ends
_LATER = frozenset({408, 425, 429})


class StudioDown(Exception):
    """Label Studio cannot be reached, or is not well: try again later."""


class StudioRefused(Exception):
    """Label Studio said no, and will say so again; the message holds its sentence."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class StudioToken(StudioRefused):
    """The token is wrong, has expired or was revoked."""


class Line:
    """To the Label Studio at ``url``, with a personal access token or a legacy one."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self.url = url.rstrip("/")
        # The environment may name a proxy, and a .netrc another person: neither is meant for this.
        self._client = httpx.Client(base_url=self.url, timeout=timeout, trust_env=False)
        self._token = _Token(token, self._send)
        self.personal = self._token.personal

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        """With our token; once more if that had just run out, for then nothing was done."""
        try:
            return self._send(method, path, headers=self._token.header(), **given)
        except StudioToken:
            if not self._token.renewable():
                raise
            return self._send(method, path, headers=self._token.header(), **given)

    def _send(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **given)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise StudioDown(f"Label Studio at {self.url} does not answer: {reason}.") from error
        except (httpx.InvalidURL, ValueError) as error:
            raise StudioRefused(f"{self.url}{path} is no usable address: {error}", 0) from error
        if answer.status_code in _LATER or answer.is_server_error:
            raise StudioDown(f"Label Studio answered {answer.status_code}: {_sentence(answer)}")
        if answer.is_success:
            return answer
        kind = StudioToken if answer.status_code == httpx.codes.UNAUTHORIZED else StudioRefused
        raise kind(f"Label Studio: {_sentence(answer)}", answer.status_code)


class _Token:
    """A legacy token is shown as it is; a personal one buys an access token for five minutes."""

    def __init__(self, text: str, send: Callable[..., httpx.Response]) -> None:
        self._text, self._send = text.strip(), send
        self.personal = self._text.startswith("eyJ") and "." in self._text  # JSON in base64
        self._access, self._until, self._fresh = "", 0.0, False
        self._lock = threading.Lock()

    def header(self) -> dict[str, str]:
        if not self._text:
            raise StudioToken("There is no token for Label Studio.", httpx.codes.UNAUTHORIZED)
        if not self.personal:
            return {"Authorization": f"Token {self._text}"}
        with self._lock:
            self._fresh = time.monotonic() >= self._until
            if self._fresh:
                self._renew()
            return {"Authorization": f"Bearer {self._access}"}

    def renewable(self) -> bool:
        """Whether the refused token was an old one; the next header brings a new one then."""
        with self._lock:
            if not self.personal or self._fresh:
                return False
            self._until = 0.0
            return True

    def _renew(self) -> None:
        if self._text.count(".") != 2:
            raise StudioToken(
                "The token is cut off: Label Studio shows a personal access token whole only once, "
                "when it is made. Make a new one.",
                httpx.codes.UNAUTHORIZED,
            )
        told = json_of(self._send("POST", "/api/token/refresh/", json={"refresh": self._text}))
        self._access = str(told["access"])
        self._until = time.monotonic() + _lifetime(self._access) - _RENEW_BEFORE


def _lifetime(access: str) -> float:
    """Seconds from issue to end, so that a clock that is wrong here changes nothing."""
    with suppress(ValueError, KeyError, IndexError):
        part = access.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return float(claims["exp"] - claims["iat"])
    return 0.0


def json_of(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise StudioRefused(
            f"What answers at {answer.url} is not Label Studio.", answer.status_code
        ) from None


def rows_of(told: Any) -> list[dict[str, Any]]:
    """A plain list, or a page of one."""
    return list(told["results"] if isinstance(told, dict) else told)


def _sentence(answer: httpx.Response) -> str:
    """What it says is wrong: of the fields first, for its own summary is only "Validation error"."""
    try:
        told = answer.json()
    except ValueError:
        return f"it answered {answer.status_code} to {answer.request.url.path}."
    wrong = isinstance(told, dict) and (told.get("validation_errors") or told.get("detail"))
    return "; ".join(_said(wrong or told))


def _said(told: Any) -> Iterator[str]:
    if isinstance(told, Mapping):
        for key, value in told.items():
            yield from (f"{key}: {one}" for one in _said(value))
    elif isinstance(told, list):
        for one in told:
            yield from _said(one)
    else:
        yield str(told)
