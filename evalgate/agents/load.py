"""Imports `MODULE:NAME`; whatever goes wrong is one sentence with module, file and cause.

Imported by worker processes; standard library only.
"""

import importlib
import importlib.util
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from evalgate.errors import AgentLoadError


def load_object(target: str, root: Path) -> object:
    """Import a module and return the object of that name.

    Args:
        target: `MODULE:NAME`; NAME may have dots.
        root: Folder that is searched first; it is put on `sys.path`.

    Raises:
        AgentLoadError: The module or the object cannot be had.
    """
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise AgentLoadError(
            f"python:{target} names no object; expected python:MODULE:NAME",
            fix="python:my_agent:answer calls the function answer of my_agent.py",
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
        importlib.invalidate_caches()
    found: object = _import(module_name, target, root)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise _no_such_name(found, part, target) from None
    return found


def _import(module_name: str, target: str, root: Path) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(missing + "."):
            raise AgentLoadError(
                f"python:{target}: there is no module {missing!r} in {root} or among the "
                f"installed packages{_near_modules(missing, root)}",
                fix=_where_else(missing, root),
            ) from None
        raise _import_failed(module_name, target, error) from None
    except SystemExit as error:
        raise AgentLoadError(
            f"python:{target}: module {module_name!r} calls sys.exit({error.code!r}) when it is "
            f"imported{_where(module_name)}",
            fix="put what is only for the command line under `if __name__ == '__main__':`",
        ) from None
    except Exception as error:  # noqa: BLE001  # code of the user, which may raise anything
        raise _import_failed(module_name, target, error) from None


def _import_failed(module_name: str, target: str, error: Exception) -> AgentLoadError:
    cause = f"{type(error).__name__}: {error}"
    return AgentLoadError(
        f"python:{target}: importing module {module_name!r} failed"
        f"{_place(error) or _where(module_name)}: {cause[:500]}",
        fix=_variable(error),
    )


def _variable(error: Exception) -> str | None:
    """Say how a variable gets through that the agent looked for in its environment."""
    name = error.args[0] if isinstance(error, KeyError) and error.args else None
    if not isinstance(name, str) or not (name.isidentifier() and name.isupper()):
        return None
    return f"export {name}=..., and let the agent see it: agent: {{env_allow: [{name}]}}"


def _place(error: Exception) -> str:
    """Name the line of the user's code an import failed on."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}, line {error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen")
        and "importlib" not in frame.filename
        and frame.filename != __file__
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _where(module_name: str) -> str:
    try:
        spec = importlib.util.find_spec(module_name)
    except (ImportError, ValueError, AttributeError):
        return ""
    return f" ({spec.origin})" if spec is not None and spec.origin else ""


def _where_else(missing: str, root: Path) -> str:
    top = missing.partition(".")[0]
    if (root / "src" / top).exists() or (root / "src" / f"{top}.py").exists():
        return "it is in src/: pip install -e ., or export PYTHONPATH=src"
    return "run from the folder that holds it, or install it in this environment"


def _near_modules(missing: str, root: Path) -> str:
    try:
        present = [path.stem for path in root.iterdir() if path.suffix == ".py"]
    except OSError:
        return ""
    close = get_close_matches(missing, present, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _no_such_name(holder: object, part: str, target: str) -> AgentLoadError:
    names = [name for name in dir(holder) if not name.startswith("_")]
    close = get_close_matches(part, names, n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    file = getattr(holder, "__file__", None)
    what = f"module {holder.__name__!r}" if isinstance(holder, ModuleType) else repr(holder)[:80]
    place = f" ({file})" if file else ""
    return AgentLoadError(f"python:{target}: {what}{place} has no {part!r}{hint}")
