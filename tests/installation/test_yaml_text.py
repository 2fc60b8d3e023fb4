"""One value of a YAML text is edited, and every other character stays."""

from typing import Any

import pytest

from mogplex_mcp.installation import InstallationError, yaml_text
from mogplex_mcp.installation.document import put_entry, remove_entry

PATH = ["extensions", "mogplex"]
ENTRY: dict[str, Any] = {"name": "mogplex", "cmd": "/opt/mogplex-mcp", "args": ["--demo"], "envs": {"A": "1"}}
GOOSE = """\
# my goose
GOOSE_PROVIDER: "anthropic"   # provider
GOOSE_MODE:   auto
extensions:
  # the developer one
  developer:
    enabled: true
    args:
    - a
    -   b
  gh:   # mine
    cmd: npx
    envs: {TOKEN: secret}
    description: >-
      folded
      text
    x: ~

    # end
other: yes
list:
    - one
"""


@pytest.mark.parametrize(
    "text",
    [
        GOOSE,
        GOOSE.replace("\n", "\r\n"),
        GOOSE.replace("  ", "    "),
        "extensions:\n  a:\n    cmd: x",
        "a: 1\n",
        "# only a comment\n",
        "",
    ],
    ids=["usual", "windows", "wide", "no line end", "no extensions", "comment", "empty"],
)
def test_entry_is_put_and_removed_without_another_change(text: str) -> None:
    after = put_entry("yaml", text, PATH, ENTRY, whole=True)
    assert yaml_text.read(after)["extensions"]["mogplex"] == ENTRY
    assert [line for line in text.splitlines() if line not in after.splitlines()] == []
    assert after.count("\r\n") in (0, after.count("\n"))
    removed = remove_entry("yaml", after, PATH)
    assert removed in (text, text + "\n")


def test_field_of_an_entry_is_changed_alone() -> None:
    text = put_entry("yaml", GOOSE, PATH, {**ENTRY, "timeout": 300}, whole=True).replace(
        "timeout: 300", "timeout: 9 # me"
    )
    after = put_entry("yaml", text, PATH, {**ENTRY, "envs": {"B": "2"}, "bundled": False}, whole=False)
    assert yaml_text.read(after)["extensions"]["mogplex"] == {
        **ENTRY,
        "timeout": 9,
        "envs": {"A": "1", "B": "2"},
        "bundled": False,
    }
    assert "timeout: 9 # me" in after


@pytest.mark.parametrize(
    "text", ["extensions: {a: {cmd: x}}\n", "extensions: {}\n", "extensions:\n", "{extensions: {}}\n"]
)
def test_entry_is_put_into_mappings_on_one_line_and_empty_ones(text: str) -> None:
    after = put_entry("yaml", text, PATH, ENTRY, whole=True)
    assert yaml_text.read(after)["extensions"]["mogplex"] == ENTRY
    assert "mogplex" not in remove_entry("yaml", after, PATH)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1\nb: hunter2", "line 2"),
        ("a: b: hunter2", "line 1, column 5: this isn't YAML"),
        ("- hunter2", "a mapping of names to values is expected"),
        ("\ta: hunter2", "line 1, column 1"),
        ("a: *hunter2", "line 1, column 4"),
        ("a: 1\na: hunter2", "line 2, column 1"),
        ("a: 1\n---\nb: hunter2", "this isn't YAML"),
        ("a: " + "[" * 5_000, "this isn't YAML"),
    ],
)
def test_text_that_is_no_yaml_is_refused_with_its_line_and_nothing_of_it(text: str, reason: str) -> None:
    with pytest.raises(InstallationError) as refused:
        yaml_text.read(text)
    assert reason in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_entries_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(InstallationError, match="extensions has to be a mapping"):
        yaml_text.put("extensions: [1]\n", PATH, ENTRY)


def test_comment_in_the_last_entry_is_not_lost() -> None:
    text = "extensions:\n  # mine\n  mogplex:\n    cmd: x\n"
    with pytest.raises(InstallationError, match="can't be changed safely"):
        remove_entry("yaml", text, PATH)
