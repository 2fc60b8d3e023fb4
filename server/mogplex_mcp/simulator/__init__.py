"""A simulated Mogplex API, in this process or on a port: for demos, tests and benchmarks.

It reproduces the published contract and the observed behaviour of a real deployment, and imports nothing of the rest.
"""

from .app import SeenRequest, Simulator
from .demo import DEMO_OTHER_TOKEN, DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, demo_world
from .faults import Fault, FaultKind, Faults
from .modes import MODES
from .scripts import SCRIPTS, RunScript, Step
from .server import serve
from .world import (
    ApiToken,
    Automation,
    EnvVar,
    Event,
    JobRun,
    Repo,
    Run,
    Sandbox,
    User,
    Version,
    World,
)

__all__ = [
    "DEMO_OTHER_TOKEN",
    "DEMO_READ_ONLY_TOKEN",
    "DEMO_TOKEN",
    "MODES",
    "SCRIPTS",
    "ApiToken",
    "Automation",
    "EnvVar",
    "Event",
    "Fault",
    "FaultKind",
    "Faults",
    "JobRun",
    "Repo",
    "Run",
    "RunScript",
    "Sandbox",
    "SeenRequest",
    "Simulator",
    "Step",
    "User",
    "Version",
    "World",
    "demo_world",
    "serve",
]
