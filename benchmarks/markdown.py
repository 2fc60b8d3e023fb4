"""Parts of pages in Markdown."""


def folded(summary: str, text: str) -> str:
    """Return text that is shown when its summary is clicked; the empty lines keep it Markdown."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"
