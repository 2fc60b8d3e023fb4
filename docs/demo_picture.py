"""Record `mogplex-mcp demo` as a picture: real calls and replies, on virtual time, so that it is always the same."""

import html
import io
import re
from typing import Final

import anyio
import mcp_types
from mcp import Client
from rich.console import Console
from rich.terminal_theme import MONOKAI
from tests.virtual_time import VirtualTimeLoop, virtual_now

from mogplex_mcp.cli.demo import MIN_SECONDS, play
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator

_COLUMNS: Final = 92
_TITLE: Final = "mogplex-mcp demo"
# Ids are random; in the picture they are always these.
_IDS: Final = (
    (re.compile(r"\b[0-9a-f]{8}…(?!,)"), "8f3a2b1c…"),
    (re.compile(r"external/[0-9a-f]{8}-[0-9a-f]{8}"), "external/8f3a2b1c-1d9e5f70"),
)
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_TEXT: Final = re.compile(r"<text [^>]*>(.*?)</text>", re.DOTALL)


def picture() -> str:
    """Return the recording as SVG, which loads nothing: its reader's own monospaced font is used."""
    console = anyio.run(_recorded, backend_options={"loop_factory": VirtualTimeLoop})
    svg = _FONTS.sub("", console.export_svg(title=_TITLE, theme=MONOKAI, unique_id="demo"))
    for pattern, shown in _IDS:
        svg = pattern.sub(shown, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def words(svg: str) -> list[str]:
    """Return the lines of text of a picture; how they are drawn depends on the release of rich."""
    return [html.unescape(text).strip() for text in _TEXT.findall(svg)]


async def _recorded() -> Console:
    console = Console(
        record=True, file=io.StringIO(), width=_COLUMNS, color_system="truecolor", highlight=False, legacy_windows=False
    )
    settings = Settings.load({"MOGPLEX_API_KEY": DEMO_TOKEN})
    simulator = Simulator(now=virtual_now, run_seconds=MIN_SECONDS)
    # As in the demo: threads, with which it shares its world between processes, don't wait for virtual time.
    simulator.world.default_script = "with_tools"
    server = create_server(settings, transport=simulator.transport(), now=virtual_now)
    async with Client(server, client_info=mcp_types.Implementation(name="mogplex-mcp-demo", version="1")) as client:
        pull_request = await play(client, console)
    console.print(f"[bold green]Done.[/] The pull request: {pull_request}")
    return console
