"""What the broker should hold, as slt.control says: logins with their rights, outlets that are parked, topics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from confluent_kafka.admin import AclBinding

from services.core.access import Access, access
from services.core.control import OutletState, PartnerStatus
from services.core.credential import Credential, CredentialState
from services.core.policy import Policy
from services.runtime.archive import Archive
from services.runtime.policies import NOW, Past, load_past, policy_of
from services.runtime.rights import Login, house_login, login_acls, parked_acls, stage_acls
from services.runtime.settings import Settings
from services.runtime.topics import ADMIN, CANARY, Catalogue

_BEFORE_TOPICS = frozenset({PartnerStatus.APPLIED, PartnerStatus.UNDER_REVIEW, PartnerStatus.REJECTED})
"""Topics are made when the Oversight Committee has agreed: every stage knows them when the letters are exchanged."""


class View(NamedTuple):
    """slt.control as an administrator sees it."""

    policy: Policy
    past: Past
    house: tuple[str, ...]
    """Organisations whose house login's password lies in the installation's secrets."""
    times: Mapping[str, datetime]
    """When the newest record of each control key was entered."""

    @property
    def registered(self) -> tuple[str, ...]:
        """Every organisation of the registry."""
        return self.policy.recipients

    def status(self, org: str) -> PartnerStatus | None:
        """The organisation's standing; None if it is not in the registry."""
        partner = self.policy.partner(org)
        return partner.status if partner else None

    def access(self, org: str) -> Access:
        """What the organisation's logins may do now; one that nobody entered yet is as it was provisioned."""
        status = self.status(org)
        if status is None:
            return Access.ALL
        return access(status, self.past.now - self.times[f"partner/{org}"])


class Wanted(NamedTuple):
    """What the broker should hold."""

    topics: frozenset[str]
    """Organisations with topics."""
    known: frozenset[str]
    """Organisations that may have topics, which nobody deletes."""
    users: frozenset[str]
    acls: frozenset[AclBinding]
    quotas: frozenset[str]
    """Logins with a quota: every one but the house's own."""


class Views:
    """slt.control for one administrator at work: what was read is not read again."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is asked yet."""
        self._settings = settings
        self._archive = Archive(settings)
        self._past: Past | None = None

    def close(self) -> None:
        """Leave the broker."""
        self._archive.__exit__(None, None, None)

    def now(self) -> View:
        """As it is now; ArchiveError if it cannot be read."""
        before = self._past
        since = Past(b"", (), before.end, before.now) if before else None
        fresh = load_past(self._settings, self._archive, since)
        past = self._past = fresh._replace(records=(*before.records, *fresh.records)) if before else fresh
        ours = {ADMIN, "redis", *catalogue().stages}
        found = {path.name.removesuffix(".password") for path in self._settings.secrets.glob("*.password")}
        times = {record.key: record.appended for record in past.records}
        return View(policy_of(past, NOW), past, tuple(sorted(found - ours)), times)


@cache
def catalogue() -> Catalogue:
    """schemas/topics.yaml, read once."""
    return Catalogue.load()


def load_view(settings: Settings) -> View:
    """Read all of slt.control; ArchiveError if it cannot be read."""
    with closing(Views(settings)) as views:
        return views.now()


def wanted(view: View) -> Wanted:
    """The whole installation."""
    topics = catalogue()
    logins = (*_house(view), *_issued(view))
    parked = [org for org in view.registered if _is_parked(view, org)]
    acls = (each for login in logins for each in login_acls(topics, login))
    denied = (each for org in parked for each in parked_acls(topics, org))
    house = {CANARY, *view.house}
    with_topics = {org for org in view.registered if view.status(org) not in _BEFORE_TOPICS}
    return Wanted(
        topics=frozenset(house | with_topics),
        known=frozenset(house | {*view.registered, ADMIN}),
        users=frozenset({ADMIN, *topics.stages, *(login.principal for login in logins)}),
        acls=frozenset((*stage_acls(topics), *acls, *denied)),
        quotas=frozenset(login.principal for login in logins if login.principal != login.org),
    )


def login_of(view: View, credential: Credential) -> Login | None:
    """The login that a credential is at the broker; None where it is none any more."""
    if credential.state is CredentialState.REVOKED or _is_over(view, credential.org):
        return None
    is_suspended = credential.state is CredentialState.SUSPENDED
    reach = Access.NONE if is_suspended else view.access(credential.org)
    return Login(credential.principal, credential.org, credential.scopes, reach)


def _issued(view: View) -> Iterator[Login]:
    for credential in view.policy.credentials():
        login = login_of(view, credential)
        if login:
            yield login


def _house(view: View) -> Iterator[Login]:
    for org in dict.fromkeys((CANARY, *view.house)):
        if not _is_over(view, org):
            yield house_login(org, view.access(org))


def _is_over(view: View, org: str) -> bool:
    """Whether the organisation's logins are deleted: it was turned out, or left and had its time to close up."""
    status = view.status(org)
    if status is PartnerStatus.WITHDRAWN:
        return view.access(org) is Access.NONE
    return status in {PartnerStatus.TERMINATED, PartnerStatus.REJECTED}


def _is_parked(view: View, org: str) -> bool:
    outlet = view.policy.outlet(org)
    return outlet is not None and outlet.state is OutletState.PARKED


def unused_for(view: View, credential: Credential, used: datetime | None) -> timedelta:
    """How long nobody has come by it, counted from the last use, or from its newest record."""
    entered = view.times[f"credential/{credential.org}/{credential.name}"]
    return view.past.now - max(entered, used or entered)
