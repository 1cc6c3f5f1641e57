"""Names the plain form: how what a chat template leaves out is written into the text."""

PLAIN_FORM = "hermes-1"
"""The form that is written now, as manifests and reports name it; another wording gets a new name.

Tools as `<tools>`, calls as `<tool_call>`, results as `<tool_response>`: as NousResearch's Hermes
and Qwen write them, which most models have seen and most servers parse.
"""

KNOWN_FORMS = frozenset({PLAIN_FORM})
