"""Base64 with one spelling per value.

- Standard or URL-safe, never both in one text; padded; no stray bits; no white space.
- Of two spellings of one value, one could be signed and the other stored: hence one only.
"""

from __future__ import annotations

import base64
import binascii


def decode(text: str) -> bytes | None:
    """The bytes that `text` spells; None when it is not base64 in its canonical spelling."""
    alphabet = b"-_" if "-" in text or "_" in text else b"+/"
    try:
        value = base64.b64decode(text, altchars=alphabet, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Spelling it again refuses stray bits, mixed alphabets and inner padding in one stroke.
    return value if base64.b64encode(value, altchars=alphabet).decode() == text else None
