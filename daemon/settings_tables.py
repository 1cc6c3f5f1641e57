"""What a table of settings is, and the one whose keys are the user's own; holds no default."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from daemon.core.prefix import NONE

PrefixName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PrefixText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8192)]


class Section(BaseModel):
    """A table of `finetuned.toml`: immutable, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


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
