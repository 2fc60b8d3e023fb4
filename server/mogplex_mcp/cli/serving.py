"""Commands that serve: MCP over stdio, MCP over Streamable HTTP, the demo, the simulator."""

import logging
import sys
from argparse import Namespace
from dataclasses import replace

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.redaction import NO_SECRET
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.startup.listener import take_over


async def stdio(settings: Settings, given: Namespace) -> int:
    """Serve one client until it closes stdin.

    Returns:
        0, or 2 if the command line is invalid, which every tool then says.
    """
    if sys.stdin.isatty():
        say(
            "mogplex-mcp is waiting for an MCP client on stdin; clients start it themselves. "
            "Try `mogplex-mcp demo` or `mogplex-mcp --help`; Ctrl-C exits."
        )
    from mogplex_mcp.api.transport import read_certificates_ahead  # noqa: PLC0415 - slow to import

    read_certificates_ahead(settings.base_url)
    from mogplex_mcp.core.shutdown import Shutdown  # noqa: PLC0415 - the same
    from mogplex_mcp.server.app import create_server  # noqa: PLC0415 - slow to import, and only this command needs it
    from mogplex_mcp.tenants.opening import check_store  # noqa: PLC0415 - the same
    from mogplex_mcp.transports.stdio.serving import serve_stdio  # noqa: PLC0415 - the same

    shutdown = Shutdown()
    try:
        check_store(settings)
    except SettingsError as error:
        settings = replace(settings.refusing(str(error)), database_url=NO_SECRET)
    try:
        server = create_server(settings, shutdown=shutdown)
    except SettingsError as error:
        settings = settings.refusing(f"The selection of tools is invalid: {error}")
        server = create_server(settings, shutdown=shutdown)
    for warning in settings.warnings:
        logging.getLogger(__name__).warning(warning)
    await serve_stdio(server, shutdown, take_over())
    return ExitCode.USAGE if given.problem else ExitCode.OK


async def http(settings: Settings, _: Namespace) -> int:
    """Serve MCP over Streamable HTTP."""
    for warning in settings.warnings:
        logging.getLogger(__name__).warning(warning)
    settings = replace(settings, unfilled=())  # callers have nothing to do with it
    from mogplex_mcp.transports.http.serving import serve_http  # noqa: PLC0415 - slow to import, and only this command needs it

    await serve_http(settings)
    return 0


async def demo(settings: Settings, _: Namespace) -> int:
    """Run the demo on a simulated Mogplex."""
    from mogplex_mcp.cli.demo import show_demo  # noqa: PLC0415 - slow to import, and only this command needs it

    await show_demo(settings)
    return 0


async def simulator(settings: Settings, given: Namespace) -> int:
    """Serve a simulated Mogplex API.

    Raises:
        SettingsError: There is no such mode.
    """
    from mogplex_mcp.simulator.modes import MODES  # noqa: PLC0415 - the same
    from mogplex_mcp.simulator.server import serve_simulator  # noqa: PLC0415 - the same

    unknown = [mode for mode in given.modes if mode not in MODES]
    if unknown:
        raise SettingsError(f"unknown mode {unknown[0]!r}; the modes are {', '.join(MODES)}")
    await serve_simulator(settings.host, settings.port, settings.demo_seconds, given.modes)
    return 0
