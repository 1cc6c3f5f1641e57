"""What a GGUF file says of its model and its tokenizer, with types and ranges checked."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

TokenId = Annotated[int, Field(ge=0)]
Scale = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class GgufFacts(BaseModel):
    """The entries that are read; a file holds many more."""

    model_config = ConfigDict(strict=True, frozen=True)

    hidden: PositiveInt = Field(alias="llama.embedding_length")
    layers: PositiveInt = Field(alias="llama.block_count")
    feed_forward: PositiveInt = Field(alias="llama.feed_forward_length")
    heads: PositiveInt = Field(alias="llama.attention.head_count")
    heads_kv: PositiveInt | None = Field(None, alias="llama.attention.head_count_kv")
    head_dim: PositiveInt | None = Field(None, alias="llama.attention.key_length")
    norm_epsilon: Scale = Field(alias="llama.attention.layer_norm_rms_epsilon")
    rope_base: Scale = Field(10000.0, alias="llama.rope.freq_base")
    context: PositiveInt = Field(alias="llama.context_length")
    experts: int = Field(0, alias="llama.expert_count")

    tokenizer: str = Field(alias="tokenizer.ggml.model")
    splitter: str = Field("default", alias="tokenizer.ggml.pre")
    tokens: list[str] = Field(alias="tokenizer.ggml.tokens", min_length=1)
    merges: list[Annotated[str, Field(pattern=r"(?s)^[^ ]+ .+$")]] = Field(
        alias="tokenizer.ggml.merges"
    )
    token_kinds: list[int] = Field(alias="tokenizer.ggml.token_type")
    bos: TokenId | None = Field(None, alias="tokenizer.ggml.bos_token_id")
    eos: TokenId | None = Field(None, alias="tokenizer.ggml.eos_token_id")
    unknown: TokenId | None = Field(None, alias="tokenizer.ggml.unknown_token_id")
    padding: TokenId | None = Field(None, alias="tokenizer.ggml.padding_token_id")
    adds_bos: bool | int = Field(False, alias="tokenizer.ggml.add_bos_token")
    template: str | None = Field(None, alias="tokenizer.chat_template")

    @model_validator(mode="after")
    def _ids_are_tokens(self) -> Self:
        ids = (self.bos, self.eos, self.unknown, self.padding)
        known = len(self.tokens)
        if len(self.token_kinds) != known or any(id is not None and id >= known for id in ids):
            raise ValueError("its kinds of tokens and its special tokens do not fit its vocabulary")
        return self

    def token(self, id: int | None) -> str | None:
        """Return a special token's text; None if the file names none."""
        return None if id is None else self.tokens[id]


def facts_of(metadata: Mapping[str, Any]) -> GgufFacts:
    """Return what MLX read of a file's metadata.

    Raises:
        ValueError: it is another architecture, or an entry is missing or makes no sense.
    """
    architecture = metadata.get("general.architecture")
    if architecture != "llama":
        raise ValueError(f"its architecture is {architecture}, only llama can be converted")
    plain = {key: _plain(metadata[key]) for key in _ENTRIES & metadata.keys()}
    try:
        return GgufFacts.model_validate(plain)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc'][:1]))}: {one['msg']}" for one in error.errors()]
        raise ValueError("; ".join(wrong[:3]).removeprefix(": Value error, ")) from error


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


_ENTRIES = {str(field.alias) for field in GgufFacts.model_fields.values()}
