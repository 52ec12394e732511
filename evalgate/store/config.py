"""Reads `evalgate.yaml`: strict YAML, validated, every problem with its line."""

from dataclasses import dataclass
from pathlib import Path

from evalgate.errors import ConfigError
from evalgate.schema.config import Config, SuiteConfig
from evalgate.store.plain import read_plain
from evalgate.text.suggest import did_you_mean

DEFAULT_NAME = "evalgate.yaml"
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and the folder its paths are relative to."""

    config: Config
    path: Path

    @property
    def root(self) -> Path:
        """The folder that paths in the configuration are relative to."""
        return self.path.parent


def load_config(path: Path) -> LoadedConfig:
    """Read and validate a configuration.

    Raises:
        ConfigError: The file is missing, no YAML, or not a valid configuration; every problem
            is listed with its line.
    """
    try:
        data = read_plain(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}",
            fix="check the path"
            if path.name != "evalgate.yaml" or path.exists()
            else "evalgate init --agent python:MODULE:NAME  (writes a first evalgate.yaml)",
        ) from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path}: {len(data)} bytes, more than {_MAX_BYTES} allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    return LoadedConfig(parse_config(text, source=str(path)), path)


def load_config_if_any(path: Path) -> LoadedConfig | None:
    """Read a configuration; null where there is none and none was named.

    Raises:
        ConfigError: As `load_config`; a file of another name than the default one was named.
    """
    return None if path == Path(DEFAULT_NAME) and not path.exists() else load_config(path)


def parse_config(text: str, *, source: str) -> Config:
    """Validate the text of a configuration.

    Args:
        text: YAML.
        source: How to name the text in errors.

    Raises:
        ConfigError: The text is no YAML or not a valid configuration.
    """
    from evalgate.store.strict_yaml import parse_yaml  # noqa: PLC0415  # heavy

    return parse_yaml(text, Config, source=source, expected="a mapping with `suites:`")


def select_suites(loaded: LoadedConfig, names: tuple[str, ...]) -> dict[str, SuiteConfig]:
    """Return the named suites, or all of them.

    Raises:
        ConfigError: A name is unknown.
    """
    suites = loaded.config.suites
    for name in names:
        if name not in suites:
            raise ConfigError(
                f"{loaded.path}: no suite {name!r}{did_you_mean(name, suites)}",
                fix=f"--suite {'|'.join(suites)}",
            )
    return {name: suites[name] for name in (names or suites)}
