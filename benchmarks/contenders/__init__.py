"""The programs of other contenders: the same tool, written as each one's documentation says."""
