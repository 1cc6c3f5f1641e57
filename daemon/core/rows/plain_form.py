"""Names the plain form: how text that a chat template leaves out is written instead."""

PLAIN_FORM = "hermes-1"
"""The current form, as manifests and reports name it; a new wording gets a new name.

Tools as `<tools>`, calls as `<tool_call>`, results as `<tool_response>`: as NousResearch's Hermes
and Qwen write them, which most models have seen and most servers parse.
"""

KNOWN_FORMS = frozenset({PLAIN_FORM})
