"""The table of settings behind the overall score: what counts how much, and what is full marks."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from daemon.settings_tables import Section

Weight = Annotated[float, Field(ge=0.0, le=100.0)]
Target = Annotated[float, Field(gt=0.0, le=1.0)]


class GradeSettings(Section):
    """How scores become one figure: weights count against each other; a target earns full marks."""

    accuracy_weight: Weight = Field(6.0, description="Weight of the suites' own main scores.")
    accuracy_target: Target = Field(0.9, description="Mean main score that is full marks.")
    overlap_weight: Weight = Field(1.0, description="Weight of words shared with golden answers.")
    overlap_target: Target = Field(0.8, description="Mean token F1 that is full marks.")
    length_weight: Weight = Field(0.5, description="Weight of answers of the usual length.")
    length_target: Target = Field(0.9, description="Mean fit of the length that is full marks.")
    formatting_weight: Weight = Field(
        0.5, description="Weight of bold, lists, paragraphs as usual."
    )
    formatting_target: Target = Field(0.9, description="Formatting compliance that is full marks.")
    style_weight: Weight = Field(0.5, description="Weight of likeness to the training answers.")
    style_target: Target = Field(0.5, description="Mean likeness of style that is full marks.")
    variety_weight: Weight = Field(0.5, description="Weight of not saying things twice.")
    variety_target: Target = Field(0.95, description="1 less mean repetition that is full marks.")
    calibration_weight: Weight = Field(1.0, description="Weight of being as sure as right.")
    calibration_target: Target = Field(0.9, description="1 less calibration error: full marks.")

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        names = [name for name in type(self).model_fields if name.endswith("_weight")]
        if not any(getattr(self, name) for name in names):
            raise ValueError("every weight is 0: give at least one of them more")
        return self
