"""The pages are current where they are generated; their links lead somewhere, and their commands exist."""

import re
import shlex
from pathlib import Path

import pytest
from benchmarks.polling import RESULTS as POLLING
from benchmarks.polling import Row
from docs.generate import DOCS, PAGE, PICTURE, RESULTS, ROOT, page, parts, with_parts
from docs.result_types import types
from pydantic import TypeAdapter

from docs import architecture_page, demo_picture
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.runs.polling import poll_interval
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.test_architecture import ARROWS

OTHERS = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")
PAGES = [*(ROOT / name for name in OTHERS), *sorted(DOCS.glob("*.md"))]
HINT = "run: python -m docs.generate"
# Words of a command line that stand for something of the reader.
PLACEHOLDERS = {"NAME": "cursor"}
SHOWN = re.compile(r"^\s*(?:[A-Z_]+=\S+ )*(?:uvx )?mogplex-mcp( .*)$|`(?:uvx )?mogplex-mcp( [^`]*)`", re.MULTILINE)


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page, as GitHub makes them from its headings, and those that are written out."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def test_generated_pages_are_current() -> None:
    assert text_of(PAGE) == page(), HINT
    assert text_of(RESULTS) == types(), HINT


@pytest.mark.parametrize("path", parts(), ids=by_name)
def test_generated_parts_are_current(path: Path) -> None:
    assert text_of(path) == with_parts(path), HINT


def test_picture_shows_what_the_demo_prints() -> None:
    stored, made = text_of(PICTURE), demo_picture.picture()
    assert demo_picture.words(stored) == demo_picture.words(made), HINT
    assert not re.search(r"url\((?!#)|href=|@import", stored), "it loads something"
    assert made == demo_picture.picture()


def test_drawing_has_only_arrows_that_are_allowed() -> None:
    found = architecture_page.rooms()
    arrows = re.findall(r"^    (\w+) --> (\w+)$", architecture_page.drawing(), re.MULTILINE)
    assert {room for arrow in arrows for room in arrow} == set(found)
    for room, below in arrows:
        assert room == "cli" or below in ARROWS[room]


def test_drawing_leaves_out_arrows_that_follow_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"a": frozenset({"b", "c"}), "b": frozenset({"c"}), "c": frozenset[str]()}
    monkeypatch.setattr(architecture_page, "rooms", lambda: found)
    assert architecture_page.drawing() == "```mermaid\nflowchart TD\n    a --> b\n    b --> c\n```"


@pytest.mark.parametrize("path", PAGES, ids=by_name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)|src(?:set)?=\"([^\"]+)\"", text_of(path))
    for link in (one or other for one, other in links):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(text_of(target)), link


@pytest.mark.parametrize("path", PAGES, ids=by_name)
def test_shown_commands_parse(path: Path) -> None:
    for block, inline in SHOWN.findall(text_of(path)):
        words = shlex.split((block or inline).partition("|")[0], comments=True)
        words = [PLACEHOLDERS.get(word, word) for word in words]
        if words and not {"--help", "--version"} & set(words):
            build_parser().parse_args(words)


def test_contents_have_every_page() -> None:
    contents = text_of(DOCS / "README.md")
    for path in DOCS.glob("*.md"):
        assert path.name == "README.md" or f"]({path.name})" in contents


def test_pages_begin_with_a_heading_and_a_paragraph() -> None:
    for path in DOCS.glob("*.md"):
        title, blank, first = text_of(path).splitlines()[:3]
        assert title.startswith("# "), path
        assert not blank, path
        assert first, path
        assert not first.startswith("Generated"), path


@pytest.mark.parametrize("path", [ROOT / "README.md", DOCS / "architecture.md"], ids=by_name)
def test_requests_of_a_run_are_those_that_were_measured(path: Path) -> None:
    rows = TypeAdapter(list[Row]).validate_json(POLLING.read_bytes())
    (ours,) = (row for row in rows if row.minutes == 10 and not row.fixed)
    assert f"{ours.requests:.0f} requests" in text_of(path)


def test_architecture_has_the_intervals_of_polls() -> None:
    first, then, later = (f"{poll_interval(age, 0.5):g}" for age in (0, 59, 61))
    text = " ".join(text_of(DOCS / "architecture.md").split())
    assert f"every {first} seconds at first, every {then} until the first minute is over, then every {later}" in text


def test_troubleshooting_has_every_error() -> None:
    text = text_of(DOCS / "troubleshooting.md")
    assert not [code for code in ErrorCode if f"Code `{code}`" not in text]


def test_settings_have_every_option() -> None:
    text = text_of(DOCS / "settings.md")
    assert not [name for option in OPTIONS for name in option.environment if f"`{name}`" not in text]


def test_reference_has_every_tool_resource_and_prompt() -> None:
    text = page()
    for toolset in TOOLSETS:
        for tool in toolset.tools:
            assert f"### {tool.name}\n" in text
            assert all(f"| `{argument}` |" in text for argument in tool.arguments.model_fields)
    assert "mogplex://runs/{run_id}" in text
    assert "`delegate_task`" in text
