"""The policy with what its reader has itself entered since: later records of a topic may build on earlier ones.

INTAKE writes slt.control in the transaction that it decides in, and cannot read that back before it is committed
(services.runtime.control). A withdrawal that comes right after its grant must find it all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from services.core.control import Approval, Control, Grant, Partner, Representative
from services.core.credential import Credential
from services.core.policy import Policy, is_cochair


class Known(Protocol):
    """What a change of slt.control is held against."""

    def partner(self, org: str) -> Partner | None:
        """The organisation's newest record."""

    def representative(self, org: str, name: str) -> Representative | None:
        """The person's newest record."""

    def has_grant(self, grant: str) -> bool:
        """Whether there is, or was, a grant of this id (grantor/name)."""

    def version(self, key: str) -> int:
        """Newest version of a control key; 0 if there is none."""

    def cochairs(self) -> tuple[Representative, ...]:
        """Whoever was appointed to turn one of the two keys."""

    def approval(self, org: str, confirmer: str) -> Approval | None:
        """A co-chair's newest word about the organisation."""

    def credential(self, principal: str) -> Credential | None:
        """The login's newest record."""


class Entered(NamedTuple):
    """A control record that was written and may not have been read back."""

    version: int
    payload: str
    control: Control


class Ahead:
    """A `Known`: the policy, and on top of it what was entered since."""

    def __init__(self, policy: Policy, entered: Mapping[str, Entered]) -> None:
        """`entered`: by control key; what the policy has in the same or a higher version does not count."""
        self._policy = policy
        self._entered = entered

    def partner(self, org: str) -> Partner | None:
        """See Known."""
        newer = self.newer(f"partner/{org}")
        return newer.control if newer and isinstance(newer.control, Partner) else self._policy.partner(org)

    def representative(self, org: str, name: str) -> Representative | None:
        """See Known."""
        newer = self.newer(f"representative/{org}/{name}")
        known = newer.control if newer else None
        return known if isinstance(known, Representative) else self._policy.representative(org, name)

    def has_grant(self, grant: str) -> bool:
        """See Known."""
        newer = self.newer(f"grant/{grant}")
        return self._policy.term(grant) is not None or (newer is not None and isinstance(newer.control, Grant))

    def version(self, key: str) -> int:
        """See Known."""
        newer = self.newer(key)
        return newer.version if newer else self._policy.version(key)

    def cochairs(self) -> tuple[Representative, ...]:
        """See Known."""
        entered = (one.control for key, one in self._entered.items() if self.newer(key))
        new = {one.name: one for one in entered if isinstance(one, Representative) and is_cochair(one)}
        return (*(one for one in self._policy.cochairs() if one.name not in new), *new.values())

    def approval(self, org: str, confirmer: str) -> Approval | None:
        """See Known."""
        newer = self.newer(f"approval/{org}/{confirmer}")
        known = newer.control if newer else None
        return known if isinstance(known, Approval) else self._policy.approval(org, confirmer)

    def credential(self, principal: str) -> Credential | None:
        """See Known."""
        newer = self.newer(f"credential/{principal.replace('.', '/', 1)}")
        known = newer.control if newer else None
        return known if isinstance(known, Credential) else self._policy.credential(principal)

    def payload(self, key: str) -> str:
        """The newest signed text of a control key."""
        newer = self.newer(key)
        return newer.payload if newer else self._policy.payload(key)

    def newer(self, key: str) -> Entered | None:
        """What was entered under the key and is not in the policy yet."""
        found = self._entered.get(key)
        return found if found and found.version > self._policy.version(key) else None
