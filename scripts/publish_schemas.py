"""Write the published JSON Schemas from the models: `python scripts/publish_schemas.py`."""

from pathlib import Path

from evalgate.schema.published import PUBLISHED, schema_text

FOLDER = Path(__file__).resolve().parents[1] / "evalgate" / "schema" / "json"


def main() -> None:
    """Replace every file; a schema that is published no more is removed."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        if old.stem not in PUBLISHED:
            old.unlink()
    for name in PUBLISHED:
        (FOLDER / f"{name}.json").write_text(schema_text(name), encoding="utf-8", newline="\n")
        print(f"evalgate/schema/json/{name}.json")


if __name__ == "__main__":
    main()
