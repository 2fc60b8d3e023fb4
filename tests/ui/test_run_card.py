"""The run card in a real browser, as a host shows it."""

import json
import math
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from mogplex_mcp.ui.run_card import DATA
from tests.ui.browser import RUN_SECONDS, Host, Mogplex
from tests.ui.conftest import NewHost

RUN_ID = "8f3a2b1c-1234-4abc-9def-1234567890ab"
PULL_REQUEST = "https://github.com/acme/web/pull/12"


def test_a_run_is_followed_from_its_start_to_its_pull_request(host: Host, mogplex: Mogplex) -> None:
    mogplex.simulator.plan("with_tools")
    card = host.start("Fix the flaky test.\nIt fails on Mondays.")
    expect(card.get_by_role("heading", name="acme/web")).to_be_visible()
    expect(card.locator(".task")).to_have_text("Fix the flaky test.")
    expect(card.locator(".branches")).to_contain_text("mogplex/")
    expect(card.locator(".note")).to_have_text("Live")
    assert_phase(card, "Queued")
    mogplex.ahead += 0.11 * RUN_SECONDS
    assert_phase(card, "Preparing")
    mogplex.ahead += 0.5 * RUN_SECONDS
    assert_phase(card, "Working")
    expect(card.get_by_role("log")).to_contain_text("Changed src/index.ts and tests/index.test.ts")
    mogplex.ahead += RUN_SECONDS
    expect(card.locator(".state")).to_have_text("Done")
    assert_phase(card, "Done")
    expect(card.locator(".phases .past .time")).to_have_count(4)
    expect(card.get_by_role("status")).to_have_text("acme/web The pull request is open for review")
    expect(card.get_by_role("button", name="Stop run")).to_be_hidden()
    card.get_by_role("button", name="Review pull request").click()
    (opened,) = host.links()
    assert opened.startswith("https://github.com/acme/web/pull/")
    expect(card.locator(".note")).to_be_hidden()
    cursors = [call.get("cursor", "") for call in host.calls("tail_run")]
    assert cursors[0] == ""
    assert all(cursors[1:])
    # Each event is there once.
    lines = card.get_by_role("log").get_by_role("listitem").all_inner_texts()
    assert len(lines) == len(set(lines))
    (told,) = host.page.evaluate("() => window.host.contexts")
    assert opened in told["content"][0]["text"]


def test_a_run_is_stopped_only_after_a_question(host: Host) -> None:
    card = host.start("Never ends.")
    stop = card.get_by_role("button", name="Stop run")
    stop.click()
    question = card.get_by_role("group", name="Stop this run for good?")
    expect(question).to_be_visible()
    card.get_by_role("button", name="Keep it running").click()
    expect(question).to_be_hidden()
    assert not host.calls("cancel_run")
    stop.click()
    card.get_by_role("button", name="Stop it").click()
    expect(card.locator(".state")).to_have_text("Stopped")
    expect(question).to_be_hidden()
    expect(stop).to_be_hidden()
    assert len(host.calls("cancel_run")) == 1


def test_a_failed_run_says_why(host: Host, mogplex: Mogplex) -> None:
    mogplex.simulator.plan("failed")
    card = host.start("Fails.")
    mogplex.ahead += RUN_SECONDS
    expect(card.locator(".state")).to_have_text("Failed")
    expect(card.locator(".failure")).to_have_text("Harness exited with code 1")
    assert_phase(card, "Failed")
    expect(card.get_by_role("button", name="Review pull request")).to_be_hidden()


def test_without_the_right_to_call_tools_the_card_shows_the_result_and_says_how_to_go_on(host: Host) -> None:
    card = host.start("Look only.", capabilities={"openLinks": {}})
    expect(card.locator(".state")).to_have_text("Queued")
    expect(card.locator(".note")).to_contain_text("Ask the assistant to follow the run.")
    expect(card.get_by_role("button", name="Stop run")).to_be_hidden()
    assert not host.messages("card", "tools/call")


def test_a_host_that_refuses_every_call_is_asked_a_few_times_only(host: Host) -> None:
    host.page.clock.install()
    card = host.start("Look only.", calls="refused")
    expect(card.locator(".note")).to_have_text("No connection, trying again")
    for _ in range(6):
        host.page.clock.run_for(61_000)
    expect(card.locator(".note")).to_contain_text("The user does not allow this")
    assert len(host.calls("tail_run")) == 5
    card.get_by_role("button", name="Try again").click()
    expect(card.locator(".note")).to_have_text("No connection, trying again")
    assert len(host.calls("tail_run")) == 6


def test_a_card_that_is_opened_again_has_the_whole_story(host: Host, mogplex: Mogplex) -> None:
    mogplex.simulator.plan("with_tools")
    first = host.start("Do it.")
    mogplex.ahead += 0.7 * RUN_SECONDS
    expect(first.get_by_role("log")).to_contain_text("Changed src/index.ts")
    run_id = host.calls("tail_run")[0]["run_id"]
    told = first.get_by_role("log").get_by_role("listitem").all_inner_texts()
    assert host.page.evaluate("() => window.host.close()") == {}
    # The host shows the card of a waiting call before that has a result.
    second = host.open("tail_run", {"run_id": run_id}, result=None)
    third = host.open("get_run", {"run_id": run_id})
    for card in (second, third):
        expect(card.get_by_role("log").get_by_role("listitem")).to_have_text(told, use_inner_text=True)
        expect(card.locator(".task")).to_have_text("Do it.")
    mogplex.ahead += RUN_SECONDS
    expect(host.page.frame_locator("iframe").first.locator(".state")).to_have_text("Done")
    expect(third.locator(".state")).to_have_text("Done")


def test_a_hidden_card_asks_for_nothing_and_goes_on_from_its_cursor(host: Host, mogplex: Mogplex) -> None:
    card = host.start("Watch me.")
    expect(card.locator(".note")).to_have_text("Live")
    expect(card.get_by_role("log")).to_contain_text("External Mogplex run accepted")
    host.page.locator("iframe").evaluate("frame => { frame.style.marginTop = '5000px' }")
    mogplex.ahead += 0.2 * RUN_SECONDS
    expect(card.locator(".note")).to_have_text("Paused while hidden")
    before = host.calls("tail_run")
    mogplex.ahead += RUN_SECONDS
    host.page.locator("iframe").evaluate("frame => { frame.style.marginTop = '0' }")
    expect(card.locator(".state")).to_have_text("Done")
    after = host.calls("tail_run")[len(before) :]
    assert after
    assert all(call["cursor"] for call in after)


def test_a_host_that_hands_on_tasks_is_asked_without_waits(host: Host, mogplex: Mogplex) -> None:
    card = host.start("As a task.", calls="tasks")
    expect(card.locator(".note")).to_have_text("No connection, trying again")
    mogplex.ahead += RUN_SECONDS
    expect(card.locator(".state")).to_have_text("Done")
    assert [call["wait_seconds"] for call in host.calls("tail_run")][:3] == [0, 40, 0]


def test_a_card_works_by_keyboard_alone(host: Host) -> None:
    card = host.start("By keyboard.")
    stop = card.get_by_role("button", name="Stop run")
    expect(stop).to_be_visible()
    tab_to(host.page, card, "Stop run")
    host.page.keyboard.press("Enter")
    expect(card.get_by_role("button", name="Keep it running")).to_be_focused()
    host.page.keyboard.press("Escape")
    expect(stop).to_be_focused()
    host.page.keyboard.press("Enter")
    tab_to(host.page, card, "Stop it")
    host.page.keyboard.press("Space")
    expect(card.locator(".state")).to_have_text("Stopped")


def test_a_follow_up_continues_the_run_where_that_is_possible(host: Host) -> None:
    data = {"actions": ["follow", "continue"], "untrusted": {"working_branch": "mogplex/one", "events": []}}
    card = host.open(
        "get_run", {"run_id": RUN_ID}, result=result("success", data=data), capabilities={"serverTools": {}}
    )
    field = card.get_by_role("textbox", name="Continue on the same branch")
    field.fill("  Now the docs. ")
    card.get_by_role("button", name="Start follow-up run").click()
    expect(card.get_by_role("alert")).not_to_be_empty()
    assert host.calls("start_run") == [{"continue_run": RUN_ID, "prompt": "Now the docs."}]
    expect(field).to_have_value("  Now the docs. ")


def test_there_is_no_follow_up_where_that_is_not_possible(host: Host) -> None:
    card = host.open("get_run", {"run_id": RUN_ID}, result=result("success", data={"actions": ["follow", "stop"]}))
    expect(card.locator(".state")).to_have_text("Done")
    expect(card.get_by_role("textbox")).to_be_hidden()


def test_a_link_that_the_host_does_not_open_is_shown(host: Host) -> None:
    card = host.open("get_run", {"run_id": RUN_ID}, result=result("success"), capabilities={})
    card.get_by_role("button", name="Review pull request #12").click()
    expect(card.locator(".address code")).to_have_text(PULL_REQUEST)
    assert not host.links()


def test_the_theme_of_the_host_is_used_and_follows_its_changes(host: Host) -> None:
    variables = {"--color-background-primary": "rgb(1, 2, 3)", "--font-sans": "monospace"}
    context = {"theme": "dark", "styles": {"variables": variables, "css": {"fonts": "@import 'https://evil.example/'"}}}
    card = host.open("get_run", {"run_id": RUN_ID}, result=result("success"), context=context)
    main = card.get_by_role("main")
    expect(main).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(main).to_have_css("color-scheme", "dark")
    host.page.evaluate("() => window.host.change({theme: 'light', locale: 'no such', timeZone: 'Nowhere/Land'})")
    expect(main).to_have_css("color-scheme", "light")


@pytest.mark.parametrize("width", [280, 400])
def test_a_narrow_card_needs_no_sideways_scrolling(new_host: NewHost, width: int) -> None:
    host = new_host(viewport={"width": width, "height": 900})
    data = {"untrusted": {"task": "x" * 300, "working_branch": "feature/" + "y" * 150, "events": [event("z" * 300)]}}
    card = host.open("get_run", {"run_id": RUN_ID}, result=result("failed", failure="w" * 500, data=data))
    expect(card.locator(".state")).to_have_text("Failed")
    wide = card.locator("html").evaluate("page => page.scrollWidth")
    assert wide <= width
    inside = card.get_by_role("main").evaluate("card => card.getBoundingClientRect().height")
    expect(host.page.locator("iframe")).to_have_js_property("clientHeight", math.ceil(inside))


def assert_phase(card: FrameLocator, name: str) -> None:
    expect(card.locator("[aria-current=step] .name")).to_contain_text(name)


def tab_to(page: Page, card: FrameLocator, name: str) -> None:
    for _ in range(12):
        page.keyboard.press("Tab")
        if card.get_by_role("button", name=name, exact=True).evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{name} is not reached by Tab")


def event(message: str, kind: str = "log") -> dict[str, Any]:
    return {"kind": kind, "message": message, "at": "2026-11-27T10:42:07Z"}


def result(status: str, *, failure: str = "", data: dict[str, Any] | None = None) -> dict[str, Any]:
    """A result of get_run, as a host delivers it."""
    facts: dict[str, Any] = {"summary": "x", "run_id": RUN_ID, "repo": "acme/web", "status": status, "phase": "done"}
    facts |= {"pull_request": PULL_REQUEST} if status == "success" else {}
    facts |= {"untrusted": {"failure": failure}} if failure else {}
    return {"content": [{"type": "text", "text": json.dumps(facts)}], "structuredContent": facts} | (
        {"_meta": {DATA: data}} if data else {}
    )
