"""Behaviour of MCP clients and frameworks as of November 2026.

Timeouts of programs without a window were measured on stdio with default settings; "reported" marks timeouts from
documentation or issue trackers. "?" marks what neither documentation nor a measurement shows. Update this table when
clients change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TEXT: Final = "text"
STRUCTURED: Final = "structured content (text of errors)"
BOTH: Final = "both"
UNKNOWN: Final = "?"


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of one client or framework.

    Attributes:
        limit: Timeout of a tool call.
        raise_it: How to raise the timeout.
        model_reads: The part of a result that its model reads.
        progress: Whether it requests progress, and what progress does.
        elicitation: Whether it supports elicitation.
        resources: Who reads the server's resources.
        name: Its `clientInfo.name`, if that decides how long `tail_run` waits.
    """

    limit: str
    raise_it: str
    model_reads: str
    progress: str
    elicitation: str
    resources: str
    name: str = ""


@dataclass(frozen=True)
class Framework:
    """A client library for MCP servers.

    Attributes:
        title: As its vendor writes it.
        example: The file in `examples/`.
        behaviour: Its behaviour.
    """

    title: str
    example: str
    behaviour: Behaviour


# By the name in `mogplex-mcp install`.
PROGRAMS: Final[Mapping[str, Behaviour]] = {
    "claude-desktop": Behaviour(
        "about 240 s (reported)", "not possible", TEXT, UNKNOWN, "no", "the user attaches them", "claude-ai"
    ),
    "claude-code": Behaviour(
        "none up to 305 s; calls over 2 minutes continue in the background",
        "`MCP_TOOL_TIMEOUT` (milliseconds)",
        STRUCTURED,
        "shown",
        "yes",
        "the user attaches them with @",
        "claude-code",
    ),
    "cursor": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "yes", "supported (documented)", "cursor-vscode"),
    "vscode": Behaviour(
        "5 minutes (reported)", UNKNOWN, BOTH, UNKNOWN, "yes", "the user attaches them", "Visual Studio Code"
    ),
    "vscode-insiders": Behaviour(
        "5 minutes (reported)", UNKNOWN, BOTH, UNKNOWN, "yes", "the user attaches them", "Visual Studio Code"
    ),
    "vscodium": Behaviour(
        "5 minutes (reported)", UNKNOWN, BOTH, UNKNOWN, "yes", "the user attaches them", "Visual Studio Code"
    ),
    "codex": Behaviour(
        "300 s; 60 and 120 s in earlier versions",
        "`tool_timeout_sec` of the entry",
        STRUCTURED,
        "requested; does not extend the limit",
        UNKNOWN,
        UNKNOWN,
        "codex-mcp-client",
    ),
    "gemini": Behaviour(
        "none up to 305 s",
        "`timeout` of the entry (milliseconds)",
        TEXT,
        "requested",
        "no",
        UNKNOWN,
        "gemini-cli-mcp-client",
    ),
    "windsurf": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "supported (documented)"),
    "devin": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "zed": Behaviour("60 s (reported)", UNKNOWN, UNKNOWN, UNKNOWN, "no", UNKNOWN),
    "opencode": Behaviour(
        "60 s without progress", "`timeout` of the entry (milliseconds)", TEXT, "extends the limit", UNKNOWN, UNKNOWN
    ),
    "copilot-cli": Behaviour("180 s without progress", UNKNOWN, BOTH, "extends the limit", UNKNOWN, UNKNOWN),
    "cline": Behaviour("60 s", "`timeout` of the entry (seconds)", BOTH, UNKNOWN, UNKNOWN, UNKNOWN),
    "junie": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "copilot-jetbrains": Behaviour(
        "30 s (reported)", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "GitHub Copilot for JetBrains"
    ),
    "goose": Behaviour(UNKNOWN, "`timeout` of the entry (seconds)", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "kiro": Behaviour(UNKNOWN, "`timeout` of the entry (milliseconds)", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "amp": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "continue": Behaviour("60 s", UNKNOWN, TEXT, "does not extend the limit", UNKNOWN, UNKNOWN),
    "qwen": Behaviour(
        "300 s without progress", "`timeout` of the entry (milliseconds)", BOTH, "extends the limit", UNKNOWN, UNKNOWN
    ),
    "lmstudio": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "kilo": Behaviour(UNKNOWN, "`timeout` of the entry (milliseconds)", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "antigravity": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}

# Programs without `mogplex-mcp install`, whose settings take an entry like that of Claude Desktop.
OTHER_PROGRAMS: Final[Mapping[str, Behaviour]] = {
    "JetBrains AI Assistant": Behaviour(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}

_CALLBACKS: Final = "by a callback"
_READS: Final = "the program reads them"

FRAMEWORKS: Final = (
    Framework(
        "OpenAI Agents SDK",
        "openai_agents.py",
        Behaviour(
            "**5 s**",
            "`client_session_timeout_seconds` of the server",
            f"{TEXT}; structured content with `use_structured_content`",
            "no",
            "no",
            _READS,
        ),
    ),
    Framework(
        "LangChain",
        "langchain_agent.py",
        Behaviour(
            "none up to 65 s; 300 s over HTTP",
            "`sse_read_timeout` of the connection",
            f"{TEXT}; structured content as the artifact",
            _CALLBACKS,
            _CALLBACKS,
            _READS,
        ),
    ),
    Framework(
        "Pydantic AI",
        "pydantic_ai_agent.py",
        Behaviour("none up to 65 s", "`read_timeout` of the toolset", STRUCTURED, _CALLBACKS, _CALLBACKS, _READS),
    ),
    Framework(
        "Google ADK",
        "google_adk_agent.py",
        Behaviour(
            "**5 s**",
            "`timeout` of the connection",
            BOTH,
            _CALLBACKS,
            _CALLBACKS,
            "its model, with `use_mcp_resources`",
            "google-adk",
        ),
    ),
    Framework(
        "LlamaIndex",
        "llama_index_agent.py",
        Behaviour("30 s", "`timeout` of the client", TEXT, _CALLBACKS, "no", "as tools, if configured"),
    ),
    Framework(
        "Deep Agents",
        "deepagents_agent.py",
        Behaviour(
            "none up to 65 s; 300 s over HTTP",
            "`sse_read_timeout` of the connection",
            f"{TEXT}; structured content as the artifact",
            _CALLBACKS,
            _CALLBACKS,
            _READS,
        ),
    ),
    Framework(
        "DSPy",
        "dspy_agent.py",
        Behaviour(
            "none up to 65 s",
            "`read_timeout_seconds` of the client",
            f'{TEXT}; structured content with `result_mode="structured"`',
            "no",
            _CALLBACKS,
            _READS,
        ),
    ),
    Framework(
        "mcp-agent",
        "mcp_agent_app.py",
        Behaviour(
            "none up to 65 s; 300 s over HTTP",
            "`read_timeout_seconds` of the server",
            TEXT,
            "no",
            f"{_CALLBACKS}; declined without one",
            _READS,
        ),
    ),
    Framework(
        "fast-agent",
        "fast_agent_app.py",
        Behaviour(
            "none up to 65 s", "`read_timeout_seconds` of the server", STRUCTURED, "shown", "in the terminal", _READS
        ),
    ),
    Framework(
        "Claude Agent SDK",
        "claude_agent.py",
        Behaviour(
            "none up to 65 s",
            "`MCP_TOOL_TIMEOUT` (milliseconds)",
            STRUCTURED,
            "requested",
            "by a hook",
            "its model, with the tools for that",
            "claude-code",
        ),
    ),
    Framework(
        "FastMCP client",
        "fastmcp_client.py",
        Behaviour("none up to 65 s", "`timeout` of the call", BOTH, _CALLBACKS, _CALLBACKS, _READS),
    ),
    Framework(
        "MCP Python SDK 2",
        "mcp_client.py",
        Behaviour("none up to 65 s", "`read_timeout_seconds` of the call", BOTH, _CALLBACKS, _CALLBACKS, _READS),
    ),
    Framework(
        "MCP Python SDK 1",
        "mcp_client_v1.py",
        Behaviour("none up to 65 s", "`read_timeout_seconds` of the call", BOTH, _CALLBACKS, _CALLBACKS, _READS),
    ),
    Framework(
        "MCP TypeScript SDK 2",
        "typescript-v2.mjs",
        Behaviour(
            "60 s", "`timeout` of the call (milliseconds)", BOTH, "extends the limit if configured", _CALLBACKS, _READS
        ),
    ),
    Framework(
        "MCP TypeScript SDK 1",
        "typescript-v1.mjs",
        Behaviour(
            "60 s",
            "`timeout` of the call (milliseconds)",
            BOTH,
            "extends the limit with `resetTimeoutOnProgress`",
            _CALLBACKS,
            _READS,
        ),
    ),
    Framework(
        "Vercel AI SDK",
        "vercel-ai-sdk.mjs",
        Behaviour("none up to 65 s", UNKNOWN, TEXT, "no", _CALLBACKS, _READS),
    ),
    Framework(
        "Genkit",
        "genkit-agent.mjs",
        Behaviour("60 s", "not possible", STRUCTURED, "no", "no", "as resources, with `getActiveResources`"),
    ),
)

# Frameworks without an example here.
OTHER_FRAMEWORKS: Final[Mapping[str, Behaviour]] = {
    "AutoGen": Behaviour("**5 s**, without a cancellation", UNKNOWN, TEXT, UNKNOWN, UNKNOWN, UNKNOWN),
    "Agno": Behaviour("10 s", UNKNOWN, TEXT, UNKNOWN, UNKNOWN, UNKNOWN),
    "Haystack": Behaviour("30 s", UNKNOWN, TEXT, UNKNOWN, UNKNOWN, UNKNOWN),
    "Mastra": Behaviour("60 s", UNKNOWN, STRUCTURED, "does not extend the limit", UNKNOWN, UNKNOWN),
    "OpenAI Agents SDK for JavaScript": Behaviour(
        "60 s", UNKNOWN, UNKNOWN, "does not extend the limit", UNKNOWN, UNKNOWN
    ),
    "LangChain for JavaScript": Behaviour("60 s", UNKNOWN, UNKNOWN, "does not extend the limit", UNKNOWN, UNKNOWN),
    "CrewAI": Behaviour("none up to 65 s", UNKNOWN, TEXT, UNKNOWN, UNKNOWN, UNKNOWN),
    "Microsoft Agent Framework": Behaviour("none up to 65 s", UNKNOWN, STRUCTURED, UNKNOWN, UNKNOWN, UNKNOWN),
    "Semantic Kernel": Behaviour("none up to 65 s", UNKNOWN, TEXT, UNKNOWN, UNKNOWN, UNKNOWN),
    "smolagents": Behaviour("none up to 65 s", UNKNOWN, STRUCTURED, UNKNOWN, UNKNOWN, UNKNOWN),
    "Strands Agents": Behaviour("none up to 65 s", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}
