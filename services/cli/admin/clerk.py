"""What every administrator's command has in common: who signs, what is entered, and the broker's side of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer
from rich.console import Console

from services.core.control import PartnerStatus
from services.core.lifecycle import keys_missing
from services.runtime.drift import SENTENCES, Drift, Mended
from services.runtime.office import Entered, Office, OfficeError, Signer
from services.runtime.policies import payload_of
from services.runtime.settings import Settings
from services.runtime.wanted import View, Views


class Clerk:
    """One person at work on one installation."""

    def __init__(self, settings: Settings, by: Signer) -> None:
        """Nothing is asked or sent yet."""
        self.settings = settings
        self._by = by
        self._console = Console()
        self._views: Views | None = None
        self._view: View | None = None
        self._office: Office | None = None

    def close(self) -> None:
        """Leave the broker."""
        for client in (self._views, self._office):
            if client:
                client.close()

    def say(self, text: str) -> None:
        """One line for whoever works."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def view(self) -> View:
        """slt.control as it is after what was entered here."""
        if self._view is None:
            self._views = self._views or Views(self.settings)
            self._view = self._views.now()
        return self._view

    def enter(self, *payloads: Mapping[str, Any]) -> View:
        """Enter payloads (without version) in this order, say what became of each; the view afterwards."""
        view = self.view()
        self._office = self._office or Office(self.settings, self._by)
        for payload in payloads:
            entered = self._office.enter(view, payload)
            self._view = None if entered.is_new else self._view
            self._told(entered)
        return self.view()

    def payload(self, view: View, key: str, advice: str) -> dict[str, Any]:
        """The newest payload of a control key without its version; OfficeError with the advice if there is none."""
        found = payload_of(view.policy, key)
        if found is None:
            raise OfficeError(f"there is no {key}: {advice}")
        return {name: value for name, value in found.items() if name != "version"}

    def change(self, key: str, advice: str, **changes: Any) -> View:
        """Enter the newest payload of a control key with other values."""
        return self.enter({**self.payload(self.view(), key, advice), **changes})

    # -- two keys

    def turned(self, org: str, status: PartnerStatus) -> bool:
        """Turn the signer's key to a partner's next status, if the signer has one; True if none is missing now."""
        view = self.view()
        partner = view.policy.partner(org)
        if partner is None or partner.status is status or not view.policy.cochairs():
            return True
        standing = view.policy.version(f"partner/{org}") + 1
        if any(chair.name == self._by.name for chair in view.policy.cochairs()):
            view = self.enter(
                {"type": "approval", "org": org, "confirmer": self._by.name, "status": status.value,
                 "standing": standing}
            )  # fmt: skip
        missing = keys_missing(partner._replace(status=status), standing, view.policy)
        if missing:
            self.say(f"{org} waits for the key of {' and '.join(sorted(missing))}: that person runs the same command")
        return not missing and self._administers(view)

    def _administers(self, view: View) -> bool:
        one = view.policy.representative("admin", self._by.name)
        if one is not None and "administer" in one.scopes:
            return True
        self.say("both keys are turned: an administrator now runs the same command")
        return False

    # -- the broker's side

    def settle(self, view: View, org: str, *, quotas: bool = False) -> Mended:
        """Make the broker agree about one organisation: rights first, then its topics, then its logins' quotas."""
        drift = Drift(self.settings, view)
        cut = drift.mend(drift.rights(_of(org)))
        rest = drift.topics(lambda name: name.endswith(f".{org}"))
        if quotas:
            rest += [each for each in drift.quotas() if _of(org)(each.name)]
        done = drift.mend(rest)
        mended = Mended((*cut.mended, *done.mended), done.left, cut.passwords)
        self.tell(mended)
        return mended

    def tell(self, mended: Mended) -> None:
        """What was done at the broker, and new passwords, once."""
        kinds = [each.kind for each in mended.mended]
        for kind in dict.fromkeys(kinds):
            self.say(f"broker: {kinds.count(kind)} × mended: {SENTENCES[kind]}")
        for each in mended.left:
            self.say(f"left: {each.name}: {SENTENCES[each.kind]}, and holds records: look at them, then delete it")
        for login, password in mended.passwords.items():
            self.show_once(login, password)

    def show_once(self, login: str, password: str) -> None:
        """A password, which is stored nowhere."""
        self.say(f"login:    {login}\npassword: {password}\nThis is the only time that the password is shown.")

    def _told(self, entered: Entered) -> None:
        was = "entered" if entered.is_new else "is so already"
        self.say(f"{entered.key}: version {entered.version} {was}")


def _of(org: str) -> Callable[[str], bool]:
    """The organisation's own logins."""
    return lambda name: name == org or name.startswith(f"{org}.")


def clerk(context: typer.Context) -> Clerk:
    """Whoever `slt admin` was started for."""
    found: Clerk = context.obj
    return found
