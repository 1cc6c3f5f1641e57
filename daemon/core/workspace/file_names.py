"""Classifies dropped files by name: their kind, and the hold-out or exam files beside them."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

ENDING = re.compile(r"\.(?:jsonl|ndjson|json|csv|tsv|parquet)(?:\.gz|\.zst)?\Z", re.IGNORECASE)
FIRST = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
KINDS = ".jsonl, .ndjson, .json, .csv, .tsv or .parquet, each also with .gz or .zst"
OWN_SETTINGS = ".settings.toml"
BESIDE = (
    OWN_SETTINGS,
    *(
        part + kind + packing
        for part in ("", ".valid", ".test")
        for kind in FIRST
        for packing in ("", ".gz", ".zst")
    ),
)
"""Separators between a shared stem and the rest of a name."""
TRAIN = "train"
PARTS = {"valid": "valid", "validation": "valid", "val": "valid", "test": "test"}
"""Names of files to measure with, and what each is: the hold-out, or the exam."""
SHARD = re.compile(r"-\d{5}-of-\d{5}\Z")
"""The suffix a hub gives each shard of a split."""


OTHERS = {
    (
        ".xlsx",
        ".xls",
        ".xlsm",
        ".ods",
        ".numbers",
    ): "is a spreadsheet: save its sheet as CSV and drop that",
    (
        ".pdf",
        ".doc",
        ".docx",
        ".odt",
        ".rtf",
        ".ppt",
        ".pptx",
    ): "is a document: write its text as rows, one JSON object per line",
    (
        ".txt",
        ".md",
    ): 'is plain text: write each passage as {"text": "\u2026"} on a line of a .jsonl file; '
    "if it holds rows, 'finetuned submit' looks inside",
    (
        ".yaml",
        ".yml",
        ".toml",
        ".ipynb",
        ".py",
    ): "is not a file of rows: save its rows as JSON lines, one object per line of a .jsonl file",
    (".htm", ".html", ".xml"): "is a web page or XML: download the data itself",
    (
        ".zip",
        ".tar",
        ".tgz",
        ".7z",
        ".rar",
        ".bz2",
        ".xz",
        ".tar.gz",
    ): "is an archive: unpack it and drop the files in it",
    (
        ".pt",
        ".pth",
        ".pkl",
        ".pickle",
        ".bin",
        ".safetensors",
        ".gguf",
    ): "is not a file of rows, and is never opened: save the rows as JSON lines",
    (
        ".arrow",
        ".feather",
        ".avro",
        ".orc",
        ".db",
        ".sqlite",
        ".npy",
        ".npz",
        ".h5",
    ): "is a table of another kind: save it as Parquet or CSV",
}
"""Files dropped by mistake, by their endings, with what to do instead."""


def why_not_taken(name: str) -> str:
    """Return why a file with this name is not a training file, and what to do."""
    low = name.lower()
    known = next((words for endings, words in OTHERS.items() if low.endswith(endings)), None)
    return known or f"only files that end in {KINDS} are taken; 'finetuned submit' looks inside"


def ending_of(name: str) -> str:
    """Return the known ending of a file name, as written; empty if there is none."""
    found = ENDING.search(name)
    return found[0] if found else ""


def stem_of(name: str) -> str:
    """Return a file's name without its known ending."""
    return name[: len(name) - len(ending_of(name))]


def copy_name(stem: str, name: str) -> str:
    """Return the name of a file's copy in its job, as `original.csv.gz`."""
    return stem + (ending_of(name).lower() or ".jsonl")


def owner_of(name: str) -> tuple[str, str] | None:
    """Return the stem of the main file that a hold-out or exam file belongs to, and its role.

    `x.valid.jsonl` and `x.test.jsonl` belong to `x`; `valid.jsonl` and `test.jsonl` to `train`.
    None for any other file.
    """
    if not ending_of(name):
        return None
    stem = stem_of(name)
    whole = PARTS.get(SHARD.sub("", stem).lower())
    if whole is not None:
        return TRAIN, whole
    before, _, last = stem.rpartition(".")
    part = PARTS.get(last.lower()) if before else None
    return None if part is None else (before, part)


def shared_stem(name: str) -> str:
    """Return the stem that a main file and the files beside it share."""
    stem = stem_of(name)
    return TRAIN if SHARD.sub("", stem).lower() == TRAIN else stem


def part_beside(main: str, part: str, ending: str) -> str:
    """Return the name of the `valid` or `test` file of a main file."""
    stem = shared_stem(main)
    return f"{part}{ending}" if stem == TRAIN else f"{stem}.{part}{ending}"


@dataclass
class Group:
    """A file to train on with those that belong to it, by role: `valid`, `test`."""

    main: str
    parts: dict[str, str] = field(default_factory=dict)
    settings: str | None = None

    @property
    def mates(self) -> list[str]:
        """The files that are claimed together with the main one."""
        return [*self.parts.values(), *([self.settings] if self.settings else [])]


def grouped(names: Collection[str]) -> dict[str, Group]:
    """Return the groups of the files of one folder by their main file.

    Where two main files share a stem, the others belong to the one whose ending ranks first.
    """
    mains = sorted(
        (name for name in names if ending_of(name) and owner_of(name) is None), key=_rank
    )
    groups = {name: Group(name) for name in mains}
    first: dict[str, Group] = {}
    for name in mains:
        first.setdefault(shared_stem(name), groups[name])
    for name in sorted(names):
        owner = owner_of(name)
        if owner is not None and owner[0] in first:
            first[owner[0]].parts.setdefault(owner[1], name)
        elif name.endswith(OWN_SETTINGS) and name.removesuffix(OWN_SETTINGS) in first:
            first[name.removesuffix(OWN_SETTINGS)].settings = name
    return groups


def _rank(name: str) -> tuple[int, str]:
    ending = ending_of(name).lower()
    return next(
        n for n, known in enumerate(FIRST) if ending.startswith(known + ".") or ending == known
    ), name
