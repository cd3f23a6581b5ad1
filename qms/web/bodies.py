"""What is sent to us, handed over in larger pieces: each one costs a change of threads."""

from typing import Any

from qms.web.protocol import Receive

PIECE = 2**20  # bytes; the server hands over 64 KB at a time


def in_larger_pieces(receive: Receive) -> Receive:
    """Nothing is waited for that was not asked for, and no more than two pieces are held."""

    async def joined() -> Any:
        message = await receive()
        if not message.get("more_body"):
            return message
        body = bytearray(message.get("body", b""))
        while message.get("more_body") and len(body) < PIECE:
            message = await receive()
            if message["type"] != "http.request":  # whoever sent it has gone
                return message
            body += message.get("body", b"")
        return {**message, "body": bytes(body)}

    return joined
