"""The page on which a connection is described, tried and saved.

It is a tab, not a dialog: one can look something up elsewhere meanwhile, what was typed is in the workspace, but for
the password, and closing it can be undone.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import Any, get_args

from alveary.commands.connection_changes import SavedConnection
from alveary.commands.connections import Tried
from alveary.contracts.specs import DriverSpec
from alveary.contracts.target import Confirm, Environment
from alveary.contracts.vault import SecretKey
from alveary.errors import AlvearyError, InvalidInputError, QueryCancelledError
from alveary.jobs import Job
from alveary.policy import effective
from alveary.profiles import Profile
from alveary_plugins.panels.connections import draft
from alveary_plugins.panels.connections.commands import told
from alveary_plugins.panels.connections.fields import (
    DRIVER,
    FORGET,
    FORGET_SSH,
    PASSWORD,
    REMEMBER,
    SHAPING,
    SSH_SECRET,
    URL,
    Around,
    sections,
)
from alveary_plugins.panels.connections.model import color_of
from alveary_plugins.panels.connections.view import ConnectionsPanel
from alveary_shell.sdk import Panel, PersonAsked, Window
from alveary_shell.theme import button
from alveary_shell.widgets.flat import FlatButton
from alveary_shell.widgets.form import Form
from alveary_shell.widgets.form_fields import YES
from alveary_shell.widgets.grid_text import visible_lines
from alveary_shell.widgets.words import break_lines

CHECK_MILLISECONDS = 250
"""How long after the last key it is looked whether what was typed is right."""
ENDINGS = {"SQLite": ".db"}


class ConnectionPanel(Panel):
    """A form, and below it what can be done with what it holds."""

    def __init__(self, window: Window, frame: tk.Misc, state: Mapping[str, Any]) -> None:
        super().__init__(window, frame, state)
        profile_id = state.get("profile")
        self.profile_id = profile_id if isinstance(profile_id, str) else None
        """The saved connection that is changed; None for a new one."""
        self._drivers = window.kernel.plugins.drivers
        self._tunnels = list(window.kernel.plugins.tunnels)
        self._before: Profile | None = None
        self._saved: dict[str, str] = {}
        """What is saved, as the form holds it."""
        self._touched: set[str] = set()
        self._refused: dict[str, str] = {}
        """What a command found wrong, until the field is changed."""
        self._around = Around(drivers=tuple(self._drivers), tunnels=tuple(self._tunnels))
        self._testing: Job | None = None
        self._closed = False
        self._proposed = ""
        """The name that was proposed for a URL; a person's own takes its place."""
        self._check_id: str | None = None
        self._build()
        window.subscribe(frame, PersonAsked, self._person_asked)
        first = next(iter(self._drivers), None)
        begin = {DRIVER: first.id if first is not None else "", REMEMBER: YES}
        for servers in self._drivers:
            if not servers.file_based:
                begin[DRIVER] = servers.id
                break
        typed = {name: value for name, value in dict(state.get("values") or {}).items() if isinstance(value, str)}
        for name in ("name", "group"):
            if isinstance(value := state.get(name), str):
                begin[name] = value
        self._form.fill(begin)
        self._saved = self._typed()
        self._form.fill(typed)
        self._arrange()
        if isinstance(url := state.get("url"), str):
            self._take_url(url)
        self._show_url()
        self._ask(typed)

    # -- what the window asks ------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        name = self._form.value("name")
        return (f"Edit {name}" if self.profile_id is not None else name) or self.spec.title

    @property
    def modified(self) -> bool:
        return self._typed() != {name: value for name, value in self._saved.items() if value}

    @property
    def color(self) -> str | None:
        try:
            return color_of(self._form.value("color") or None)
        except ValueError:
            return None

    def state(self) -> dict[str, Any]:
        return {"profile": self.profile_id, "values": {name: self._form.value(name) for name in self._typed()}}

    def focus(self) -> None:
        self._form.focus_field("name" if self._form.value("host") or self._form.value("database") else URL)

    def closed(self) -> None:
        self._closed = True
        if self._check_id is not None:
            self.frame.after_cancel(self._check_id)
        if self._testing is not None:
            self._testing.cancel()

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme, px = self.window.theme, self.window.theme.px
        foot = tk.Frame(self.frame, borderwidth=0)
        foot.pack(side="bottom", fill="x")
        line = tk.Frame(foot, borderwidth=0, height=1)
        line.pack(fill="x")
        inner = tk.Frame(foot, borderwidth=0)
        inner.pack(fill="x", padx=px(24), pady=px(10))
        buttons = tk.Frame(inner, borderwidth=0)
        buttons.pack(side="left", anchor="n")
        save = button(buttons, "Save", self.save, style="accent")
        save.bind("<Return>", lambda _: save.invoke())
        save_open = FlatButton(
            buttons, theme, lambda: self.save(open_it=True), text=" Save and open ", ground="raised", role="text"
        )
        self._test = FlatButton(buttons, theme, self.test, text=" Test ", icon="plug", ground="raised", role="text")
        for each in (save, save_open, self._test):
            each.pack(side="left", fill="y", padx=(0, px(8)))
        self._sign = tk.Label(inner, borderwidth=0)
        self._sign.pack(side="left", anchor="n", padx=(px(10), px(6)), pady=px(5))
        self._said = tk.Label(inner, borderwidth=0, justify="left", anchor="w")
        self._said.pack(side="left", fill="x", expand=True, pady=px(4))
        break_lines(self._said, px(4))
        self._form = Form(self.frame, theme, changed=self._changed, left=self._left, browse=self._browse)
        self._form.pack(fill="both", expand=True)
        foot.lift()  # the keyboard comes to the buttons after the fields
        self._look: tuple[str, str] = ("", "muted")

        def paint() -> None:
            for each in (foot, inner, buttons):
                each.configure(background=theme.color("surface"))
            line.configure(background=theme.color("border"))
            self._sign.configure(background=theme.color("surface"))
            self._said.configure(background=theme.color("surface"), font=theme.ui)
            self._say(self._said.cget("text"), *self._look)

        theme.follow(foot, paint)

    def _arrange(self) -> None:
        """Show the fields that what was chosen so far needs."""
        if (driver := self._driver()) is not None:
            self._form.arrange(sections(driver, self._around, self._form.values))

    def _show_url(self) -> None:
        """Show the URL of what the form holds, without a password."""
        driver = self._driver()
        if driver is not None and any(self._form.value(name) for name in ("host", "port", "database", "user")):
            self._form.fill({URL: draft.url(self._form.values, driver)})

    def _driver(self) -> DriverSpec | None:
        return self._drivers.find(self._form.value(DRIVER))

    def _ask(self, typed: dict[str, str]) -> None:
        """Find out what takes time: the groups, the vault, and what is saved."""
        kernel, id = self.window.kernel, self.profile_id

        def work(job: Job) -> tuple[Around, Profile | None]:
            profile = kernel.profiles.by_id(id) if id is not None else None
            around = self._around._replace(
                groups=tuple(group.path for group in kernel.profiles.groups()),
                vault=kernel.secrets.usable(),
                kept=frozenset(profile.secrets) if profile is not None else frozenset(),
                sources=tuple(spec for spec in kernel.plugins.vaults if spec.reads),
                usual={each: effective(Confirm(), each, kernel.settings.get) for each in get_args(Environment)},
            )
            return around, profile

        def done(found: tuple[Around, Profile | None]) -> None:
            if self._closed:
                return
            self._around, self._before = found
            if self._before is not None:
                driver = self._drivers.find(self._before.scheme)
                self._saved = draft.values_of(self._before, driver)
                self._form.fill({**self._saved, **typed})
                self._show_url()
            elif id is not None:
                self.profile_id = None
                self._say("The connection has been removed; saving makes a new one.", "exclamation-triangle", "warning")
            self._arrange()
            self.window.retitle(self)

        self.window.background("Reading the connection", work, done)

    # -- what a person does --------------------------------------------------------------------------------------

    def _typed(self) -> dict[str, str]:
        """Return what the form holds but for passwords, what is so anyway left out."""
        left_out = {*draft.SECRET, REMEMBER, FORGET, FORGET_SSH}
        return {name: value for name, value in self._form.values.items() if name not in left_out}

    def _changed(self, name: str) -> None:
        self._refused.pop(name, None)
        if name == URL:
            self._take_url(self._form.value(URL))
        elif name not in draft.SECRET:
            if name in SHAPING:
                self._arrange()
            self._show_url()
        self.window.changed(self)
        self.window.retitle(self)
        if self._check_id is None:
            self._check_id = self.frame.after(CHECK_MILLISECONDS, self._check)

    def _left(self, name: str) -> None:
        if self._closed:
            return
        if name == URL:
            self._show_url()  # without the password that was typed there
        if self._form.value(name) or name in self._touched:
            self._touched.add(name)
            self._check()

    def _take_url(self, url: str) -> None:
        """Fill the form from a URL as soon as it can be read; the password goes to its own field."""
        if "://" not in url:
            return
        try:
            values = draft.values_of_url(url, self._drivers)
        except AlvearyError:
            return  # it is not finished yet
        self._form.fill(values)
        self._arrange()
        if self._form.value("name") in ("", self._proposed):
            self._proposed = values.get("database", "").rpartition("/")[2] or values.get("host", "")
            self._form.fill({"name": self._proposed})

    def _browse(self, name: str) -> str | None:
        if name == "database":
            return self.window.ask_file(save=False, title="Database", endings=ENDINGS)
        return self.window.ask_file(save=False, title="File", endings={"Certificates and keys": ".pem"})

    def _check(self) -> dict[str, str]:
        """Look what is wrong, and say it at the fields that somebody has been in; return all of it."""
        if self._check_id is not None:
            self.frame.after_cancel(self._check_id)
            self._check_id = None
        driver = self._driver()
        found = {DRIVER: "no such driver is installed"}
        if driver is not None:
            found = draft.problems(self._form.values, driver, self._tunnels)
        self._form.complain({**self._refused, **{name: said for name, said in found.items() if name in self._touched}})
        return found

    def _described(self) -> tuple[Profile, DriverSpec] | None:
        """Return what was described; None, after saying what is wrong, where it can't be."""
        self._refused.clear()
        driver, found = self._driver(), self._check()
        if driver is None or found:
            self._touched |= {*found, *self._form.values}
            self._form.complain(found)
            first = next(iter(found))
            self._form.focus_field(first)
            if first not in self._form.values:  # it stands in no field of this form
                self._say(f"{first or 'It'}: {found[first]}" if first else found[first], "x-octagon", "danger")
            return None
        return draft.profile_of(self._form.values, driver, self._tunnels), driver

    # -- testing -------------------------------------------------------------------------------------------------

    def test(self) -> None:
        """Connect to what is described, and say in place what came of it; again, stop that."""
        if self._testing is not None:
            self._testing.cancel()
            return
        self._form.fill({} if self._form.value("name") else {"name": self._suggested_name()})
        if (described := self._described()) is None:
            return
        profile, driver = described
        kernel = self.window.kernel
        typed = [self._form.value(name) or None for name in (PASSWORD, SSH_SECRET)]
        parameters = draft.to_test(profile, driver, self._before, *typed)

        def work(job: Job) -> Tried:
            tried: Tried = kernel.commands.run("connections.test", parameters, job=job)
            return tried

        def done(tried: Tried) -> None:
            if not self._closed:
                self._tested()
                self._say(told(tried), "check-circle", "success")

        def failed(error: AlvearyError) -> None:
            if self._closed:
                return
            self._tested()
            if isinstance(error, QueryCancelledError):
                self._say("The test was stopped.", "dash-circle", "muted")
                return
            field, said = draft.problem(error) if isinstance(error, InvalidInputError) else ("", error.message)
            if field:
                self._refused[field] = said
                self._check()
            self._say("\n".join(filter(None, [said, error.detail, error.hint])), "x-octagon", "danger")

        self._say("Connecting…", "hourglass-split", "muted")
        self._test.show(text=" Stop ", icon="stop-fill")
        self._testing = self.window.background("Testing the connection", work, done, failed)

    def _person_asked(self, event: PersonAsked) -> None:
        if self._testing is not None:
            self._say(f"Waiting for you: {event.what}" if event.what else "Connecting…", "hourglass-split", "muted")

    def _tested(self) -> None:
        self._testing = None
        self._test.show(text=" Test ", icon="plug")

    def _suggested_name(self) -> str:
        return self._form.value("database").rpartition("/")[2] or self._form.value("host") or "new connection"

    def _say(self, text: str, icon: str, role: str) -> None:
        self._look = (icon, role)
        theme = self.window.theme
        self._said.configure(text=visible_lines(text), foreground=theme.color("text" if role == "success" else role))
        self._sign.configure(image=theme.icon(icon, role, 15) if icon and text else "")

    # -- saving --------------------------------------------------------------------------------------------------

    def save(self, *, open_it: bool = False) -> None:
        """Save the connection, have its password kept as was chosen, and close the page."""
        if (described := self._described()) is None:
            return
        profile, driver = described
        password = None if profile.password_from else self._form.value(PASSWORD) or None
        in_vault = password is not None and (self._around.vault is None or self._form.value(REMEMBER) == YES)
        secrets = draft.Secrets(
            password=password if in_vault else None,
            ssh_secret=self._form.value(SSH_SECRET) or None if profile.tunnel.enabled else None,
            forget=self._form.value(FORGET) == YES,
            forget_ssh=self._form.value(FORGET_SSH) == YES,
        )
        if self._before is None:
            command, parameters = "connections.add", draft.to_add(profile, driver, secrets)
        else:
            command, parameters = "connections.edit", draft.to_edit(self._before, profile, driver, secrets)
        kernel = self.window.kernel

        def work(job: Job) -> SavedConnection:
            saved: SavedConnection = kernel.commands.run(command, parameters, job=job)
            if password is not None and not in_vault:
                kernel.credentials.use(password)
                kernel.secrets.remember(SecretKey(saved.profile.id, "password"), password)
            return saved

        def failed(error: AlvearyError) -> None:
            if self._closed:
                self.window.show_error(error)
                return
            field, said = draft.problem(error)
            if field:
                self._refused[field] = said
                self._check()
                self._form.focus_field(field)
            self._say("\n".join(filter(None, [said, error.detail, error.hint])), "x-octagon", "danger")

        self.window.background("Saving the connection", work, lambda saved: self._done(saved, open_it), failed)

    def _done(self, saved: SavedConnection, open_it: bool) -> None:
        window, name = self.window, saved.profile.name
        unkept = [
            f"{kept.reason}: its {what} is only kept until the window closes."
            for what, kept in (("password", saved.password), ("SSH secret", saved.ssh_secret))
            if kept is not None and kept.vault is None
        ]
        if unkept:
            window.notify(f"{name} is saved", "warning", detail="\n".join(unkept))
        else:
            window.notify(f"{name} is saved", "success")
        for panel in window.panels("connections"):
            if isinstance(panel, ConnectionsPanel):
                panel.reveal(saved.profile.id)
        self.profile_id, self._before = saved.profile.id, saved.profile
        self._saved = draft.values_of(saved.profile, self._driver())
        window.close(self)
        if open_it:
            window.open("editor", {"target": name, "connect": True})
