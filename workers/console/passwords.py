"""Passwords: argon2id hashes, and a check that takes as long for a name nobody has.

Pure but for chance. A password is never kept, printed or logged; `Passwords` may be used from several threads.
"""

import secrets
import unicodedata

import argon2

from receiver.errors import SettingsInvalid

LENGTH = (12, 1024)


class Passwords:
    """Hashes and checks. The parameters are the library's (RFC 9106, low memory: 64 MiB, 3 passes) unless others are given."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        """The hash to keep. Raises SettingsInvalid where the password is too short or too long."""
        if not LENGTH[0] <= len(password) <= LENGTH[1]:
            raise SettingsInvalid(f"the password is too short or too long: write {LENGTH[0]} to {LENGTH[1]} characters")
        return self._hasher.hash(_normal(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether the password is the one of the kept hash. With None, nobody's, a hash is checked all the same: it takes as long."""
        try:
            fits = self._hasher.verify(kept if kept is not None else self._nobody, _normal(password[: LENGTH[1] + 1]))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return fits and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)


def _normal(password: str) -> bytes:
    """One form for letters that can be typed in two ways (RFC 8265)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
