"""A message that is still to be spoken: its language is chosen when a page is printed."""

from __future__ import annotations

from collections.abc import Mapping

from clearprop.derivation.wording.messages import CHINESE, MESSAGES
from clearprop.words import Language


class Said:
    """A message that is still to be spoken: its key and its values, messages among them.

    Examples
    --------
    >>> Said("weighted", n="2").speak("en")
    'Input of layer 2'
    """

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, values

    def speak(self, language: str, words: Mapping[str, str] = CHINESE) -> str:
        """Return the sentence in ``"en"`` or ``"zh"``; a text's own Chinese words are `words`."""
        values = {
            name: one.speak(language, words) if isinstance(one, Said) else one
            for name, one in self.values.items()
        }
        return message(self.key, "zh" if language == "zh" else "en", words, **values)


def message(
    key: str, language: Language, words: Mapping[str, str] = CHINESE, **values: object
) -> str:
    """Return a message in a language; a text's own Chinese words are `words`.

    Examples
    --------
    >>> message("section_cost", "zh"), message("section_cost", "zh", {"cost": "代价函数"})
    ('目标函数', '代价函数')
    """
    own = {f"{role}_word": word for role, word in words.items()}
    return MESSAGES(key, language, **own, **values)
