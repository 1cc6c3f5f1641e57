"""The table of key and role names in training data, and what each means.

Names are compared without case, and `systemPrompt`, `System-Prompt` and `system prompt` are
`system_prompt`. Within a meaning, the first name that a row has counts.
"""

import re
from functools import lru_cache
from typing import Literal, get_args

from daemon.core.rows.examples import Role

Meaning = Literal[
    "messages",
    "prompt",
    "input",
    "completion",
    "late_completion",
    "context",
    "history",
    "system",
    "choices",
    "choice_column",
    "right_choice",
    "reasoning",
    "text",
    "tools",
    "chosen",
    "rejected",
    "verdict",
    "media",
    "weight",
    "group",
    "variant_of",
    "wrapper",
    "export",
    "metadata",
]

FieldName = Literal[
    "messages",
    "role",
    "content",
    "conversations",
    "prompt",
    "completion",
    "text",
    "system",
    "tools",
    "group",
    "variant_of",
    "context",
    "input",
    "history",
    "choices",
    "reasoning",
    "chosen",
    "rejected",
]
"""The meanings for which a user can give a name of their own."""
FIELD_NAMES: tuple[FieldName, ...] = get_args(FieldName)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIELDS: dict[Meaning, tuple[str, ...]] = {
    "messages": _names(
        "messages conversations conversation dialog dialogue dialogs chat chats turns "
        "chat_messages message_list thread items"
    ),
    "prompt": _names(
        "instruction prompt question query q problem user human user_prompt user_message "
        "user_input user_query request instructions ask input_text text_input inputs "
        "task_description"
    ),
    "input": ("input",),
    "completion": _names(
        "completion response output answer a reply assistant solution gpt bot ai chatbot "
        "model_output model_response assistant_response assistant_message bot_response "
        "output_text text_output completions responses outputs"
    ),
    "late_completion": _names(
        "target target_text targets tgt answers correct_answer final_answer best_answer "
        "expected_output expected_answer expected_response expected ideal gold "
        "gold_answer ground_truth reference_answer content"
    ),
    "context": _names(
        "context passage passages schema db_schema sql_schema table_schema create_table "
        "create_table_statement sql_context article document documents paragraph "
        "paragraphs background evidence support facts knowledge reference_text "
        "reference_context contexts retrieved_context table premise"
    ),
    "history": _names(
        "history chat_history conversation_history previous_turns dialog_history dialogue_history"
    ),
    "system": _names(
        "system system_prompt system_message system_text sys sys_prompt "
        "system_instruction system_instructions system_content"
    ),
    "choices": _names(
        "choices options answer_choices answer_options possible_answers candidates "
        "endings mc_options"
    ),
    "choice_column": _names(
        "option_a option_b option_c option_d option_e choice_a choice_b choice_c choice_d "
        "choice_e opa opb opc opd option1 option2 option3 option4 option5 option_1 "
        "option_2 option_3 option_4 option_5 choice1 choice2 choice3 choice4 choice_1 "
        "choice_2 choice_3 choice_4 b c d e"
    ),
    "right_choice": _names(
        "answer_key answer_idx answer_index answer_letter answer_label answer_id "
        "answer_number correct_option correct_choice correct_index correct_idx "
        "correct_answer_idx correct_answer_index correct_letter right_answer right_option"
    ),
    "reasoning": _names(
        "reasoning_content reasoning thinking thought thoughts cot chain_of_thought "
        "rationale reasoning_text reasoning_trace think thinking_content scratchpad "
        "complex_cot thought_process"
    ),
    "text": ("text",),
    "tools": _names("tools functions available_tools tool_definitions function_definitions"),
    "chosen": _names(
        "chosen preferred_output chosen_response chosen_answer preferred "
        "preferred_response accepted_response response_chosen winner_response "
        "better_response answer_chosen chosen_output good_response"
    ),
    "rejected": _names(
        "rejected non_preferred_output rejected_response rejected_answer dispreferred "
        "nonpreferred non_preferred dispreferred_response dispreferred_output "
        "response_rejected loser_response worse_response answer_rejected rejected_output "
        "bad_response non_preferred_response"
    ),
    "verdict": _names(
        "label kto_tag kto_label desirable is_desirable is_good is_correct correct "
        "accepted is_accepted approved thumbs_up"
    ),
    "media": _names(
        "images image videos video audios audio image_url image_urls image_path "
        "image_paths image_file pictures picture audio_path audio_file video_path "
        "video_file speech img imgs input_image attachments files"
    ),
    "weight": ("weight", "loss_weight", "train", "trainable"),
    "group": ("group",),
    "variant_of": ("variant_of",),
    "wrapper": _names("row data example sample record item"),
    "export": ("mapping", "contents", "body"),
}
"""Names of the keys of a row by their meaning; `export` also has meanings of its own above."""

PLACES = frozenset(
    _names(
        "answer label target gold answer_idx answer_index correct_idx correct_index "
        "correct_answer_idx correct_answer_index answer_label"
    )
)
"""Names whose numbers are choices counted from 0; for others that is unknown."""

METADATA = frozenset(
    _names(
        "id ids _id idx index no nr number uid uuid guid key source sources src dataset "
        "datasets dataset_name subset split config origin provenance url urls link links "
        "website domain license licence copyright author authors annotator annotators "
        "worker contributor creator user_name username created created_at create_time "
        "creation_date updated updated_at update_time modified timestamp timestamps date "
        "datetime time year language languages lang locale country category categories "
        "cat subcategory topic topics subtopic subject_name tag tags type kind task tasks "
        "task_type task_name question_type answer_type difficulty level grade_level "
        "quality score scores rating ratings rank ranks reward rewards confidence "
        "likelihood logprob logprobs perplexity ppl toxicity toxic safe redacted "
        "openai_moderation moderation detoxify upvotes downvotes votes likes num_tokens "
        "tokens token_count length turn num_turns n_turns model models model_name "
        "generator engine provider temperature top_p top_k max_tokens "
        "max_completion_tokens max_output_tokens n stop seed stream frequency_penalty "
        "presence_penalty logit_bias parallel_tool_calls tool_choice function_call_mode "
        "response_format reasoning_effort service_tier store usage object "
        "system_fingerprint finish_reason stop_reason stop_sequence version revision hash "
        "checksum sha256 sha1 md5 file filename file_name path filepath file_path line "
        "line_number page meta metadata meta_data meta_info extra extra_info properties "
        "current_node conversation_template_id plugin_ids is_archived is_starred archived "
        "pinned folder_id share_id safe_urls blocked_urls default_model_slug gizmo_id "
        "truncated_cells row_idx method error answer_start is_impossible cluster batch "
        "epoch fold flag flags status state_code generation_config generationconfig "
        "safety_settings safetysettings params parameters_used"
    )
)
"""Names of metadata: keys about a row, with nothing to train."""
METADATA_ENDINGS = _names(
    "_id _ids _idx _index _url _urls _hash _sha256 _md5 _uuid _timestamp _at _date "
    "_score _scores _count _rating _tokens _length _license _licence _source _model "
    "_model_name _split _lang _language _level_0__ _ms _seconds _version"
)
LONG_METADATA = 200
"""A text of at least this many characters is content, whatever its key is called."""

TASKS = ("instruction", "instructions", "task_description")
"""Names of questions that may be an instruction for another one."""

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "sys": "system",
    "system_prompt": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "customer": "user",
    "client": "user",
    "person": "user",
    "usr": "user",
    "question": "user",
    "instruction": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "ai": "assistant",
    "chatbot": "assistant",
    "llm": "assistant",
    "agent": "assistant",
    "claude": "assistant",
    "gemini": "assistant",
    "bard": "assistant",
    "copilot": "assistant",
    "gpt4": "assistant",
    "gpt_4": "assistant",
    "assistant_response": "assistant",
    "answer": "assistant",
    "ai_assistant": "assistant",
    "bing": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "tool_calls": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
    "observation": "tool",
    "environment": "tool",
    "tool_response": "tool",
    "tool_responses": "tool",
    "tool_result": "tool",
    "tool_results": "tool",
    "tool_output": "tool",
    "function_response": "tool",
    "function_result": "tool",
    "function_output": "tool",
    "function_call_output": "tool",
}
"""Names of roles by meaning; those of `CALLING` hold a tool call as JSON text."""
CALLING = frozenset(("function_call", "tool_call", "tool_calls"))

ROLE_KEYS = _names("role from speaker author sender")
CONTENT_KEYS = _names("content value text message parts utterance")
REASONING_KEYS = _names("reasoning_content reasoning thinking thought thoughts thinking_content")
WEIGHT_KEYS = _names("weight loss_weight train trainable training loss masked")
"""On a message: whether the loss counts on it; `masked` means the opposite."""
UNCLEAR_WEIGHTS = ("mask", "train_detail", "loss_mask", "weights")
"""Keys that may mean either, or parts of an answer: the row does not say which."""
CALL_KEYS = ("tool_calls", "function_call")
MESSAGE_METADATA = METADATA | {
    "name",
    "tool_call_id",
    "call_id",
    "parent",
    "parent_id",
    "children",
    "recipient",
    "channel",
    "end_turn",
    "annotations",
    "done",
    "files_ids",
    "model_idx",
    "user_context",
    "refusal",
    "end_time",
    "emotion",
    "audio_id",
    "done_reason",
    "status",
    "phase",
    "index",
    "title",
    "is_user",
    "selected_model_id",
    "children_ids",
    "parentid",
    "childrenids",
    "modelname",
    "thought_signature",
    "thoughtsignature",
    "cache_control",
    "statushistory",
    "favorite",
    "followups",
    "lastsentence",
}

AROUND = " \t\r\n#*:"
"""What people write around a name, as in `### Instruction:`."""
_SMALL_LARGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\s\-./]+")
_MEANINGS: dict[str, Meaning] = {
    name: meaning for meaning, names in FIELDS.items() for name in names
}


@lru_cache(4096)
def known_as(key: str) -> str:
    """Return a key's name as names are compared: lower case, words split by `_`."""
    key = key.strip(AROUND)
    if key.isupper():
        return _BETWEEN.sub("_", key).lower()
    return _BETWEEN.sub("_", _SMALL_LARGE.sub("_", key)).lower()


@lru_cache(4096)
def meaning_of(key: str) -> Meaning | None:
    """Return the meaning of a key of a row; None if it is unknown."""
    name = known_as(key)
    found = _MEANINGS.get(name)
    if found is None and (name in METADATA or name.endswith(METADATA_ENDINGS)):
        return "metadata"
    return found


def role_of(name: object) -> Role | None:
    """Return the role of a message's role name; None if it is unknown."""
    if not isinstance(name, str):
        return None
    return ROLES.get(name) or ROLES.get(known_as(name).strip("_:"))


OWN_MEANINGS: dict[FieldName, Meaning] = {
    "messages": "messages",
    "conversations": "messages",
    "prompt": "prompt",
    "input": "input",
    "completion": "completion",
    "text": "text",
    "system": "system",
    "tools": "tools",
    "group": "group",
    "variant_of": "variant_of",
    "context": "context",
    "history": "history",
    "choices": "choices",
    "reasoning": "reasoning",
    "chosen": "chosen",
    "rejected": "rejected",
}
"""The meaning of each user-defined key."""
