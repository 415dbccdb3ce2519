"""The least that Python's event loop can do: a constant for whatever comes, nothing parsed.

``python -m bench.limit SOCKET``
"""

from __future__ import annotations

import asyncio
import sys

_BODY = b'{"access_token":"none"}'
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class Constant(asyncio.Protocol):
    """Answers each piece that comes, as if it were a request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(_ANSWER)


async def serve(path: str) -> None:
    """Until killed."""
    server = await asyncio.get_running_loop().create_unix_server(Constant, path, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
