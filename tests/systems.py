"""Marks of tests that need what only some systems have."""

import sys

import pytest

with_modes = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes of files")
with_posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, terminals and pipes of POSIX")
