"""What one model call used: tokens as parts that do not overlap."""

from pydantic import Field

from evalgate.schema.base import Model, NonNegative, Tokens


class Usage(Model):
    """What one model call used, as parts that do not overlap; null is not stated, never zero.

    Token counts are integers from 0. Each token stands in one part only, so that the bill is the
    sum of parts x price.
    """

    input: Tokens | None = None
    """Input tokens of no other part: text that was neither read from nor written to a cache."""
    cache_read: Tokens | None = None
    """Input tokens read from the provider's cache."""
    cache_write: Tokens | None = None
    """Input tokens written to the cache for its default lifetime."""
    cache_write_1h: Tokens | None = None
    """Input tokens written to the cache for an hour."""
    input_audio: Tokens | None = None
    """Audio sent."""
    cache_read_audio: Tokens | None = None
    """Audio read from the provider's cache."""
    input_image: Tokens | None = None
    """Images sent."""
    cache_read_image: Tokens | None = None
    """Images read from the provider's cache."""
    input_video: Tokens | None = None
    """Video sent."""
    output: Tokens | None = None
    """Output tokens of no other part."""
    reasoning: Tokens | None = None
    """Output tokens spent on reasoning."""
    output_audio: Tokens | None = None
    """Audio received."""
    output_image: Tokens | None = None
    """Images received."""
    output_video: Tokens | None = None
    """Video received."""
    tool_uses: dict[str, Tokens] = Field(default_factory=dict)
    """Uses of tools that the provider ran and bills for, by name, e.g. `web_search`."""
    service_tier: str | None = None
    """The tier that served the call, in the provider's word."""
    billed_usd: NonNegative | None = None
    """What the provider says that it charged, in USD."""
    problems: tuple[str, ...] = ()
    """Why the counts cannot be trusted with money: each names the field. Empty: they add up."""

    @property
    def input_tokens(self) -> int | None:
        """All input tokens, cached ones included; None where not stated."""
        return self._sum(INPUT_PARTS)

    @property
    def output_tokens(self) -> int | None:
        """All output tokens, reasoning included; None where not stated."""
        return self._sum(OUTPUT_PARTS)

    @property
    def cached_tokens(self) -> int | None:
        """Input tokens of any kind read from the cache; None where not stated."""
        return _plus(self.cache_read, self.cache_read_audio, self.cache_read_image)

    @property
    def cache_write_tokens(self) -> int | None:
        """Input tokens written to the cache for any lifetime; None where not stated."""
        return _plus(self.cache_write, self.cache_write_1h)

    def _sum(self, names: tuple[str, ...]) -> int | None:
        whole: int | None = getattr(self, names[0])
        if whole is None:
            return None
        return whole + sum(getattr(self, name) or 0 for name in names[1:])


INPUT_PARTS = (
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "input_audio",
    "cache_read_audio",
    "input_image",
    "cache_read_image",
    "input_video",
)
"""Fields of `Usage` that add up to the input; the first is the rest."""

OUTPUT_PARTS = ("output", "reasoning", "output_audio", "output_image", "output_video")
"""Fields of `Usage` that add up to the output; the first is the rest."""


def _plus(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
