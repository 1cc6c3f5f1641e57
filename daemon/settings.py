"""Every setting, each once, with its default, unit and range."""

import math
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.rows.prefix import NONE, Prefix
from daemon.core.training.learning_rates import default_rate
from daemon.core.workspace.versions import AdapterSpec
from daemon.settings_evaluation import (
    EvaluationSettings,
    GateSettings,
    GradeSettings,
    TargetsSettings,
)
from daemon.settings_files import (
    DedupSettings,
    HoldoutSettings,
    InboxSettings,
    PrivacySettings,
    QualitySettings,
)
from daemon.settings_serving import ServerSettings
from daemon.settings_tables import (
    IntakeSettings,
    MemorySettings,
    PrefixName,
    PrefixSettings,
    Section,
    Share,
    TemplateSettings,
)

OUTSIDE_LAYERS = ("embed_tokens", "lm_head", "wte", "embed_in", "embed_out")
"""What models call their embedding and their head."""


class TrainingSettings(Section):
    """The adapter and how it is trained."""

    kind: Literal["lora", "dora"] = Field("lora", description="Kind of adapter.")
    rank: int = Field(16, ge=1, le=1024, description="Rank of the adapter.")
    scale: float | None = Field(
        None,
        gt=0.0,
        le=1000.0,
        description="Strength of the adapter; 2.0 if neither this nor alpha is set.",
    )
    alpha: float | None = Field(
        None, gt=0.0, description="The same strength in other tools' terms: scale = alpha / rank."
    )
    rslora: bool = Field(
        False, description="alpha is divided by the square root of the rank, not by the rank."
    )
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Dropout on the adapter's input.")
    num_layers: int = Field(
        16, ge=-1, le=1000, description="Adapted layers, counted from the last; -1 for all."
    )
    keys: tuple[str, ...] = Field(
        (), description="Adapted modules by their name in a layer; empty for every linear layer."
    )
    prefix: PrefixName = Field(
        NONE, description='Name of the text from [prefixes] before every prompt, or "none".'
    )
    epochs: int = Field(2, ge=1, le=1000, description="How often each row is trained in a run.")
    learning_rate: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="Peak learning rate; chosen by the base's width and the adapter if none.",
    )
    batch_rows: int = Field(8, ge=1, le=4096, description="Rows of one optimizer step.")
    row_tokens: int | None = Field(
        None,
        ge=16,
        le=2**20,
        description="Tokens of a row that several texts share; measured if none.",
    )
    row_layout: Literal["packed", "alone"] | None = Field(
        None, description="Texts share rows, or each has its own; the faster way if none."
    )
    pass_tokens: int | None = Field(
        None,
        ge=16,
        le=2**20,
        description="Tokens computed at once, larger steps in parts; by the machine if none.",
    )
    grad_checkpoint: bool = Field(
        False, description="Recompute each layer for its gradient: less memory, more time."
    )
    kept_bytes: int = Field(
        2 * 2**30,
        ge=0,
        description="Disk space for cached outputs of frozen layers, in bytes.",
    )
    max_row_tokens: int = Field(1024, ge=16, le=2**20, description="Most tokens of a row.")
    over_long: Literal["reject", "split", "truncate"] = Field(
        "reject",
        description="What happens to longer rows: refused, split between turns, or cut off.",
    )
    optimizer: Literal[
        "adamw",
        "adam",
        "adamax",
        "adagrad",
        "adadelta",
        "sgd",
        "lion",
        "adafactor",
        "rmsprop",
        "muon",
    ] = Field("adamw", description="Optimizer, by its name in mlx.optimizers.")
    weight_decay: float = Field(
        0.0, ge=0.0, le=1.0, description="Weight decay (adamw, lion, muon, sgd)."
    )
    clip_norm: float = Field(
        1.0,
        gt=0.0,
        le=1e6,
        description="Largest norm of a gradient; longer ones are scaled.",
    )
    warmup_steps: int = Field(
        10, ge=0, le=100_000, description="First steps of a lineage, over which the rate rises."
    )
    rewarm_steps: int = Field(
        5,
        ge=0,
        le=100_000,
        description="First steps of a later run, over which it rises if carry_schedule = decay.",
    )
    decay_share: Share = Field(0.2, description="Last share of each run over which the rate falls.")
    decay_floor: Share = Field(0.1, description="Share of the peak rate at a run's last step.")
    patience_steps: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Steps without a better loss on tune rows after which a run ends; 0 for never.",
    )
    min_delta: float = Field(
        0.01, ge=0.0, le=10.0, description="Least fall of that loss that counts, in nats per token."
    )
    carry_moments: Literal["keep", "decay", "reset"] = Field(
        "keep",
        description="The optimizer's moments in the next run: kept, halved, or fresh.",
    )
    carry_schedule: Literal["keep", "decay", "reset"] = Field(
        "keep",
        description="Its learning rate: the peak at once, a short rise, or the whole warm-up.",
    )
    carry_step: Literal["keep", "reset"] = Field(
        "keep", description="The optimizer's step count, used to correct young moments."
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of order, adapter and dropout.")

    @property
    def effective_scale(self) -> float:
        """The factor of the low-rank product, from `scale` or `alpha`."""
        if self.scale is not None:
            return self.scale
        return 2.0 if self.alpha is None else self.alpha / self._alpha_divisor

    @property
    def peak_rate(self) -> float:
        """The learning rate; where none is given, that for a narrow base."""
        if self.learning_rate is not None:
            return self.learning_rate
        return default_rate(None, self.rank, self.effective_scale)

    def with_rate(self, width: int | None) -> "TrainingSettings":
        """Return them with a learning rate, where none is given that for a base of this width."""
        if self.learning_rate is not None:
            return self
        rate = default_rate(width, self.rank, self.effective_scale)
        return self.model_copy(update={"learning_rate": rate})

    @property
    def _alpha_divisor(self) -> float:
        return math.sqrt(self.rank) if self.rslora else float(self.rank)

    @property
    def adapter(self) -> AdapterSpec:
        """The adapter that these settings describe."""
        return AdapterSpec(
            kind=self.kind,
            rank=self.rank,
            scale=self.effective_scale,
            dropout=self.dropout,
            num_layers=self.num_layers,
            keys=self.keys,
        )

    @field_validator("keys")
    @classmethod
    def _within_the_layers(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        outside = [key for key in keys if key.rsplit(".", 1)[-1] in OUTSIDE_LAYERS]
        if outside:
            raise ValueError(
                f"{', '.join(outside)} lies outside the layers and cannot be trained: "
                "name linear modules of a layer, as self_attn.q_proj, or none for all of them"
            )
        return keys

    @model_validator(mode="after")
    def _one_strength(self) -> Self:
        if self.scale is None or self.alpha is None:
            return self
        meant = self.alpha / self._alpha_divisor
        if abs(meant - self.scale) > 1e-6 * meant:
            raise ValueError(
                f"scale = {self.scale} and alpha = {self.alpha} contradict each other: "
                f"alpha stands for scale = {meant:.6g} here; give one of them"
            )
        return self


class ReplaySettings(Section):
    """How much of earlier files is trained again."""

    share: float = Field(
        0.1,
        ge=0.0,
        le=0.9,
        description="Share of a run's rows that are drawn from earlier runs.",
    )
    most_share: float = Field(
        0.3, ge=0.0, le=0.9, description="Largest such share if earlier files were forgotten."
    )
    alarm: float = Field(
        0.1,
        gt=0.0,
        le=10.0,
        description="Rise of an earlier hold-out's loss that raises an alert, in nats per token.",
    )


class RunSettings(Section):
    """How queued jobs become runs."""

    gather_rows: int = Field(
        64,
        ge=1,
        description="Small jobs are gathered into one run until it has this many training rows.",
    )
    loss_curve: bool = Field(
        True, description="Also write loss_curve.png into the version; takes about a second."
    )


class CheckpointSettings(Section):
    """When a run commits its progress."""

    seconds: float = Field(
        60.0, gt=0.0, le=86400.0, description="Longest time between commits, in seconds."
    )
    steps: int = Field(0, ge=0, description="Also commit every this many steps; 0 for none.")
    keep: int = Field(2, ge=1, le=100, description="Checkpoints kept of the run in progress.")


class PauseSettings(Section):
    """What a pause does."""

    release_s: float = Field(
        300.0, ge=0.0, description="Seconds of a pause after which the model is unloaded."
    )


class RetentionSettings(Section):
    """What is kept on disk."""

    versions: int = Field(20, ge=1, description="Versions kept besides current, parent and pinned.")
    moments: int = Field(3, ge=0, description="Latest versions that keep their optimizer moments.")
    backups: int = Field(3, ge=1, description="Promoted versions kept as a second copy.")


class TrainerSettings(Section):
    """The worker processes."""

    idle_s: float = Field(300.0, ge=0.0, description="Seconds an idle worker keeps running.")
    silent_s: float = Field(
        600.0,
        gt=0.0,
        description="A trainer silent for this long, and for ten of its steps, is killed.",
    )
    stop_s: float = Field(
        5.0, gt=0.0, le=60.0, description="Seconds a trainer has to commit before it is killed."
    )
    keep_awake: bool = Field(
        True, description="Prevent a Mac's idle sleep on mains power during a run."
    )
    cool_down: Literal["never", "laptop", "always"] = Field(
        "laptop",
        description="Rest when throttled or on battery; laptop: only where there is a battery.",
    )
    cool_down_share: float = Field(
        0.5, gt=0.0, le=0.9, description="Share of the time to rest while that lasts."
    )
    display_rest_share: float = Field(
        0.05,
        ge=0.0,
        le=0.9,
        description="Share of the time left to a Mac's display while it is on.",
    )
    max_traces: int = Field(
        192,
        ge=0,
        description="Compiled shapes of a run after which a new trainer takes over; 0: none.",
    )
    max_growth: float = Field(
        2.0,
        ge=0.0,
        description="Growth of its memory, as a factor, with the same effect; 0 for none.",
    )
    max_runs: int = Field(
        0, ge=0, description="Runs after which a new trainer takes over; 0 for none."
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
    access: Literal["owner", "group", "umask"] = Field(
        "owner",
        description="Who may read what is written: you, your group too, or as your umask says.",
    )
    inbox: InboxSettings = InboxSettings()
    intake: IntakeSettings = IntakeSettings()
    dedup: DedupSettings = DedupSettings()
    quality: QualitySettings = QualitySettings()
    privacy: PrivacySettings = PrivacySettings()
    holdout: HoldoutSettings = HoldoutSettings()
    template: TemplateSettings = TemplateSettings()
    prefixes: PrefixSettings = PrefixSettings()
    training: TrainingSettings = TrainingSettings()
    replay: ReplaySettings = ReplaySettings()
    run: RunSettings = RunSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    pause: PauseSettings = PauseSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    gate: GateSettings = GateSettings()
    grade: GradeSettings = GradeSettings()
    targets: TargetsSettings = TargetsSettings()
    retention: RetentionSettings = RetentionSettings()
    trainer: TrainerSettings = TrainerSettings()
    server: ServerSettings = ServerSettings()
    memory: MemorySettings = MemorySettings()
    log: LogSettings = LogSettings()

    @property
    def prefix(self) -> Prefix | None:
        """The prefix that `training.prefix` names; None for none."""
        name = self.training.prefix
        return None if name == NONE else Prefix(name, self.prefixes.texts[name])

    @property
    def plain_form(self) -> str | None:
        """The form in which is written what the template leaves out; None for none."""
        return PLAIN_FORM if self.template.left_out == "write" else None

    def with_rate(self, width: int | None) -> "Settings":
        """Return them with a learning rate, where none is given that for a base of this width."""
        return self.model_copy(update={"training": self.training.with_rate(width)})

    @model_validator(mode="after")
    def _patience_is_measured(self) -> Self:
        if self.training.patience_steps and not self.evaluation.eval_every:
            raise ValueError(
                "training.patience_steps needs evaluations: set evaluation.eval_every to a number "
                "of steps, or patience_steps to 0"
            )
        return self

    @model_validator(mode="after")
    def _prefix_is_there(self) -> Self:
        name, known = self.training.prefix, sorted(self.prefixes.texts)
        if name != NONE and name not in known:
            there = ", ".join(known) if known else "it is empty"
            raise ValueError(f"training.prefix is {name!r}, which is not in [prefixes] ({there})")
        return self
