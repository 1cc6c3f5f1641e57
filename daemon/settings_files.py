"""The tables of settings for dropped files: inbox, duplicates, quality, privacy, hold-out."""

from typing import Literal

from pydantic import Field

from daemon.settings_tables import Section

PrivateKind = Literal["private_key", "api_key", "email", "phone", "card", "iban"]


class InboxSettings(Section):
    """How files are claimed from `inbox/`."""

    settle_s: float = Field(
        1.0, ge=0.0, le=600.0, description="Seconds a file must be unchanged before it is claimed."
    )
    rescan_s: float = Field(
        2.0,
        gt=0.0,
        le=600.0,
        description="Seconds between full scans of the folder; file events only speed it up.",
    )
    unfinished_s: float = Field(
        30.0,
        ge=0.0,
        le=86400.0,
        description="Seconds to wait for an unchanged file whose last line is cut off.",
    )
    claim_retry_s: float = Field(
        60.0,
        ge=0.0,
        le=86400.0,
        description="Seconds for which an unreadable file is retried before it is reported.",
    )


class DedupSettings(Section):
    """When two rows count as duplicates."""

    near: bool = Field(
        True, description="Also compare questions by wording; false compares whole rows only."
    )
    boilerplate_share: float = Field(
        0.5,
        gt=0.0,
        le=1.0,
        description="Text that more than this share of a file's prompts contains is not compared.",
    )
    threshold: float = Field(
        0.85,
        ge=0.5,
        le=1.0,
        description="Least share of equal characters for questions, or answers, to be near.",
    )
    conflicts: Literal["keep", "newest", "refuse"] = Field(
        "keep",
        description="Two answers of a file that contradict each other: keep both, the later, or "
        "neither.",
    )
    corrections: Literal["newest", "keep", "refuse"] = Field(
        "newest",
        description="A different answer to an earlier file's question: it replaces the old one, "
        "is trained beside it, or is refused.",
    )


class QualitySettings(Section):
    """Which rows are good enough."""

    keep_share: float = Field(
        1.0, gt=0.0, le=1.0, description="Share of a file's rows that is trained, the best first."
    )


class PrivacySettings(Section):
    """What must not be trained."""

    refuse: tuple[PrivateKind, ...] = Field(
        (), description="Rows that contain any of these are refused; other kinds are only counted."
    )


class HoldoutSettings(Section):
    """Which examples are held out of training, to measure with."""

    share: float = Field(
        0.1,
        ge=0.0,
        le=0.5,
        description="Share of a file's families that is held out, one row of each.",
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the choice; never change it.")
    max_rows: int = Field(
        200, ge=1, le=100_000, description="At most this many families of a file are held out."
    )
