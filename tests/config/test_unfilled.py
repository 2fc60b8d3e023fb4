"""What hosts leave in values: placeholders that they did not fill in, and quotes."""

import pytest

from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.config.settings import Settings

TOKEN = "mog_TestTokenTestTokenTestTokenTest0"
PLACEHOLDERS = [
    "${user_config.read_only}",
    "${input:mogplex}",
    "${MOGPLEX_TOKEN:-}",
    "{{x}}",
    "${{ secrets.MOGPLEX }}",
    "{env:MOGPLEX_TOKEN}",
    "%VAR%",
    "$VAR",
    "$env:VAR",
    "$(VAR)",
    "<your token>",
    "<YOUR_TOKEN>",
    "mog_YOUR_TOKEN",
    "mog_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "mog_…",
    "your-token-here",
    "YOUR_TOKEN_HERE",
    "<TOKEN>",
    "%{TOKEN}",
    "%(token)s",
    "@TOKEN@",
    "!TOKEN!",
    "$${TOKEN}",
    "mog_${TOKEN}",
    "mog_<token>",
    "{% token %}",
    "REPLACE_ME",
    "replace-with-your-token",
    "CHANGEME",
    "PASTE_YOUR_TOKEN_HERE",
    "TODO",
    "xxxxxxxx",
    "op://vault/mogplex/token",
    ' "${x}" ',
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.setting)
def test_settings_take_a_placeholder_as_not_set_and_name_it(option: Option, text: str) -> None:
    variable = option.environment[0]
    settings = Settings.load({variable: text})
    assert getattr(settings, option.setting) == getattr(Settings(), option.setting)
    assert settings.unfilled == (variable,)
    assert settings.warnings == (f"{variable} contains a placeholder that was not filled in: it counts as not set.",)


def test_settings_skip_a_placeholder_for_the_next_name() -> None:
    settings = Settings.load({"MOGPLEX_API_KEY": "${token}", "MOGPLEX_TOKEN": TOKEN})
    assert settings.api_key.value == TOKEN
    settings = Settings.load({"MOGPLEX_MCP_TOOLSETS": "runs"}, {"toolsets": "${user_config.toolsets}"})
    assert (settings.toolsets, settings.unfilled) == (("runs",), ("--toolsets",))


@pytest.mark.parametrize("quoted", ['"{}"', "'{}'", ' "{}" ', "\"'{}'\"", "“{}”"])
def test_settings_take_off_the_quotes_of_an_env_file(quoted: str) -> None:
    settings = Settings.load(
        {
            "MOGPLEX_API_KEY": quoted.format(TOKEN),
            "MOGPLEX_MCP_READ_ONLY": quoted.format("true"),
            "MOGPLEX_URL": quoted.format("https://mogplex.example"),
            "MOGPLEX_MCP_MAX_WAIT": quoted.format(""),
            "MOGPLEX_MCP_TOOLSETS": quoted.format("runs, repos"),
        }
    )
    assert settings.api_key.value == TOKEN
    assert settings.read_only
    assert settings.base_url.startswith("https://mogplex.example/")
    assert settings.max_wait is None
    assert settings.toolsets == ("runs", "repos")


@pytest.mark.parametrize("text", ["acme/web", "enterprise-key", "P@ss$word", "hunter2", "$ecret", "[::1]"])
def test_settings_take_other_values_as_they_are(text: str) -> None:
    settings = Settings.load({"MOGPLEX_MCP_CLIENT_KEY": text, "MOGPLEX_MCP_HOST": text})
    assert (settings.client_key.value, settings.host, settings.unfilled) == (text, text, ())


@pytest.mark.parametrize(
    ("variable", "text", "is_refused"),
    [
        ("MOGPLEX_MCP_READ_ONLY", "maybe", True),
        ("MOGPLEX_MCP_REMEMBER_PROMPTS", "maybe", True),
        ("MOGPLEX_MCP_DEMO", "si", True),
        ("MOGPLEX_URL", "https://mogplex.com/wrong/path", True),
        ("MOGPLEX_API_KEY_FILE", "~no-such-user/token", True),
        ("MOGPLEX_MCP_MAX_WAIT", "soon", False),
        ("MOGPLEX_MCP_LOG_LEVEL", "loud", False),
        ("MOGPLEX_MCP_ALLOW_DESTRUCTIVE", "perhaps", False),
    ],
)
def test_lenient_settings_keep_what_is_invalid_and_refuse_what_may_narrow(
    variable: str, text: str, is_refused: bool
) -> None:
    settings = Settings.load({variable: text}, lenient=True)
    (reason,) = settings.refusals if is_refused else settings.notes
    assert reason.startswith(f"{variable} is invalid: ")
    assert not (settings.notes if is_refused else settings.refusals)


def test_lenient_settings_show_no_secret_and_no_endless_value() -> None:
    settings = Settings.load({"MOGPLEX_MCP_READ_ONLY": TOKEN + "x" * 10_000}, lenient=True)
    (reason,) = settings.refusals
    assert TOKEN not in reason
    assert len(reason) < 400
