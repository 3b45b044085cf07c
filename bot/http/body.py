"""A request's body, read no further than it may be long."""

from starlette.requests import Request


async def read_body(request: Request, *, most_bytes: int) -> bytes | None:
    """Return the body, None when it is longer. Raises ClientDisconnect."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            return None
    return bytes(body)
