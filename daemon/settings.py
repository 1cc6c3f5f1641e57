"""Every setting, each once, with its default, unit and range; knows nothing of who uses it."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from daemon.core.formats import FieldName
from daemon.errors import SettingsFault

PrivateKind = Literal["private_key", "api_key", "email", "phone", "card", "iban"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A table of `finetuned.toml`: immutable, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class InboxSettings(Section):
    """How files are taken from `inbox/`."""

    settle_s: float = Field(
        1.0, ge=0.0, le=600.0, description="Seconds a file must lie unchanged before it is taken."
    )
    rescan_s: float = Field(
        2.0,
        gt=0.0,
        le=600.0,
        description="Seconds between full looks at the folder; file events only make it quicker.",
    )
    claim_retry_s: float = Field(
        60.0,
        ge=0.0,
        le=86400.0,
        description="Seconds an unreadable file is tried again before it is reported.",
    )


class IntakeSettings(Section):
    """Which rows are fit for training."""

    max_bad_share: Share = Field(
        0.5, description="A file with more than this share of bad rows is refused as a whole."
    )
    max_file_bytes: int = Field(
        16 * 2**30, ge=1, description="A larger file is refused before it is read, in bytes."
    )
    max_line_bytes: int = Field(
        8 * 2**20, ge=64, le=2**31, description="A longer line is refused, in bytes."
    )
    max_depth: int = Field(
        32, ge=4, le=200, description="Deepest nesting of brackets in a row, in levels."
    )
    pictures: bool = Field(
        True, description="Also draw the report as report.html and report.png, about 2 MB a job."
    )
    fields: dict[FieldName, str] = Field(
        {}, description='Own names of keys, as { prompt = "frage", completion = "antwort" }.'
    )


class DedupSettings(Section):
    """When two rows are one."""

    near: bool = Field(
        True, description="Also compare questions by wording; false compares whole rows only."
    )
    boilerplate_share: float = Field(
        0.5,
        gt=0.0,
        le=1.0,
        description="Text that more than this share of a file's prompts has is not compared.",
    )
    conflicts: Literal["keep", "newest", "refuse"] = Field(
        "keep", description="One question with two short answers: keep both, the later, or neither."
    )


class QualitySettings(Section):
    """Which rows are good enough."""

    keep_share: float = Field(
        1.0, gt=0.0, le=1.0, description="Share of a file's rows that is kept, the best first."
    )


class PrivacySettings(Section):
    """What must not be learned."""

    refuse: tuple[PrivateKind, ...] = Field(
        (), description="Rows that hold any of these are refused; others are only counted."
    )


class HoldoutSettings(Section):
    """Which examples are kept out of training, to measure with."""

    share: float = Field(
        0.1, ge=0.0, le=0.5, description="Share of a file's conversations that is held out."
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of the choice; keep it for ever.")
    max_rows: int = Field(
        200, ge=1, le=100_000, description="At most this many rows of a file are held out."
    )


class TrainingSettings(Section):
    """The adapter and how it is trained."""

    kind: Literal["lora", "dora"] = Field("lora", description="Kind of adapter.")
    rank: int = Field(16, ge=1, le=1024, description="Rank of the adapter.")
    scale: float | None = Field(
        None,
        gt=0.0,
        le=1000.0,
        description="Strength of the adapter; 2.0 where neither this nor alpha is given.",
    )
    alpha: float | None = Field(
        None, gt=0.0, description="The same strength as other tools write it: alpha = scale x rank."
    )
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Dropout on the adapter's input.")
    num_layers: int = Field(
        16, ge=-1, le=1000, description="Adapted layers, counted from the last; -1 for all."
    )
    keys: tuple[str, ...] = Field(
        (), description="Adapted modules by their name in a layer; empty for every linear layer."
    )
    epochs: int = Field(2, ge=1, le=1000, description="How often each row is trained in a run.")
    learning_rate: float = Field(5e-4, gt=0.0, le=1.0, description="Peak learning rate.")
    batch_rows: int = Field(8, ge=1, le=4096, description="Rows of one optimizer step.")
    pass_tokens: int = Field(
        2048,
        ge=16,
        le=2**20,
        description="Padded tokens computed at once; a larger step is accumulated exactly.",
    )
    max_row_tokens: int = Field(1024, ge=16, le=2**20, description="Most tokens of a row.")
    over_long: Literal["reject", "split", "truncate"] = Field(
        "reject",
        description="What happens to longer rows: refused, split between turns, or cut off.",
    )
    optimizer: Literal["adamw", "adam", "sgd", "lion", "adafactor", "rmsprop"] = Field(
        "adamw", description="Optimizer, by its name in mlx.optimizers."
    )
    weight_decay: float = Field(0.0, ge=0.0, le=1.0, description="Weight decay (adamw, lion, sgd).")
    clip_norm: float = Field(
        1.0,
        gt=0.0,
        le=1e6,
        description="Largest norm of a gradient; longer ones are scaled.",
    )
    warmup_steps: int = Field(
        10, ge=0, le=100_000, description="First steps of a lineage over which the rate climbs."
    )
    rewarm_steps: int = Field(
        5, ge=0, le=100_000, description="First steps of a later run over which it climbs back."
    )
    decay_share: Share = Field(0.2, description="Last share of each run over which the rate falls.")
    decay_floor: Share = Field(0.1, description="Share of the peak rate at a run's last step.")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of order, adapter and dropout.")

    @property
    def effective_scale(self) -> float:
        """The factor of the low-rank product, from `scale` or `alpha`."""
        if self.scale is not None:
            return self.scale
        return 2.0 if self.alpha is None else self.alpha / self.rank

    @model_validator(mode="after")
    def _one_strength(self) -> Self:
        if self.scale is None or self.alpha is None:
            return self
        if abs(self.alpha - self.scale * self.rank) > 1e-6 * self.alpha:
            raise ValueError(
                f"scale = {self.scale} and alpha = {self.alpha} contradict each other: "
                f"alpha must be scale x rank = {self.scale * self.rank}; give one of them"
            )
        return self


class RunSettings(Section):
    """How queued jobs become runs."""

    gather_rows: int = Field(
        64,
        ge=1,
        description="Small jobs are gathered into one run until it has this many training rows.",
    )


class CheckpointSettings(Section):
    """When a run commits its progress."""

    seconds: float = Field(60.0, gt=0.0, le=86400.0, description="Most seconds between commits.")
    steps: int = Field(0, ge=0, description="Also a commit every so many steps; 0 for none.")
    keep: int = Field(2, ge=1, le=100, description="Checkpoints kept of the run in progress.")


class EvaluationSettings(Section):
    """What is measured while a run goes on, and at its end."""

    eval_every: int = Field(10, ge=0, description="Steps between evaluations; 0 for none.")
    samples: int = Field(
        3, ge=0, le=100, description="Hold-out prompts answered at each evaluation."
    )
    validation_rows: int = Field(
        16, ge=1, le=10_000, description="Fixed hold-out rows of the validation loss."
    )
    max_new_tokens: int = Field(64, ge=1, le=4096, description="Longest answer, in tokens.")
    budget_share: Share = Field(
        0.1,
        description="Share of training time for evaluations; they leave items out, never turns.",
    )
    judge_rows: int = Field(
        64, ge=1, le=10_000, description="Hold-out rows scored for the verdict, of each kind."
    )
    judge_samples: int = Field(
        32, ge=0, le=10_000, description="Hold-out prompts answered for the verdict."
    )


class GateSettings(Section):
    """When a candidate becomes the current version."""

    unproven: Literal["promote", "hold"] = Field(
        "promote", description="What happens to a candidate neither proven better nor worse."
    )
    level: float = Field(
        0.05, gt=0.0, lt=0.5, description="Chance of a false 'better' or 'worse' that is accepted."
    )
    min_effect: float = Field(
        0.01, ge=0.0, le=10.0, description="Smallest change of loss that counts, in nats a token."
    )


class RetentionSettings(Section):
    """What is kept on disk."""

    versions: int = Field(20, ge=1, description="Versions kept besides current, parent and pinned.")
    moments: int = Field(3, ge=0, description="Latest versions that keep their optimizer moments.")
    backups: int = Field(3, ge=1, description="Promoted versions kept as a second copy.")


class TrainerSettings(Section):
    """The worker processes."""

    idle_s: float = Field(
        300.0, ge=0.0, description="Seconds a worker stays warm with nothing to do."
    )
    silent_s: float = Field(
        600.0, gt=0.0, description="A trainer silent for so long is ended and counted as dead."
    )
    stop_s: float = Field(
        5.0, gt=0.0, le=60.0, description="Seconds a trainer has to commit when it must stop."
    )
    keep_awake: bool = Field(
        True, description="Hold off a Mac's idle sleep on mains power while a run goes on."
    )


class LogSettings(Section):
    """The log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important message that is written."
    )
    max_bytes: int = Field(
        16 * 2**20, ge=4096, description="Size at which a log or event file is rotated, in bytes."
    )
    keep: int = Field(3, ge=1, le=100, description="Rotated files kept.")


class Settings(Section):
    """The whole of `finetuned.toml`."""

    model: str = Field(
        "smollm2-135m",
        min_length=1,
        description="Base model: smollm2-135m, an mlx-lm directory, a Llama GGUF, or a hub id.",
    )
    inbox: InboxSettings = InboxSettings()
    intake: IntakeSettings = IntakeSettings()
    dedup: DedupSettings = DedupSettings()
    quality: QualitySettings = QualitySettings()
    privacy: PrivacySettings = PrivacySettings()
    holdout: HoldoutSettings = HoldoutSettings()
    training: TrainingSettings = TrainingSettings()
    run: RunSettings = RunSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    gate: GateSettings = GateSettings()
    retention: RetentionSettings = RetentionSettings()
    trainer: TrainerSettings = TrainerSettings()
    log: LogSettings = LogSettings()


OWN_SECTIONS = ("training", "evaluation", "checkpoint")
"""The sections of which a job may carry its own settings."""

FIT_KEYS = ("kind", "rank", "scale", "alpha", "num_layers", "keys")
"""The keys of `[training]` that decide which adapters fit; they belong to a lineage, not a job."""


def read_settings(path: Path) -> Settings:
    """Read `finetuned.toml`; a missing file means the defaults.

    Raises:
        SettingsFault: the file is not TOML, or any key or value is wrong; all are listed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsFault("settings_unreadable", f"{path} cannot be read: {error}") from error
    return parse_settings(text, str(path))


def parse_settings(text: str, name: str) -> Settings:
    """Return the settings a TOML text holds; `name` stands in the messages.

    Raises:
        SettingsFault: with every mistake at once, each with its line and key.
    """
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsFault("settings_not_toml", f"{name} is not valid TOML: {error}") from error
    except ValidationError as error:
        raise SettingsFault("settings_invalid", _explain(error, text, name)) from error


def parse_own(text: str) -> dict[str, Any]:
    """Return a job's own settings from their TOML text.

    Raises:
        SettingsFault: not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsFault("own_settings_not_toml", f"not valid TOML: {error}") from error


def with_own(settings: Settings, own: dict[str, Any]) -> Settings:
    """Return the settings with a job's own laid over them.

    Raises:
        SettingsFault: a key that a job cannot set for itself, or a wrong value.
    """
    merged = settings.model_dump()
    for section, values in own.items():
        if section not in OWN_SECTIONS or not isinstance(values, dict):
            raise SettingsFault(
                "own_settings_section",
                f"[{section}] cannot be set for one job; only {', '.join(OWN_SECTIONS)} can",
            )
        fixed = sorted(set(values) & set(FIT_KEYS)) if section == "training" else []
        if fixed:
            raise SettingsFault(
                "own_settings_fit",
                f"{', '.join(fixed)} cannot be set for one job: the adapter is carried from file "
                "to file; change finetuned.toml and run 'finetuned lineage new'",
            )
        merged[section] |= values
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsFault("own_settings_invalid", _explain(error, "", "the job")) from error


def _explain(error: ValidationError, text: str, name: str) -> str:
    mistakes = []
    for item in error.errors():
        keys = [str(part) for part in item["loc"]]
        line = _line_of(text, keys)
        place = f"line {line}: " if line else ""
        what = "unknown key" if item["type"] == "extra_forbidden" else item["msg"]
        mistakes.append(f"  {place}{'.'.join(keys) or 'settings'}: {what}")
    return f"{name} has {len(mistakes)} mistake(s):\n" + "\n".join(mistakes)


def _line_of(text: str, keys: list[str]) -> int | None:
    """Find where a key stands; tomllib keeps no positions."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.split("]")[0].strip("[ ")
            if [table] == keys:
                return number
        elif "=" in stripped and not stripped.startswith("#"):
            name = stripped.split("=")[0].strip().strip('"')
            if ([*table.split("."), name] if table else name.split(".")) == keys:
                return number
    return None
