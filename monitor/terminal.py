"""The picture on the whole terminal, with filters and acknowledgement; Textual is hidden here."""

import threading
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Input, Static

from edge.errors import EdgeError
from edge.i18n import N_, _
from monitor.picture import ALARMS, EVENTS, GATES, Picture, Row, chosen

SEVERITIES = (0, 401, 601, 801)
NAMES = (N_("every severity"), N_("from medium on"), N_("from high on"), N_("urgent only"))
COLUMNS = (
    N_("gate"), N_("state"), N_("doors"), N_("cameras"), N_("undelivered"), N_("since"), N_("where"), N_("alarm"),
    N_("severity"), N_("detail"), N_("time"), N_("event"),
)  # fmt: skip
TABLES = {"gates": (N_("Gates"), GATES), "alarms": (N_("Alarms"), ALARMS), "events": (N_("Events"), EVENTS)}

Acknowledge = Callable[[int], str]
"""Acknowledges an alarm by its number; says why not, or ""."""
Feed = Callable[[Callable[[Picture], None]], None]
"""Runs in a thread of its own, and hands on every picture until that raises."""


class _Over(Exception):
    """Nobody looks any more: ends the feed."""


class Terminal(App[None]):
    """`feed` brings the pictures; without `acknowledge` it only shows."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #link { color: $error; text-style: bold; height: auto; padding: 0 1; display: none; }
    #said { height: 1; padding: 0 1; color: $text-muted; }
    DataTable { height: 1fr; border: round $primary 40%; }
    DataTable:focus { border: round $primary; }
    #gates { height: auto; max-height: 12; }
    #filter { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", _("Filter")),
        Binding("s", "severity", _("Severity")),
        Binding("a", "acknowledge", _("Acknowledge")),
        Binding("escape", "everything", _("Everything")),
        Binding("q", "quit", _("Quit")),
    ]

    def __init__(self, feed: Feed, acknowledge: Acknowledge | None = None) -> None:
        super().__init__()
        self._feed, self._acknowledge = feed, acknowledge
        self._picture = Picture([], [], [])
        self._severity = 0
        self._chosen: str | None = None
        """The alarm that the cursor was left on: another one that has come to its place is not acknowledged."""
        self.failed: EdgeError | None = None
        """Why the feed has ended."""

    def compose(self) -> ComposeResult:
        yield Static(id="link")
        for name in TABLES:
            yield DataTable(id=name, cursor_type="row")
        yield Input(id="filter", placeholder=_("words to look for"))
        yield Static(id="said")
        yield Footer()

    def on_mount(self) -> None:
        for name, (title, columns) in TABLES.items():
            table = self.query_one(f"#{name}", DataTable)
            table.border_title = _(title)
            table.add_columns(*(_(column) for column in columns))
        self.query_one("#alarms").focus()
        threading.Thread(target=self._follow, name="feed", daemon=True).start()

    def _follow(self) -> None:
        try:
            self._feed(self._arrived)
        except _Over:
            return
        except EdgeError as error:
            self.failed = error
            self.call_from_thread(self.exit, return_code=1)

    def _arrived(self, picture: Picture) -> None:
        """In the feed's thread: waits until it is drawn, so that pictures do not pile up."""
        if not self.is_running:
            raise _Over
        self.call_from_thread(self._draw, picture)

    # What is shown -------------------------------------------------------------------------------------------------

    def _draw(self, picture: Picture) -> None:
        self._picture = picture
        link, text = self.query_one("#link", Static), self.query_one("#filter", Input).value
        link.update(Text(picture.link))
        link.display = bool(picture.link)
        self._fill("gates", chosen(picture.gates, text))
        self._fill("alarms", chosen(picture.alarms, text, SEVERITIES[self._severity]))
        self._chosen = self._chosen or self._under_cursor(self.query_one("#alarms", DataTable))
        self._fill("events", chosen(picture.events, text, SEVERITIES[self._severity]))

    def _fill(self, name: str, rows: list[Row]) -> None:
        """Show these rows; the cursor stays on what it was on, or where it was when that has gone."""
        table = self.query_one(f"#{name}", DataTable)
        before, at = self._under_cursor(table), table.cursor_row
        with table.prevent(DataTable.RowHighlighted):  # which is for what people do
            table.clear()
            for number, each in enumerate(rows):
                style = "bold red" if each.severity > 800 else "yellow" if each.severity > 600 else ""
                table.add_row(*(Text(cell, style=style) for cell in each.cells), key=each.key)
                at = number if each.key == before else at
            table.move_cursor(row=at, scroll=False)
        table.border_subtitle = str(len(rows))

    def _under_cursor(self, table: "DataTable[Text]") -> str | None:
        if not table.row_count:
            return None
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value

    def _refilter(self) -> None:
        """Somebody has filtered, and sees where the cursor is then."""
        self._chosen = None
        self._draw(self._picture)

    # What is done --------------------------------------------------------------------------------------------------

    @on(DataTable.RowHighlighted, "#alarms")
    @on(DataTable.RowSelected, "#alarms")
    def choose(self, event: DataTable.RowHighlighted | DataTable.RowSelected) -> None:
        self._chosen = event.row_key.value

    def action_find(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def on_input_changed(self) -> None:
        self._refilter()

    def on_input_submitted(self) -> None:
        self.query_one("#alarms").focus()

    def action_severity(self) -> None:
        self._severity = (self._severity + 1) % len(SEVERITIES)
        self._say(_(NAMES[self._severity]))
        self._refilter()

    def action_everything(self) -> None:
        """No filter any more."""
        field, self._severity = self.query_one("#filter", Input), 0
        field.value, field.display = "", False
        self.query_one("#alarms").focus()
        self._refilter()

    def action_acknowledge(self) -> None:
        key = self._under_cursor(self.query_one("#alarms", DataTable))
        found = next((alarm for alarm in self._picture.alarms if alarm.key == key), None)
        if self._acknowledge is None:
            self._say(_("only the room acknowledges: log in with --room and --user"))
        elif found and key != self._chosen:
            self._say(_("the alarm that was chosen has gone: move to another one, or press Enter for this one"))
        elif found and found.number is not None:
            threading.Thread(target=self._tell, args=(found,), daemon=True).start()

    def _tell(self, alarm: Row) -> None:
        assert self._acknowledge and alarm.number is not None
        why = self._acknowledge(alarm.number)
        said = _("not acknowledged: {why}").format(why=_(why)) if why else _("acknowledged: {what}")
        self.call_from_thread(self._say, said.format(what=" ".join(alarm.cells[1:4])))

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(Text(text))
