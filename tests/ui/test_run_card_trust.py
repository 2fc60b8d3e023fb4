"""What others wrote, in the run card: shown as text, never run, never loaded."""

import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import FrameLocator, expect

from mogplex_mcp.simulator import RunScript, Step
from mogplex_mcp.ui.run_card import DATA
from tests.ui.browser import RUN_SECONDS, Host, Mogplex
from tests.ui.test_run_card import RUN_ID

CORPUS: Final[list[str]] = [
    one["text"] for one in json.loads((Path(__file__).parents[1] / "data/injections.json").read_text("utf-8"))
]
MARKUP: Final = [
    '<img src=x onerror="window.hacked = 1">',
    "<script>window.hacked = 1</script>",
    "</li></ol><iframe srcdoc='<script>parent.hacked = 1</script>'></iframe>",
    "<svg/onload=window.hacked=1>",
    '<a href="javascript:window.hacked = 1">click</a>',
    "<style>* { display: none }</style><base href=https://evil.example/><meta http-equiv=refresh content=0>",
    "{{constructor.constructor('window.hacked = 1')()}} ${window.hacked = 1}",
    "<link rel=stylesheet href=https://evil.example/><form action=//evil.example><input autofocus onfocus=hacked=1>",
    "x" * 20_000,
    "\u202egnirts desrever\u2066\u2069 \ud800 \udfff \x00\x1b]0;t\x07",
]
_HEAD: Final = ("HTML", "HEAD", "META", "TITLE", "STYLE", "BODY", "SCRIPT")
_BODY: Final = ("MAIN", "HEADER", "DIV", "H1", "H2", "P", "SPAN", "BDI", "OL", "LI", "SECTION", "BUTTON", "LABEL")
OURS: Final = {*_HEAD, *_BODY, "TEXTAREA", "CODE"}
HOSTILE: Final = RunScript(
    "hostile",
    (
        *(
            Step(0.01 * number, type="log", message=text, payload={"stage": text}, tool=text)
            for number, text in enumerate(MARKUP, start=1)
        ),
        Step(0.5, type="failed", message=MARKUP[0], payload={"pull_request_url": "javascript:alert(1)"}),
        Step(0.6, status="failed", error=MARKUP[1]),
    ),
)


def test_hostile_text_in_a_result_stays_text(host: Host) -> None:
    """A host, or another server behind it, may deliver what this server would never send."""
    texts = [*MARKUP, *CORPUS]
    odd = MARKUP[0]
    events: list[Any] = [{"kind": text, "message": text, "at": text, "count": text} for text in texts]
    facts = {"summary": odd, "run_id": RUN_ID, "repo": odd, "status": "failed", "phase": odd, "failure_code": odd}
    facts |= {"pull_request": "javascript:window.hacked=1", "web_page": "data:text/html,<script>1</script>"}
    others = {
        "task": odd,
        "working_branch": odd,
        "base_branch": odd,
        "failure": odd,
        "events": [*events, *texts, 7, None],
    }
    data = {
        "phases": [{"name": odd, "at": odd}, odd, None],
        "actions": [odd, 3],
        "untrusted": others,
        "age_seconds": odd,
    }
    result = {"content": [{"type": "text", "text": odd}], "structuredContent": facts, "_meta": {DATA: data}}
    card = host.open("get_run", {"run_id": odd, "prompt": odd, "repo": odd}, result=result)
    expect(card.locator(".failure")).to_have_text(odd)
    expect(card.get_by_role("heading", name=odd)).to_be_visible()
    expect(card.get_by_role("log").get_by_role("listitem")).to_have_count(2 * len(texts))
    assert_harmless(card)
    assert max(map(len, card.locator("li").all_inner_texts())) < 2_000
    expect(card.get_by_role("button", name="Review pull request")).to_be_hidden()
    expect(card.get_by_role("button", name="Open in Mogplex")).to_be_hidden()


def test_hostile_events_of_a_run_stay_text(host: Host, mogplex: Mogplex) -> None:
    mogplex.simulator.plan(HOSTILE)
    card = host.start(MARKUP[1])
    mogplex.ahead += 2 * RUN_SECONDS
    expect(card.locator(".state")).to_have_text("Failed")
    expect(card.locator(".failure")).to_have_text(MARKUP[1])
    expect(card.locator(".task")).to_have_text(MARKUP[1])
    expect(card.get_by_role("log")).to_contain_text(MARKUP[0])
    assert_harmless(card)
    expect(card.get_by_role("button", name="Review pull request")).to_be_hidden()


def test_an_error_of_the_tool_is_shown_in_its_own_words(host: Host) -> None:
    content = [{"type": "text", "text": f"There is no such run {MARKUP[0]}.\nNext: call list_runs."}]
    card = host.open("tail_run", {}, result={"content": content, "isError": True})
    expect(card.get_by_role("alert")).to_have_text(f"There is no such run {MARKUP[0]}.")
    assert_harmless(card)


def assert_harmless(card: FrameLocator) -> None:
    """Nothing but elements of ours is there, and none of them refers to anything."""
    page = card.locator("html")
    assert set(page.evaluate("page => [page, ...page.querySelectorAll('*')].map(one => one.tagName)")) <= OURS
    assert page.evaluate("page => page.querySelectorAll('script').length") == 1
    refers = "[href], [src], [action], [srcdoc], [style]:not(html), [onerror], [onload], [onclick]"
    assert page.evaluate("(page, refers) => page.querySelectorAll(refers).length", refers) == 0
    assert page.evaluate("() => window.hacked === undefined")
