"""The floor: a trivial Falcon application, for gunicorn's own worker for ASGI."""

from __future__ import annotations

import falcon
import falcon.asgi
from falcon.asgi import Request, Response

_ANSWER = b'{"access_token":"none"}'


class Tokens:
    """Reads the request's body, as whoever answers a POST must, and answers a constant."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Any body will do."""
        await req.stream.read()
        resp.content_type = falcon.MEDIA_JSON
        resp.data = _ANSWER

    async def on_get(self, req: Request, resp: Response) -> None:
        """Whether it is up."""
        await self.on_post(req, resp)


application: falcon.asgi.App[Request, Response] = falcon.asgi.App()
application.add_route("/v1/tokens", Tokens())
application.add_route("/health/startup", Tokens())
