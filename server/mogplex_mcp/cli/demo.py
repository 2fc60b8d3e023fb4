"""`mogplex-mcp demo`: a run from start to pull request, with a real MCP server and a real MCP client over stdio."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import mcp_types
from mcp import Client, StdioServerParameters
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mogplex_mcp.cli.terminal.output import PipeConsole
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation.launch import PROGRAM, typed_again
from mogplex_mcp.reply.untrusted import SHORT_WARNING, WARNING

TASK: Final = "Fix the flaky test in the checkout flow."
REPO: Final = "acme/web"
MIN_SECONDS: Final = 5.0
NEXT_COMMANDS: Final = (
    ("runs list --demo", "the run is still there"),
    ("login", "sign in to your own Mogplex"),
    ("install", "add this server to your MCP clients"),
)

_ID: Final = re.compile(r"\b([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_MARK: Final = re.compile(r"^(<<<untrusted \w+|untrusted \w+>>>)\n?", re.MULTILINE)
_PHASES: Final = ("queued", "preparing", "working", "delivering", "done")


async def show_demo(settings: Settings) -> None:
    """List repositories, start a run, follow it to its pull request, and print each call and reply.

    Args:
        settings: `demo_seconds` is the duration of the simulated run, unless it is the default: this one is shorter.

    Raises:
        RuntimeError: A tool call failed, or the run ended without a pull request.
    """
    console = PipeConsole(highlight=False)
    chosen = settings.demo_seconds != Settings.demo_seconds
    seconds = max(MIN_SECONDS, settings.demo_seconds) if chosen else MIN_SECONDS
    arguments = ["-m", "mogplex_mcp", "--demo", "--demo-seconds", f"{seconds:g}"]
    if settings.state_file is not None:
        arguments += ["--state-file", str(settings.state_file)]  # the next commands have to find the run
    server = StdioServerParameters(command=sys.executable, args=arguments)
    console.print(f"[bold]Starting[/] an MCP server: [cyan]mogplex-mcp --demo --demo-seconds {seconds:g}[/]")
    async with Client(server, client_info=mcp_types.Implementation(name="mogplex-mcp-demo", version="1")) as client:
        pull_request = await play(client, console)
    console.print(f"[bold green]Done.[/] The pull request: {pull_request}")
    print_next_commands(console)


def print_next_commands(console: Console) -> None:
    """Print what to do after a demo, with the program named as the reader named it."""
    program = typed_again(sys.argv[0], Path(sys.prefix), on_path=shutil.which(PROGRAM) is not None)
    console.print("All of this was simulated. What to do next:")
    width = max(len(command) for command, _ in NEXT_COMMANDS)
    for command, purpose in NEXT_COMMANDS:
        console.print(f"  [cyan]{escape(program)} {command:{width}}[/]  {purpose}", soft_wrap=True)


async def play(client: Client, console: Console) -> str:
    """Make the calls of the demo, print them, and return the URL of the pull request.

    Args:
        client: Connected to a server with a simulated Mogplex.
        console: Where calls and replies are printed.

    Raises:
        RuntimeError: A tool call failed, or the run ended without a pull request.
    """
    tools = await client.list_tools()
    console.print(f"[bold]Its {len(tools.tools)} tools:[/] {', '.join(tool.name for tool in tools.tools)}\n")
    calls = _ToolCalls(client, console)
    await calls.call("list_repos", {"query": "web"})
    # Without force_new, a second demo within ten minutes would find the run of the first.
    started = await calls.call("start_run", {"repo": REPO, "prompt": TASK, "force_new": True})
    return await calls.follow(started["run_id"])


def _folded(text: str) -> str:
    """Shorten ids, and leave out the marks around untrusted text, which a model needs and a person does not."""
    return _ID.sub(r"\1…", _MARK.sub("", text.replace(f"{WARNING}\n", "").replace(f"{SHORT_WARNING}\n", ""))).rstrip(
        "\n"
    )


class _ToolCalls:
    """Calls tools and prints calls and replies."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._print_call(tool, arguments)
        return self._print_reply(await self._client.call_tool(tool, arguments))

    async def follow(self, run_id: str) -> str:
        """Call tail_run until the run has ended, and return the URL of its pull request."""
        cursor, pull_request = "", ""
        while True:
            arguments = {"run_id": run_id} | ({"cursor": cursor} if cursor else {})
            self._print_call("tail_run", arguments)
            with self._bar() as bar:
                task = bar.add_task("waiting", total=len(_PHASES) - 1)

                async def show(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the signature of the callback
                    phase = (message or "").partition(":")[0]
                    done = _PHASES.index(phase) if phase in _PHASES else None
                    bar.update(task, completed=done, description=escape(message or ""))  # noqa: B023 - called during this iteration only

                result = await self._client.call_tool("tail_run", arguments, progress_callback=show)
            news = self._print_reply(result)
            pull_request = news.get("pull_request", pull_request)
            cursor = news.get("cursor", "")
            if not cursor:
                break
        if not pull_request:
            raise RuntimeError("the simulated run ended without a pull request")
        return str(pull_request)

    def _print_call(self, tool: str, arguments: dict[str, Any]) -> None:
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items() if name != "cursor")
        self._console.print(f"[bold cyan]→ {tool}[/]({escape(_folded(shown))})")

    def _print_reply(self, result: mcp_types.CallToolResult) -> dict[str, Any]:
        text = "\n".join(block.text for block in result.content if isinstance(block, mcp_types.TextContent))
        self._console.print(Panel(escape(_folded(text)), border_style="red" if result.is_error else "dim"))
        if result.is_error or not isinstance(result.structured_content, dict):
            raise RuntimeError("the tool call failed")
        return result.structured_content

    def _bar(self) -> Progress:
        return Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            transient=not self._console.is_terminal,
        )
