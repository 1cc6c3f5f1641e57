"""The base class of settings tables, and the tables of intake, templates, memory and prefixes."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from daemon.core.rows.forms.names import FieldName
from daemon.core.rows.prefix import NONE

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PrefixName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PrefixText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8192)]


class Section(BaseModel):
    """A table of `finetuned.toml`: immutable, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class IntakeSettings(Section):
    """Which rows are fit for training."""

    max_bad_share: Share = Field(
        0.5, description="A file with more than this share of bad rows is refused as a whole."
    )
    max_file_bytes: int = Field(
        16 * 2**30, ge=1, description="A larger file is refused before it is read, in bytes."
    )
    max_unpacked: int = Field(
        20 * 2**30, ge=1, description="Most that is unpacked from a compressed file, in bytes."
    )
    max_unpacked_ratio: int = Field(
        200,
        ge=2,
        description="Nor more than this many times its size; 1 MiB is always allowed.",
    )
    max_line_bytes: int = Field(
        8 * 2**20, ge=64, le=2**31, description="A longer line is refused, in bytes."
    )
    max_depth: int = Field(
        32, ge=4, le=200, description="Deepest nesting of brackets in a row, in levels."
    )
    max_memory_bytes: int | None = Field(
        None,
        ge=64 * 2**20,
        description="Most memory for reading a file, in bytes; half the machine's if none.",
    )
    silent_s: float = Field(
        600.0, gt=0.0, description="A worker silent for this long is killed, and its file retried."
    )
    pictures: bool = Field(
        True, description="Also write report.html and report.png, about 2 MB per job."
    )
    fields: dict[FieldName, str] = Field(
        {}, description='Own names for keys, such as { prompt = "frage", completion = "antwort" }.'
    )
    reasoning: Literal["keep", "leave_out"] = Field(
        "keep",
        description="Reasoning of answers (reasoning_content, thinking …): learned, or left out.",
    )
    preferences: Literal["refuse", "chosen"] = Field(
        "refuse", description="Preference data (chosen, rejected): refused, or the chosen side."
    )


class TemplateSettings(Section):
    """How to treat what the base model's chat template leaves out."""

    left_out: Literal["write", "refuse"] = Field(
        "write",
        description="Tools, calls, results, system texts: written as text, or such rows refused.",
    )


class MemorySettings(Section):
    """Memory for models on this machine."""

    wired: Literal["never", "auto"] = Field(
        "never",
        description="Wire a model on a Mac: never (panics are known), or if enough memory is left.",
    )


class PrefixSettings(Section):
    """Named texts for `training.prefix` to choose from, like: brief = "Answer in one word"."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[PrefixName, PrefixText] = Field(init=False)

    @property
    def texts(self) -> dict[str, str]:
        """The texts by name; white space around them is left out."""
        return dict(self.__pydantic_extra__)

    @model_validator(mode="after")
    def _none_is_no_name(self) -> Self:
        if NONE in self.__pydantic_extra__:
            raise ValueError(f"{NONE!r} stands for no prefix and cannot name one")
        return self
