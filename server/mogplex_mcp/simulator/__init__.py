"""A Mogplex API that runs inside this process: for demos, tests and benchmarks, and on a port.

It reproduces the published contract and what a real deployment was seen to do, and imports nothing of the bridge.
"""

from .app import SeenRequest, Simulator
from .demo import DEMO_OTHER_TOKEN, DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, demo_world
from .faults import Fault, FaultKind, Faults
from .scripts import SCRIPTS, RunScript, Step
from .server import serve
from .world import (
    Automation,
    EnvVar,
    Event,
    JobRun,
    Repo,
    Run,
    Sandbox,
    Token,
    User,
    Version,
    World,
)

__all__ = [
    "DEMO_OTHER_TOKEN",
    "DEMO_READ_ONLY_TOKEN",
    "DEMO_TOKEN",
    "SCRIPTS",
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
    "Token",
    "User",
    "Version",
    "World",
    "demo_world",
    "serve",
]
