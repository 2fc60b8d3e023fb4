"""What a person sees of a change."""

from mogplex_mcp.installation.difference import difference


def test_only_what_changes_is_shown_with_three_lines_around_it() -> None:
    before = "".join(f"line {number}\n" for number in range(1, 21))
    after = before.replace("line 10\n", "line 10\nnew\n")
    assert difference(before, after) == [
        "@@ line 8 @@",
        " line 8",
        " line 9",
        " line 10",
        "+new",
        " line 11",
        " line 12",
        " line 13",
    ]


def test_parts_that_are_apart_are_shown_apart() -> None:
    before = "".join(f"line {number}\n" for number in range(1, 31))
    after = before.replace("line 5\n", "line five\n").replace("line 25\n", "")
    lines = difference(before, after)
    assert [line for line in lines if line[0] != " "] == [
        "@@ line 2 @@",
        "-line 5",
        "+line five",
        "@@ line 22 @@",
        "-line 25",
    ]


def test_a_new_file_is_all_new() -> None:
    assert difference("", "{\n}\n")[1:] == ["+{", "+}"]


def test_line_ends_of_windows_are_no_difference_to_read() -> None:
    assert difference("a\r\n", "a\r\nb\r\n")[1:] == [" a", "+b"]


def test_secrets_of_anybody_are_not_shown() -> None:
    before = '"env": {"GITHUB_TOKEN": "abc123", "apiKey": "d4", "A": "sk-proj-0123456789abcdef"}\npassword = \'e5\'\n'
    shown = "\n".join(difference(before, before + "new\n"))
    for secret in ("abc123", "d4", "sk-proj", "e5"):
        assert secret not in shown
    assert '"GITHUB_TOKEN": "[secret removed]"' in shown


def test_a_terminal_is_sent_no_commands_and_no_endless_lines() -> None:
    shown = difference("", "\x1b[31m // red\n" + "x" * 1_000 + "\n")
    assert shown[1] == "+\N{REPLACEMENT CHARACTER}[31m // red"
    assert len(shown[2]) < 200
    assert shown[2].endswith("…")
