"""What fits into one text message: 160 characters of the GSM 7-bit alphabet (spec 3.6.4, channel 3; GSM 03.38)."""

import unicodedata

ONE_SMS = 160
"""Septets. One more, and the carrier bills two messages."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
"""Sent as an escape and a character: two septets each."""

TYPEWRITTEN = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "`": "'", "´": "'",
        "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "…": "...", "•": "-", "·": "-", "™": "(TM)", "®": "(R)",
        "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": None, "\ufeff": None, "\t": " ",
    }
)  # fmt: skip


def sms_length(text: str) -> int | None:
    """Septets that the text takes; None when a character is not in the alphabet."""
    length = 0
    for character in text:
        if character in BASIC:
            length += 1
        elif character in EXTENDED:
            length += 2
        else:
            return None
    return length


def fits_one_sms(text: str) -> bool:
    """Whether the text goes out as a single message."""
    length = sms_length(text)
    return length is not None and length <= ONE_SMS


def typewritten(text: str) -> str:
    """The text with curly quotes, dashes and accents that the alphabet lacks written plainly.

    What has no plain form (emoji, other scripts) is left as it is: `fits_one_sms` then says no.
    """
    return "".join(_plain(character) for character in text.translate(TYPEWRITTEN))


def _plain(character: str) -> str:
    if character in BASIC or character in EXTENDED:
        return character
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return bare if bare and sms_length(bare) is not None else character
