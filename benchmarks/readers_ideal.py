"""The ideal of ``benchmarks.readers``: a bare Starlette route that answers constant bytes.

It reads the bytes from its standard input, prints its port, and serves until it is ended. It looks
at no key, asks no database and writes no log: what is left is the server's own cost.
"""

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def main() -> None:
    body = sys.stdin.buffer.read()

    async def answer(_: Request) -> Response:
        return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"ideal: 127.0.0.1:{listener.getsockname()[1]},", flush=True)
    app = Starlette(routes=[Route("/requests/{request_id}", answer)])
    config = uvicorn.Config(app, lifespan="off", ws="none", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
