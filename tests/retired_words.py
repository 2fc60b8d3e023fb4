"""Names and phrases of the first edition that the code base no longer uses, and what replaced them."""

# Case-sensitive, whole words.
RETIRED_NAMES = {
    "Offer": "RequestScope",
    "Places": "ConcurrencyLimit",
    "OpenCalls": "in_flight",
    "Asker": "elicitation",
    "Place": "ConfigLocation, Checkout",
    "keep_spans_wordless": "redact_spans",
    "draining": "request_tracking",
    "kept_connections": "pool",
    "fitting": "output limit",
    "narrowing": "tool selection",
}

# In any case, across line breaks.
RETIRED_PHRASES = {
    "bridge": "server, connected client",
    "patience": "timeout",
    "wordless": "redacted",
    "bears": "allows",
    "told": "reported",
    "beside": "next to, in addition to",
    "whoever": "the caller, anyone",
    "nobody": "no one",
    "somebody": "anyone",
    "wrong words": "usage error",
    "takes a place": "holds a slot",
    "What answered did not speak as Mogplex does": "The response did not come from the Mogplex API",
    "This was answered": "Mogplex responded with",
    "cannot be one": "is not possible",
}
