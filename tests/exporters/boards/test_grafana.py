"""Dashboards against the types of grafana-foundation-sdk."""

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from evalgate.exporters.boards.grafana import dashboards, expressions


def test_grafanas_types_read_every_field() -> None:
    """What their types read and write again is what we wrote: no field is unknown to them."""
    for board in dashboards().values():
        read = Dashboard.from_json(board)
        written = JSONEncoder().encode(read)
        for panel in board["panels"]:
            assert panel["title"] in written
        assert board["title"] == read.title
        assert len(board["panels"]) == len(read.panels or [])
        assert set(board) <= set(Dashboard.to_json(read))


def test_panels_do_not_overlap() -> None:
    """Each cell of the grid is covered once, within its 24 columns; ids are unique."""
    for board in dashboards().values():
        cells = [
            (x, y)
            for panel in board["panels"]
            for at in [panel["gridPos"]]
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        ]
        assert len(cells) == len(set(cells))
        assert all(x < 24 for x, _ in cells)
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert expressions(board)
