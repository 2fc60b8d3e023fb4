"""Pictures of the run card for the documentation: `python -m tests.ui.screenshots` writes them into docs/.

They show results that are fixed, in a fixed time zone, so that only a change of the card changes them.
"""

import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import FloatRect, expect

from mogplex_mcp.ui.run_card import DATA
from tests.ui.browser import Mogplex, chromium, hosting, opened

DOCS: Final = Path(__file__).parents[2] / "docs"
RUN_ID: Final = "8f3a2b1c-1234-4abc-9def-1234567890ab"
_MARGIN: Final = 16
_TASK: Final = "Fix the flaky test in the checkout flow."
_BRANCHES: Final = {"base_branch": "main", "working_branch": "mogplex/fix-checkout-test"}
_TIMES: Final = (("queued", "10:42:03"), ("preparing", "10:42:09"), ("working", "10:42:41"))
_END: Final = (("delivering", "10:47:58"), ("done", "10:48:10"))
_EVENTS: Final = (
    ("10:42:12", "log git_sync", "Synced repository"),
    ("10:42:39", "log install", "Installed dependencies"),
    ("10:42:52", "tool bash", "Searched the repository for what the task names"),
    ("10:43:30", "tool read", "Read the test and the code under it"),
    ("10:45:17", "tool edit", "Changed src/checkout.ts and tests/checkout.test.ts"),
    ("10:47:02", "tool bash", "Ran the tests: 48 passed"),
)


def result(*, ended: bool) -> dict[str, Any]:
    """A result of get_run, while the run works or at its end."""
    facts = {"summary": "-", "run_id": RUN_ID, "repo": "acme/web", "web_page": f"https://mogplex.com/runs/{RUN_ID}"}
    facts |= {"status": "success", "phase": "done"} if ended else {"status": "streaming", "phase": "working"}
    facts |= {"pull_request": "https://github.com/acme/web/pull/12"} if ended else {}
    events = [
        {"at": f"2026-11-27T{at}Z", "kind": kind, "message": message}
        for at, kind, message in (_EVENTS if ended else _EVENTS[:5])
    ]
    data = {
        "phases": [{"name": name, "at": f"2026-11-27T{at}Z"} for name, at in (*_TIMES, *(_END if ended else ()))],
        "actions": ["follow", "stop"],
        "age_seconds": 214,
        "untrusted": {"task": _TASK, **_BRANCHES, "events": events},
    }
    return {"content": [], "structuredContent": facts, "_meta": {DATA: data}}


def main() -> None:
    """Write the pictures."""
    mogplex = Mogplex()
    pictures = (("light", 640, False), ("dark", 640, True), ("narrow", 320, False))
    with chromium() as browser, tempfile.TemporaryDirectory() as place, hosting(mogplex, Path(place)) as address:
        for name, width, is_ended in pictures:
            theme = "dark" if name == "dark" else "light"
            ground = "#101013" if theme == "dark" else "#f3f3f5"
            with opened(browser, address, mogplex.new_token(), viewport={"width": width, "height": 900}) as host:
                host.page.add_style_tag(content=f"body {{ padding: {_MARGIN}px; background: {ground} }}")
                context = {"locale": "en-GB", "timeZone": "UTC", "theme": theme}
                card = host.open("get_run", {}, result=result(ended=is_ended), context=context, calls="held")
                expect(card.get_by_role("log").get_by_role("listitem").first).to_be_visible()
                inside = card.get_by_role("main").evaluate("card => Math.ceil(card.getBoundingClientRect().height)")
                expect(host.page.locator("iframe")).to_have_css("height", f"{inside}px")
                clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": inside + 2 * _MARGIN}
                host.page.screenshot(path=DOCS / f"run-card-{name}.png", clip=clip, animations="disabled")


if __name__ == "__main__":
    main()
