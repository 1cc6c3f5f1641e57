"""The tables of settings behind evaluations, verdicts and the overall score."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from daemon.core.evaluation.targets import Target as WantedFigure
from daemon.core.evaluation.targets import target_of
from daemon.core.records import JsonObject
from daemon.settings_tables import Section, Share

Weight = Annotated[float, Field(ge=0.0, le=100.0)]
Target = Annotated[float, Field(gt=0.0, le=1.0)]


class EvaluationSettings(Section):
    """What is measured during a run and at its end."""

    eval_every: int = Field(10, ge=0, description="Steps between evaluations; 0 for none.")
    samples: int = Field(
        3, ge=0, le=100, description="Hold-out prompts answered at each evaluation."
    )
    validation_rows: int = Field(
        16,
        ge=1,
        le=10_000,
        description="Most hold-out rows of the validation loss, fixed at the start of a run.",
    )
    max_new_tokens: int = Field(64, ge=1, le=4096, description="Longest answer, in tokens.")
    answer_s: float = Field(
        60.0, gt=0.0, description="Longest time for an answer, from its first token, in seconds."
    )
    budget_share: Share = Field(
        0.1,
        description="Share of training time for evaluations; beyond it they use fewer prompts, "
        "but at least three, whatever these take.",
    )
    judge_rows: int = Field(
        64, ge=1, le=10_000, description="Hold-out rows scored for the verdict, of each kind."
    )
    judge_samples: int = Field(
        32, ge=0, le=10_000, description="Hold-out prompts answered for the verdict."
    )
    suites: tuple[str, ...] = Field(
        (),
        description="Suites in evals/, by name: benchmarks of every run; its verdict counts them.",
    )
    suite_items: int = Field(
        50, ge=1, le=10_000, description="Most items of a suite that are used for a verdict."
    )


class GateSettings(Section):
    """When a candidate becomes the current version."""

    unproven: Literal["promote", "hold"] = Field(
        "promote", description="What happens to a candidate neither proven better nor worse."
    )
    level: float = Field(
        0.05, gt=0.0, lt=0.5, description="Accepted chance of a false 'better' or 'worse'."
    )
    min_effect: float = Field(
        0.01, ge=0.0, le=10.0, description="Smallest change of loss that counts, in nats per token."
    )
    min_gain: float = Field(
        0.02,
        ge=0.0,
        le=1.0,
        description="Smallest gain of another metric that counts, as a share of 1.",
    )
    floor: float = Field(
        0.05,
        ge=0.0,
        le=1.0,
        description="Largest fall of right answers that is tolerated, as a share of 1: a larger "
        "one refuses, where it is significant.",
    )
    forgetting: float = Field(
        0.05,
        ge=0.0,
        le=10.0,
        description="Tolerated rise of an earlier file's loss above its best so far, in nats per "
        "token.",
    )
    forgetting_share: float = Field(
        0.1,
        ge=0.0,
        le=1.0,
        description="The same as a share of what the file had gained over the base; the larger of "
        "the two holds.",
    )
    tries: int = Field(
        2,
        ge=1,
        le=5,
        description="Most runs of a file that forgets too much: each with more replay and half the "
        "learning rate; 1 for no second one.",
    )
    try_tokens: int = Field(
        1_000_000,
        ge=0,
        description="Most tokens that a run may have trained to be tried again.",
    )
    merge: bool = Field(
        True,
        description="Keep all of a run's change, or three quarters, a half or one: what learns "
        "most and raises no earlier file beyond what is tolerated, both by tune rows.",
    )
    audit_every: int = Field(
        10,
        ge=0,
        description="Unproven promotions in a row, after which the current version is compared "
        "anew with the last proven one; 0 for never.",
    )
    audit_rows: int = Field(
        256, ge=1, le=100_000, description="Most hold-out rows of the lineage that an audit scores."
    )


class GradeSettings(Section):
    """How scores become one figure: weights count against each other; a target earns full marks."""

    accuracy_weight: Weight = Field(6.0, description="Weight of the suites' own main scores.")
    accuracy_target: Target = Field(0.9, description="Mean main score that earns full marks.")
    overlap_weight: Weight = Field(1.0, description="Weight of words shared with golden answers.")
    overlap_target: Target = Field(0.8, description="Mean token F1 that earns full marks.")
    length_weight: Weight = Field(0.5, description="Weight of answers of the usual length.")
    length_target: Target = Field(0.9, description="Mean fit of the length that earns full marks.")
    formatting_weight: Weight = Field(
        0.5, description="Weight of bold, lists, paragraphs as usual."
    )
    formatting_target: Target = Field(
        0.9, description="Formatting compliance that earns full marks."
    )
    style_weight: Weight = Field(0.5, description="Weight of likeness to the training answers.")
    style_target: Target = Field(0.5, description="Mean likeness of style that earns full marks.")
    variety_weight: Weight = Field(0.5, description="Weight of not repeating words.")
    variety_target: Target = Field(
        0.95, description="1 minus mean repetition that earns full marks."
    )
    calibration_weight: Weight = Field(1.0, description="Weight of being as confident as accurate.")
    calibration_target: Target = Field(
        0.9, description="1 minus the calibration error that earns full marks."
    )

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        names = [name for name in type(self).model_fields if name.endswith("_weight")]
        if not any(getattr(self, name) for name in names):
            raise ValueError("every weight is 0: give at least one of them more")
        return self


class TargetsSettings(Section):
    """Scores to reach, like "smart_home.correct_call" = 0.9, bold = 0.6 or grade = 80."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: JsonObject = Field(init=False)

    @property
    def wanted(self) -> tuple[WantedFigure, ...]:
        """The targets, in order."""
        return tuple(target_of(key, value) for key, value in self.__pydantic_extra__.items())

    @model_validator(mode="after")
    def _are_targets(self) -> Self:
        # Each is parsed, so that mistakes are reported when the settings are read.
        _ = self.wanted
        return self
