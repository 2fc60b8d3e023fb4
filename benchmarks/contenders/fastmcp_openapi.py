"""FastMCP's server from an OpenAPI document of the same routes, as its documentation writes it."""

import json
import os
import sys
from pathlib import Path

import httpx2
from fastmcp import FastMCP  # type: ignore[import-not-found]  # installed for the benchmark only

client = httpx2.AsyncClient(
    base_url=os.environ["BENCH_API"], headers={"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
)
server = FastMCP.from_openapi(
    json.loads((Path(__file__).parent / "openapi.json").read_text()), client=client, name="Mogplex"
)

if __name__ == "__main__":
    if sys.argv[1:]:
        server.run("http", port=int(sys.argv[1]), show_banner=False)
    else:
        server.run(show_banner=False)
