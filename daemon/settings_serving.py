"""The table of settings of the server."""

from ipaddress import ip_address
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from daemon.settings_tables import Section


def _small(value: object) -> object:
    # Host names have no case.
    return value.lower() if isinstance(value, str) else value


HostName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"), BeforeValidator(_small)
]
Origin = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9+.-]{0,30}://[A-Za-z0-9._\[\]:-]{1,255}$", max_length=300)
]


class ServerSettings(Section):
    """The HTTP server: access and limits."""

    enabled: bool = Field(
        False, description="Let the daemon start the server, and restart it when it ends."
    )
    address: str = Field("127.0.0.1", description="IP address to listen on.")
    port: int = Field(9000, ge=1, le=65535, description="TCP port to listen on.")
    remote: bool = Field(
        False, description="Allow an address that other machines can reach; requires a token."
    )
    token: bool = Field(False, description="Require the token in server.token on this machine too.")
    hosts: tuple[HostName, ...] = Field(
        (),
        description="Further host names by which requests may name this machine, "
        "with the port or, as behind a proxy, without it.",
    )
    origins: tuple[Origin, ...] = Field(
        (),
        description="Web pages and apps that may ask from a browser, each by its exact origin, "
        "as http://localhost:3000 or app://obsidian.md.",
    )
    usage: bool = Field(
        False,
        description="Record the figures of each answer (version, client program, tokens, times) "
        "and take feedback, in served/; no texts.",
    )
    keep_examples: bool = Field(
        False,
        description="With usage: keep better answers that people send, with their questions, "
        "in served/examples.jsonl, to be dropped as a file of rows.",
    )
    idle_unload_s: float = Field(
        300.0, gt=0.0, description="Seconds without a request after which the model is unloaded."
    )
    max_tokens: int = Field(
        256, ge=1, le=1_000_000, description="Longest answer, in tokens, unless a request sets it."
    )
    answer_s: float = Field(
        600.0, gt=0.0, description="Longest time for an answer, waiting included, in seconds."
    )
    at_once: int = Field(16, ge=1, le=256, description="Answers generated at the same time.")
    waiting: int = Field(
        64, ge=0, le=10_000, description="Further requests that may wait; more get 503."
    )
    versions: int = Field(
        4, ge=1, le=64, description="Versions kept in memory at once, over one base model."
    )
    prompt_cache_bytes: int = Field(
        2**29, ge=0, description="Memory for the prompt cache, in bytes; 0 turns it off."
    )
    max_body_bytes: int = Field(
        2**20, ge=1024, le=2**28, description="Largest request body, in bytes."
    )
    body_s: float = Field(
        10.0, gt=0.0, description="Seconds within which a request must have arrived whole."
    )
    send_s: float = Field(
        30.0, gt=0.0, description="Seconds after which a client that reads nothing is dropped."
    )
    connections: int = Field(
        256,
        ge=1,
        le=10_000,
        description="Simultaneous connections; further ones are closed at once.",
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return ip_address(self.address).is_loopback

    @property
    def needs_token(self) -> bool:
        """Whether requests must carry the token."""
        return self.token or not self.is_loopback

    @model_validator(mode="after")
    def _address_is_meant(self) -> Self:
        try:
            loopback = self.is_loopback
        except ValueError as error:
            raise ValueError(f"server.address is not an IP address: {error}") from error
        if not loopback and not self.remote:
            raise ValueError(
                f"server.address {self.address} can be reached by other machines: set "
                "server.remote = true if that is meant, or use 127.0.0.1"
            )
        return self
