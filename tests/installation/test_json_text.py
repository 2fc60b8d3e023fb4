"""One value of a JSON text is changed; all other significant characters stay."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.installation import InstallationError, json_text
from mogplex_mcp.installation.document import put_entry, remove_entry

PATH = ("mcpServers", "mogplex")
ENTRY = {"command": "/bin/mogplex-mcp", "args": ["--demo"]}


def put(text: str, entry: dict[str, Any] | None = None, *, whole: bool = False) -> str:
    return put_entry("json", text, PATH, entry or ENTRY, whole=whole)


def remove(text: str) -> str:
    return remove_entry("json", text, PATH)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '{\n  "mcpServers": {\n    "mogplex": {\n      "command": "x",\n      "args": []\n    }\n  }\n}\n'),
        (
            "// mine\n",
            '// mine\n{\n  "mcpServers": {\n    "mogplex": {\n      "command": "x",\n      "args": []\n    }\n  }\n}\n',
        ),
        ("{}", '{\n  "mcpServers": {\n    "mogplex": {\n      "command": "x",\n      "args": []\n    }\n  }\n}'),
        ('{"a": 1}', '{"a": 1, "mcpServers": {"mogplex": {"command": "x", "args": []}}}'),
        ('{"mcpServers": null}', '{"mcpServers": {\n  "mogplex": {\n    "command": "x",\n    "args": []\n  }\n}}'),
        (
            '{\n\t"mcpServers": {\n\t\t"a": {} // of a\n\t\t// "b": {}\n\t}\n}\n',
            (
                '{\n\t"mcpServers": {\n\t\t"a": {}, // of a\n\t\t// "b": {}\n\t\t"mogplex": {\n\t\t\t"command": "x",\n'
                '\t\t\t"args": []\n\t\t}\n\t}\n}\n'
            ),
        ),
        (
            '{\r\n    "z": 1,\r\n    "mcpServers": {\r\n        "a": {},\r\n    },\r\n}\r\n',
            (
                '{\r\n    "z": 1,\r\n    "mcpServers": {\r\n        "a": {},\r\n        "mogplex": {\r\n'
                '            "command": "x",\r\n            "args": []\r\n        },\r\n    },\r\n}\r\n'
            ),
        ),
    ],
)
def test_an_entry_is_written_as_the_file_is(before: str, after: str) -> None:
    assert put(before, {"command": "x", "args": []}) == after


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "mcpServers": {}\n}\n',
        '{\n  "mcpServers": {\n    "a": {"command": "x"}\n  },\n  "b": 2\n}',
        '{\n  "mcpServers": {\n    "a": 1, // one\n    "b": 2, /* two */\n  }, // all\n}\n',
        '{\r\n\t"mcpServers": {\r\n\t\t"a": 1\r\n\t}\r\n}\r\n',
        '{"mcpServers":{"a":1}}',
        '{\n "mcpServers": {"a": 1}\n}\n',
        '{\n  "mcpServers": {\n    // nothing yet\n  }\n}\n',
    ],
)
def test_what_is_put_in_and_taken_out_again_leaves_the_text_as_it_was(text: str) -> None:
    assert remove(put(text)) == text


def test_the_first_of_several_is_taken_out_with_its_line() -> None:
    text = '{\n  "mcpServers": {\n    // ours\n    "mogplex": {"command": "x"}, // behind\n    "b": 1\n  }\n}\n'
    assert remove(text) == '{\n  "mcpServers": {\n    // ours\n    // behind\n    "b": 1\n  }\n}\n'


def test_only_the_fields_that_differ_are_touched() -> None:
    text = (
        '{"mcpServers": {"mogplex": {\n'
        '  "command": "/old/mogplex-mcp", // where it was\n'
        '  "args": [\n    "--demo"\n  ],\n'
        '  "env": {"A": "b"}, "alwaysAllow": ["get_run"] /* mine */ }}}\n'
    )
    assert put(text) == text.replace("/old/mogplex-mcp", "/bin/mogplex-mcp")


def test_a_field_that_is_missing_is_added_to_the_entry() -> None:
    text = put("{}", {"command": "x"})
    assert json.loads(put(text, {"command": "x", "timeout": 5}))["mcpServers"]["mogplex"] == {
        "command": "x",
        "timeout": 5,
    }


def test_a_whole_entry_is_replaced_where_that_is_wanted() -> None:
    text = '{"mcpServers": {"mogplex": {"url": "https://example.com"}, "a": 1}}'
    assert json.loads(put(text, whole=True)) == {"mcpServers": {"mogplex": ENTRY, "a": 1}}


def test_a_number_is_not_taken_for_true() -> None:
    assert '"enabled": true' in put('{"mcpServers": {"mogplex": {"enabled": 1}}}', {"enabled": True})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: a comma or } is missing here"),
        ('{"a": }', "line 1, column 7: a value is missing here"),
        ("{a: 1}", "line 1, column 2: this isn't JSON"),
        ('{"a" 1}', "line 1, column 6: a colon is missing here"),
        ("{1: 1}", 'line 1, column 2: a name in "quotes" is missing here'),
        ('{"a": [1 2]}', "line 1, column 10: a comma or ] is missing here"),
        ('{"a": "\\x"}', "line 1, column 7: this value is invalid"),
        ('{"a": ' + "9" * 5_000 + "}", "line 1, column 7: this value is invalid"),
        ('{"a": 1} {', "line 1, column 10: the end of the text is expected here"),
        ('{"a": "', "line 1, column 7: this isn't JSON"),
        ('{"a": 1', "line 1, column 8: a comma or } is missing here"),
        ("/* open", "line 1, column 1: this isn't JSON"),
        ('{"a": ' + "[" * 500 + "]" * 500 + "}", "line 1, column 207: it is nested too deeply here"),
        ("[]", "line 1: an object {…} is expected"),
        ('\n"text"', "line 2: an object {…} is expected"),
        ('{"mcpServers": []}', 'line 1: "mcpServers" has to be an object {…}'),
        (
            '{\n"mcpServers": {},\n"mcpServers": {}\n}',
            '"mcpServers" occurs more than once, in lines 2 and 3; keep one of them',
        ),
        (
            '{"mcpServers": {\n"mogplex": {},\n"mogplex": {}\n}}',
            '"mogplex" occurs more than once, in lines 2 and 3; keep one of them',
        ),
    ],
)
def test_what_cannot_be_changed_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InstallationError) as refused:
        put(text)
    assert str(refused.value) == said


def test_a_name_that_stands_twice_elsewhere_is_no_concern() -> None:
    assert put('{"a": 1, "a": 2, "mcpServers": {}}').startswith('{"a": 1, "a": 2, ')


# Texts as people and programs write them: any spacing, any comments, trailing commas or none.

SPACE = st.sampled_from(["", " ", "\n", "\n  ", "\t", "\n\n    "])
COMMENT = st.sampled_from(["", "", "/* note */", "// note\n", '/* "mogplex": {} */', "// }\n"])
GAP = st.tuples(SPACE, COMMENT, SPACE).map("".join)
NAME = st.sampled_from(["a", "b b", "mcpServers", "mogplex", 'quo"te', "ü"])
PLAIN = st.sampled_from(["1", "-2.5e3", '"te\\"xt"', '"// no comment"', "null", "true", "[]", "{}", '"}"'])


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(GAP, values, GAP).map("".join), max_size=3)
    return st.tuples(members, GAP).map(lambda it: "[" + ",".join(it[0]) + (it[1] if it[0] else "") + "]")


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    names: list[str] = draw(st.lists(NAME, max_size=4, unique=True))
    members = [f"{draw(GAP)}{json.dumps(name)}{draw(GAP)}:{draw(GAP)}{draw(values)}{draw(GAP)}" for name in names]
    trailing = draw(st.sampled_from(["", ","])) if members else ""
    return "{" + ",".join(members) + trailing + draw(GAP) + "}"


VALUES = st.recursive(PLAIN, lambda values: lists(values) | objects(values), max_leaves=8)
TEXTS = st.tuples(GAP, objects(VALUES), GAP).map("".join)


def comments(text: str) -> list[str]:
    """Found in another way than by the code under test: strings are taken out first."""
    return re.findall(r"//[^\n]*|/\*.*?\*/", re.sub(r'(//[^\n]*|/\*.*?\*/)|"(?:\\.|[^"\\])*"', r"\1", text))


def has_room(text: str) -> bool:
    """Whether an entry can be put there: what is on the way is an object or nothing."""
    servers = json_text.read(text).get("mcpServers")
    return servers is None or isinstance(servers, dict)


@given(TEXTS, st.booleans())
def test_any_text_keeps_its_values_and_comments_when_an_entry_is_put_in(text: str, crlf: bool) -> None:
    text = text.replace("\n", "\r\n") if crlf else text
    data = json_text.read(text)
    if not has_room(text):
        with pytest.raises(InstallationError):
            put(text)
        return
    there = (data.get("mcpServers") or {}).get("mogplex")
    changed = put(text)
    expected = {**(there if isinstance(there, dict) else {}), **ENTRY}
    assert json_text.read(changed) == {**data, "mcpServers": {**(data.get("mcpServers") or {}), "mogplex": expected}}
    if there is None and data.get("mcpServers", {}) is not None:
        assert comments(changed.replace("\r", "")) == comments(text.replace("\r", ""))
    assert put(changed) == changed


@given(TEXTS)
def test_any_text_is_the_same_without_the_entry_that_was_put_in(text: str) -> None:
    data = json_text.read(text)
    if has_room(text) and "mogplex" not in (data.get("mcpServers") or {}):
        left = remove(put(text))
        assert json_text.read(left) == {**data, "mcpServers": data.get("mcpServers") or {}}
        assert comments(left) == comments(text)


@given(st.text(alphabet='{}[]:,"\\/*\n\r ab1-', max_size=40))
def test_any_text_is_read_or_refused_as_json_does(text: str) -> None:
    try:
        read = json_text.read(text)
    except InstallationError:
        with pytest.raises((ValueError, AssertionError)):
            assert isinstance(json.loads(text), dict)
    else:
        if not comments(text) and not re.search(r",\s*[}\]]", text) and text.strip():
            assert json.loads(text) == read
