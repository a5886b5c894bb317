"""A message that is still to be spoken: its language is chosen when a page is printed."""

from __future__ import annotations

from clearprop.derivation.wording.messages import MESSAGES


class Said:
    """A message that is still to be spoken: its key and its values, messages among them.

    Examples
    --------
    >>> Said("weighted", n="2").speak("en")
    'Input of layer 2'
    """

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, values

    def speak(self, language: str) -> str:
        """Return the sentence in ``"en"`` or ``"zh"``."""
        values = {
            name: one.speak(language) if isinstance(one, Said) else one
            for name, one in self.values.items()
        }
        return MESSAGES(self.key, "zh" if language == "zh" else "en", **values)
