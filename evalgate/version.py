"""The version of evalgate."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
