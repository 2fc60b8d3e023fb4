"""Redaction by key name and truncation of event payloads, as observed.

Messages, errors and logs stay raw, as in the real API.
"""

import json
import re
from typing import Any

_SECRET_KEY = re.compile(
    r"token|secret|password|passwd|api_?-?key|authorization|credential|cookie|private_?key", re.IGNORECASE
)
_REDACTED = "[REDACTED]"
_LONGEST_STRING = 2_000
_MOST_ENTRIES = 25
_DEEPEST = 3
_LONGEST_PAYLOAD = 20_000


def public_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """Redact and truncate a payload: secret-looking keys, strings, entries, depth, and total size."""
    cut: dict[str, Any] = _cut(payload, 0)
    text = json.dumps(cut, ensure_ascii=False)
    if len(text) > _LONGEST_PAYLOAD:
        return {"truncated": True, "payloadPreview": text[:_LONGEST_PAYLOAD]}
    return cut


def _cut(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST_STRING]
    if not isinstance(value, dict | list):
        return value
    if depth > _DEEPEST:
        return json.dumps(value, ensure_ascii=False)[:_LONGEST_STRING]  # a field can change its type
    if isinstance(value, list):
        return [_cut(item, depth + 1) for item in value[:_MOST_ENTRIES]]
    return {
        key: _REDACTED if _SECRET_KEY.search(key) else _cut(item, depth + 1)
        for key, item in list(value.items())[:_MOST_ENTRIES]
    }
