"""Country names that the field uses and ISO 3166 does not have, by ISO 3166-1 alpha-3 code.

XKX is the user-assigned code in common use for Kosovo (S/RES/1244). A name that stands for two countries (Korea, Abyei)
is left out on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "ARE": ("UAE",),
    "BRN": ("Brunei",),
    "CAF": ("CAR", "RCA", "Central African Rep.", "République centrafricaine"),
    "CIV": ("Ivory Coast",),
    "COD": (
        "DRC", "RDC", "DR Congo", "D.R. Congo", "Congo DR", "Congo, DRC", "Congo-Kinshasa", "Zaire",
        "Democratic Republic of Congo", "Democratic Republic of the Congo", "Dem. Rep. Congo", "Congo, Dem. Rep.",
    ),
    "COG": ("Republic of Congo", "Congo-Brazzaville", "Congo, Rep."),
    "CPV": ("Cape Verde",),
    "FSM": ("Micronesia",),
    "GBR": ("UK", "Great Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "KOR": ("ROK", "Republic of Korea"),
    "LAO": ("Lao PDR",),
    "LBY": ("Libyan Arab Jamahiriya",),
    "MKD": ("Macedonia", "FYROM"),
    "MMR": ("Burma", "Myanmar (Burma)"),
    "PRK": ("DPRK",),
    "PSE": (
        "oPt", "Occupied Palestinian Territory", "Occupied Palestinian Territories", "Palestinian Territory",
        "Palestinian Territories", "Palestine", "State of Palestine", "Gaza", "Gaza Strip", "West Bank",
        "West Bank and Gaza", "West Bank and Gaza Strip",
    ),
    "RUS": ("Russia", "Chechnya", "Chechen Republic", "Ingushetia", "Dagestan"),
    "SOM": ("Somaliland", "Puntland"),
    "SSD": ("S. Sudan",),
    "SWZ": ("Swaziland",),
    "TLS": ("East Timor",),
    "TUR": ("Turkey",),
    "USA": ("U.S.", "U.S.A."),
    "XKX": ("XK", "XKX", "XKO", "RKS", "Kosovo"),
})  # fmt: skip

CLAIMED: frozenset[tuple[str, str]] = frozenset({
    ("CHN", "HKG"), ("CHN", "MAC"), ("CHN", "TWN"), ("DNK", "FRO"), ("DNK", "GRL"), ("FRA", "NCL"), ("FRA", "PYF"),
    ("ISR", "PSE"), ("MAR", "ESH"), ("NLD", "ABW"), ("NLD", "CUW"), ("SDN", "SSD"), ("SRB", "XKX"), ("USA", "GUM"),
    ("USA", "PRI"), ("USA", "VIR"),
})  # fmt: skip
"""(country that is named, country that the shapes draw) which never contradict: a status that is not ours to judge, a
territory reported under its sovereign, or South Sudan, which was part of Sudan until 2011."""
