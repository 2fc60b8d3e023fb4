"""Variations of a simulated Mogplex by name: what deployments lack, and what goes wrong for hours."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from .app import Simulator
from .faults import Fault, FaultKind

_HANG_SECONDS = 3_600.0
_SHORT_SECONDS = 60  # an access token is valid for a minute instead of an hour
_FAILURE_SECONDS = 9.0  # until the broken queue was noticed, as observed


def _no_pr_reviews(simulator: Simulator) -> None:
    simulator.world.pr_reviews_available = False


def _env_vars(simulator: Simulator) -> None:
    simulator.world.env_vars_available = True


def _no_funds(simulator: Simulator) -> None:
    for user in simulator.world.users:
        user.funded = False


def _no_github(simulator: Simulator) -> None:
    for user in simulator.world.users:
        user.github_connected = False


def _failed_boot(simulator: Simulator) -> None:
    simulator.world.sandbox_boot_error = "Sandbox boot failed: the image could not be pulled"


def _inactive_automations(simulator: Simulator) -> None:
    for automation in simulator.world.automations.values():
        automation.status = "inactive"


def _queue_down(simulator: Simulator) -> None:
    simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, "POST", times=None, seconds=_FAILURE_SECONDS))


def _queue_hung(simulator: Simulator) -> None:
    simulator.faults.add(Fault(FaultKind.QUEUE_HANG, "POST", times=None, seconds=_HANG_SECONDS))


def _outage(simulator: Simulator) -> None:
    simulator.faults.outage(active=True)


def _signed_in(simulator: Simulator) -> None:
    simulator.world.oauth.signed_in = simulator.world.users[0].id


def _consent_page(simulator: Simulator) -> None:
    simulator.world.oauth.consent_page = True


def _short_tokens(simulator: Simulator) -> None:
    simulator.world.oauth.access_token_seconds = _SHORT_SECONDS


def _rotating_refresh(simulator: Simulator) -> None:
    simulator.world.oauth.rotates_refresh_tokens = True


def _refused_refresh(simulator: Simulator) -> None:
    simulator.world.oauth.refuses_refresh = True


MODES: Mapping[str, Callable[[Simulator], None]] = MappingProxyType(
    {
        "no-pr-reviews": _no_pr_reviews,
        "env-vars": _env_vars,
        "no-funds": _no_funds,
        "no-github": _no_github,
        "failed-boot": _failed_boot,
        "inactive-automations": _inactive_automations,
        "queue-down": _queue_down,
        "queue-hung": _queue_hung,
        "outage": _outage,
        "signed-in": _signed_in,
        "consent-page": _consent_page,
        "short-tokens": _short_tokens,
        "rotating-refresh": _rotating_refresh,
        "refused-refresh": _refused_refresh,
    }
)
"""What each mode changes, by its name."""
