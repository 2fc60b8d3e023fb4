"""FastMCP's proxy in front of the hosted endpoint, as its documentation writes it."""

import os
import sys

from fastmcp.client.transports import StreamableHttpTransport  # type: ignore[import-not-found]  # installed for the benchmark only
from fastmcp.server import create_proxy  # type: ignore[import-not-found]  # installed for the benchmark only

hosted = StreamableHttpTransport(
    os.environ["BENCH_HOSTED"], headers={"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
)
proxy = create_proxy(hosted, name="Mogplex")

if __name__ == "__main__":
    if sys.argv[1:]:
        proxy.run("http", port=int(sys.argv[1]), show_banner=False)
    else:
        proxy.run(show_banner=False)
