"""`method`: how the server mixes, spelt out or in one word."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fedhca.config.yaml import parse_yaml

Option = bool | Annotated[int, Field(ge=-1e9, le=1e9)] | Annotated[float, Field(ge=-1e9, le=1e9)] | str


class MethodSection(BaseModel):
    """A method by name, with its options; `encoder` and `decoder` take those rules from another method instead.

    In one word: the name, then +OPTION=VALUE for each option, such as `fedprox+mu=0.1` or `fedhca2+decoder=local`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, Option] = Field(init=False)
    name: str = "fedhca2"
    encoder: str | None = None
    decoder: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return _options(value) if isinstance(value, str) else value

    @property
    def label(self) -> str:
        """The method in one word; it names columns and folders."""
        rules = {"encoder": self.encoder, "decoder": self.decoder, **(self.model_extra or {})}
        chosen = [f"{name}={_word(value)}" for name, value in rules.items() if value is not None]
        return "+".join([self.name, *chosen])


def _options(word: str) -> dict[str, Any]:
    """Take a method in one word apart; ValueError where an option has no value."""
    name, *options = word.split("+")
    found: dict[str, Any] = {"name": name}
    for option in options:
        key, equals, text = option.partition("=")
        if not key.isidentifier() or not equals or not re.fullmatch(r"[\w.-]+", text):
            raise ValueError(f"it should be NAME+OPTION=VALUE, such as fedprox+mu=0.1; found '{word}'")
        found[key] = parse_yaml(text)
    return found


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
