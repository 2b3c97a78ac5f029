"""An alert for the tests of CAP. Organisation, place and event are invented."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "cap"
NS = "urn:oasis:names:tc:emergency:cap:1.2"
ALERT = f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="{NS}">
<identifier>alder-17</identifier>
<sender>ops@alder.example</sender>
<sent>2026-03-01T06:30:00+00:00</sent>
<status>Actual</status>
<msgType>Update</msgType>
<scope>Private</scope>
<addresses>ironwood "the other one"</addresses>
<references>ops@alder.example,alder-16,2026-03-01T05:30:00+00:00</references>
<info>
<language>en</language>
<category>Security</category>
<event>Armed robbery</event>
<urgency>Past</urgency>
<severity>Severe</severity>
<certainty>Observed</certainty>
<audience>convoys</audience>
<expires>2026-03-02T06:30:00+00:00</expires>
<headline>Robbery on the road to Quillmere</headline>
<description>Two vehicles were stopped.</description>
<instruction>Travel in convoys.</instruction>
<area>
<areaDesc>Quillmere</areaDesc>
<polygon>1,2 3,4 5,6 1,2</polygon>
<circle>1.5,2.5 10</circle>
<altitude>100</altitude>
<ceiling>200</ceiling>
</area>
</info>
</alert>
"""


def changed(old: str, new: str) -> bytes:
    """The alert with one text replaced, which has to be in it."""
    assert ALERT.count(old) >= 1, old
    return ALERT.replace(old, new, 1).encode()
