"""What the configuration and the command line say of a load."""

from pathlib import Path

import pytest

from evalgate.errors import ConfigError
from evalgate.stress.settings import law_of


@pytest.mark.parametrize("number", ["inf", "nan", "1e999", "2.5", "", "many"])
def test_users_are_a_whole_number(number: str, tmp_path: Path) -> None:
    """Half a user is a slip, and not one less; no user is without end."""
    with pytest.raises(ConfigError, match=f"after 'users', found '{number}'"):
        law_of(f"users:{number}", tmp_path)
