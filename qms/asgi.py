"""One port for uvicorn: live pages as coroutines, all other pages as Django in threads.

Django's views are synchronous. In threads, each with its own lasting connection, they serve five
times the requests that Django's own ASGI handler does, and never exhaust the database.
"""

from typing import Any, cast

from a2wsgi import WSGIMiddleware

from qms.wsgi import application as django

# isort: split
# Django is set up now.
from qms.web.bodies import in_larger_pieces
from qms.web.live import BOARD
from qms.web.protocol import App, Receive, Scope, Send

LIVE: dict[str, App] = {"/live/line": BOARD}  # address beneath /live/ to its coroutine

# Both sides type the same protocol in words of their own.
_in_threads = cast(App, WSGIMiddleware(cast(Any, django), workers=16))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await LIVE.get(scope["path"], _in_threads)(scope, in_larger_pieces(receive), send)
