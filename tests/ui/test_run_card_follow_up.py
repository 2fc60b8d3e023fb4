"""A follow-up that a person starts in the run card."""

from playwright.sync_api import expect

from tests.ui.browser import RUN_SECONDS, Host, Mogplex


def test_a_follow_up_goes_on_in_the_same_card_and_pull_request(host: Host, mogplex: Mogplex) -> None:
    card = host.start("Fix the flaky test.")
    mogplex.ahead += 2 * RUN_SECONDS
    review = card.get_by_role("button", name="Review pull request")
    expect(review).to_be_visible()
    label = review.inner_text()
    earlier = host.calls("tail_run")[-1]["run_id"]
    card.get_by_role("textbox", name="Continue on the same branch").fill("Now the docs.")
    card.get_by_role("button", name="Start follow-up run").click()
    expect(card.locator(".task")).to_have_text("Now the docs.")
    expect(card.get_by_role("textbox")).to_be_hidden()
    assert host.calls("start_run") == [{"continue_run": earlier, "prompt": "Now the docs."}]
    mogplex.ahead += 2 * RUN_SECONDS
    expect(card.locator(".state")).to_have_text("Done")
    assert host.calls("tail_run")[-1]["run_id"] != earlier
    expect(review).to_have_text(label)
