"""What the local broker is told before it starts."""

from __future__ import annotations

import uuid

import pytest

from services.runtime.local.broker import new_cluster_id


def test_a_cluster_id_is_never_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([uuid.UUID(bytes=b"\xf8" + bytes(15)), uuid.UUID(bytes=b"\x04" + bytes(15))])
    monkeypatch.setattr(uuid, "uuid4", lambda: next(drawn))
    assert new_cluster_id() == "B" + "A" * 21  # the first draw would have begun with a hyphen
