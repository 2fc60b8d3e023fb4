"""One table of a TOML text is changed; comments, order and all other tables stay."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.document import put_entry, remove_entry

PATH = ("mcp_servers", "mogplex")
ENTRY = {"command": "/bin/mogplex-mcp", "args": ["--demo"], "tool_timeout_sec": 300}
TABLE = '[mcp_servers.mogplex]\ncommand = "/bin/mogplex-mcp"\nargs = ["--demo"]\ntool_timeout_sec = 300\n'


def put(text: str, **more: object) -> str:
    return put_entry("toml", text, PATH, {**ENTRY, **more}, whole=False)


def remove(text: str) -> str:
    return remove_entry("toml", text, PATH)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'model = "gpt-5" # the best\n',
        "# first\n[mcp_servers.a]\ncommand = 'x'\n\n# of other\n[other]\nk = 1\n",
        "[mcp_servers.a]\ncommand = 'x'\n[other]\nk = 1\n\n[mcp_servers.b]\ncommand = 'y'\n# the end\n",
        "mcp_servers.a.command = 'x'\nk = 1\n",
        "[mcp_servers]\n# none yet\n\n[z]\n",
        'text = """\n[mcp_servers.mogplex]\n# no comment\n"""\n',
    ],
)
def test_a_new_table_is_put_at_the_end_and_taken_out_again(text: str) -> None:
    changed = put(text)
    assert changed == (f"{text}\n{TABLE}" if text else TABLE)
    assert remove(changed) == text


def test_line_ends_stay_as_they_are() -> None:
    text = "a = 1\r\n\r\n[mcp_servers.a]\r\ncommand = 'x'\r\n"
    assert put(text) == text + ("\n" + TABLE).replace("\n", "\r\n")
    assert remove(put(text)) == text


def test_a_last_line_without_an_end_gets_one() -> None:
    assert put("a = 1 # one") == f"a = 1 # one\n\n{TABLE}"


@pytest.mark.parametrize("text", ["mcp_servers = { a = { command = 'x' } } # all\nb = 2\n", "mcp_servers = {}\n"])
def test_an_inline_table_stays_inline(text: str) -> None:
    changed = put(text)
    assert tomllib.loads(changed)["mcp_servers"]["mogplex"] == ENTRY
    assert changed.count("\n") == text.count("\n")
    assert tomllib.loads(remove(changed)) == tomllib.loads(text)


def test_what_stands_behind_the_table_is_left_when_it_is_taken_out() -> None:
    text = (
        "[mcp_servers.a]\nc = 1\n\n"
        "# about ours\n[mcp_servers.mogplex] # ours\n# inside\ncommand = '''\n[x]\n'''\nargs = [\n  'a', # one\n]\n"
        "[mcp_servers.mogplex.env]\nA = 'b'\n\n"
        "# about b\n[mcp_servers.b]\nk = 1\n"
    )
    assert remove(text) == "[mcp_servers.a]\nc = 1\n\n# about ours\n\n# about b\n[mcp_servers.b]\nk = 1\n"


def test_a_table_in_two_places_is_taken_out_of_both() -> None:
    text = "[mcp_servers.mogplex]\ncommand = 'x'\n[o]\na = 1\n[mcp_servers.mogplex.env]\nA = 'b'\n# end\n[p]\n"
    assert remove(text) == "[o]\na = 1\n# end\n[p]\n"


def test_only_the_fields_that_differ_are_touched() -> None:
    text = (
        "[mcp_servers.mogplex] # ours\n# where it is\ncommand = '/old/mogplex-mcp' # old\n"
        "args = [\n  '--demo', # try\n]\n"
        "tool_timeout_sec = 300\nstartup_timeout_sec = 20\n[mcp_servers.mogplex.env]\nA = 'b'\n"
    )
    assert put(text) == text.replace("'/old/mogplex-mcp'", '"/bin/mogplex-mcp"')


def test_a_field_that_is_missing_is_added_to_the_table() -> None:
    changed = put("[mcp_servers.mogplex]\ncommand = 'x'\n\n# next\n[o]\n")
    assert tomllib.loads(changed) == {"mcp_servers": {"mogplex": ENTRY}, "o": {}}
    assert changed.index("args") < changed.index("[o]")


def test_a_whole_table_is_replaced_where_that_is_wanted() -> None:
    text = "[mcp_servers.mogplex]\nurl = 'https://example.com'\n\n[o]\n"
    assert tomllib.loads(put_entry("toml", text, PATH, ENTRY, whole=True)) == {
        "mcp_servers": {"mogplex": ENTRY},
        "o": {},
    }


@pytest.mark.parametrize(
    "text",
    [
        "mcp_servers.mogplex.command = 'x'\nk = 1\n",
        "[mcp_servers]\nmogplex.command = 'x' # of it\nmogplex.args = []\na.command = 'y'\n",
        "mcp_servers.mogplex = { command = 'x' }\n",
        "[mcp_servers]\nmogplex = { command = 'x' } # of it\n# end\n",
    ],
)
def test_a_table_written_in_another_way_is_brought_up_to_date(text: str) -> None:
    changed = put(text)
    assert tomllib.loads(changed)["mcp_servers"]["mogplex"] == ENTRY
    assert changed.count("#") == text.count("#")


def test_a_comment_is_not_lost_rather_than_the_table_taken_out() -> None:
    text = "[mcp_servers]\nmogplex = { command = 'x' } # of whom?\n"
    with pytest.raises(InstallationError, match="can't be changed safely; change it in an editor"):
        remove(text)
    with pytest.raises(InstallationError, match="can't be changed safely; change it in an editor"):
        put_entry("toml", text, PATH, ENTRY, whole=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = \n", "Invalid value (at line 1, column 5)"),
        ("a = 1\na = 2\n", "Cannot overwrite a value (at line 2, column 6)"),
        ("[mcp_servers.mogplex]\n[mcp_servers.mogplex]\n", "Cannot declare ('mcp_servers', 'mogplex') twice"),
        ("mcp_servers = []\n", "mcp_servers has to be a table"),
        ("[[mcp_servers]]\na = 1\n", "mcp_servers has to be a table"),
    ],
)
def test_what_cannot_be_changed_is_named(text: str, said: str) -> None:
    with pytest.raises(InstallationError, match=said.replace("(", r"\(").replace(")", r"\)")):
        put(text)


NAMES = st.sampled_from(["a", '"b b"', "mcp_servers", "mcp_servers.other", "mcp_servers.other.env", "x.y", "'q'"])
VALUES = st.sampled_from(
    ["1", '"text # no"', "'''\n[mcp_servers.mogplex]\n# no\n'''", "[\n  1, # one\n  2,\n]", "{ k = 'v' }"]
)
LINES = st.sampled_from(["", "# a comment", "  # another [one]", '# "'])


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for header in ["", *draw(st.lists(NAMES, max_size=4, unique=True))]:
        lines += draw(st.lists(LINES, max_size=2))
        if header:
            lines.append(f"[{header}]" + draw(st.sampled_from(["", " # of it"])))
        for name in draw(st.lists(st.sampled_from(["k1", "k2", "d.e"]), max_size=2, unique=True)):
            lines += [
                *draw(st.lists(LINES, max_size=1)),
                f"{name} = {draw(VALUES)}" + draw(st.sampled_from(["", " # v"])),
            ]
    lines += draw(st.lists(LINES, max_size=2))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


@given(texts(), st.booleans())
def test_any_text_is_the_same_without_the_table_that_was_put_in(text: str, crlf: bool) -> None:
    text = text.replace("\n", "\r\n") if crlf else text
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    changed = put(text)
    servers = {**before.get("mcp_servers", {}), "mogplex": ENTRY}
    assert tomllib.loads(changed) == {**before, "mcp_servers": servers}
    assert changed.startswith(text)
    assert put(changed) == changed
    assert remove(changed).rstrip() == text.rstrip()
