"""Write docs/field-names.md from the table of names of keys and roles; says nothing of its own."""

from pathlib import Path

from daemon.core.rows.forms.names import FIELDS, METADATA, METADATA_ENDINGS, ROLES

PAGE = Path(__file__).resolve().parent / "field-names.md"
WORDS = {
    "messages": "the messages of a conversation",
    "prompt": "the question or task",
    "input": "what a task is about, or the question where nothing else is one",
    "completion": "the answer",
    "late_completion": "the answer, where no key of the line above is there",
    "context": "what a question is about; the question, where nothing else is one",
    "history": "earlier turns",
    "system": "the system text",
    "choices": "answers to choose from",
    "choice_column": "one such answer each",
    "right_choice": "which of them is right",
    "reasoning": "what was thought before the answer",
    "text": "plain text, or a question without another name",
    "tools": "functions that may be called",
    "chosen": "preference data: the better answer",
    "rejected": "preference data: the worse answer",
    "verdict": "true for a good answer, false for a bad one",
    "media": "pictures, sounds, films: the row is refused",
    "weight": "0 for a row that is not to be trained",
    "group": "variants of one example",
    "variant_of": "the first question of the original",
    "wrapper": "the row itself, where nothing but metadata stands beside it",
    "export": "a part of an export of an API or a chat program",
}


def main() -> None:
    PAGE.write_text(field_names_page(), encoding="utf-8")


def field_names_page() -> str:
    """Return the page of all names that are known."""
    parts = [
        "# Field names\n\n"
        "Generated from `daemon/core/rows/forms/names.py` by `make docs`. Names are "
        "compared without case; `systemPrompt` and `System Prompt` count as `system_prompt`. For "
        "how they are read, see [what a row may look like](data.md).\n\n"
        "## Keys of a row\n\n| meaning | names |\n| --- | --- |\n"
    ]
    parts += [f"| {WORDS[meaning]} | {_listed(names)} |\n" for meaning, names in FIELDS.items()]
    parts.append("\n## Roles\n\n| role | names |\n| --- | --- |\n")
    for role in dict.fromkeys(ROLES.values()):
        names = [name for name, known in ROLES.items() if known == role]
        parts.append(f"| `{role}` | {_listed(names)} |\n")
    parts.append(
        "\n## Metadata\n\nThese are not learned, unless one contains a text of 200 characters "
        f"or more: {_listed(sorted(METADATA))}; and names that end in "
        f"{_listed(METADATA_ENDINGS)}. All other keys with content are reported as not read.\n"
    )
    return "".join(parts)


def _listed(names: "list[str] | tuple[str, ...]") -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    main()
