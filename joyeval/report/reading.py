"""How easy a text is to read, and whether names from inside the program stand in it."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_VOWELS = re.compile(r"[aeiouy]+")
_CODE = re.compile(r"`[^`]+`|\b(?:NaN|nan)\b")
_FILE = re.compile(r"\.[a-z]{2,5}\d?$")  # names of files may hold what they like


def grade(text: str) -> float:
    """Return the Flesch-Kincaid grade of a text: about the years of school that reading it asks for.

    Numbers are left out; a colon or semicolon ends a sentence, as it does for the eye.

    References
    ----------
    Kincaid, Fishburne, Rogers & Chissom (1975), Research Branch Report 8-75, Naval Technical Training Command.

    Examples
    --------
    >>> round(grade("The cat sat on the mat."), 2)
    -1.45
    """
    sentences = [words for part in _SENTENCE.split(text) if (words := _WORD.findall(part))]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return 0.0
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def syllables(word: str) -> int:
    """Return about how many syllables an English word has: groups of vowels, a silent e at the end left out.

    Examples
    --------
    >>> [syllables(word) for word in ("cat", "table", "improve", "programme", "service", "experience")]
    [1, 2, 2, 2, 2, 4]
    """
    letters = re.sub(r"[^a-z]", "", word.lower())
    silent = re.search(r"(?<=[^aeiouyl])e$|(?<=[aeiouy]l)e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouyscxzgh])es$", letters)
    vowels = len(_VOWELS.findall(letters)) - bool(silent)
    apart = len(re.findall(r"i(?:en|a|o(?!n|us))", letters))  # ex-pe-ri-ence, so-ci-al
    return max(1, vowels + apart)


def internal_names(text: str) -> list[str]:
    """Return what in a text looks like a name from inside the program.

    Examples
    --------
    >>> internal_names("weighted by fft_denominator, in run.json")
    ['fft_denominator']
    """
    words = [word.strip("()[]“”\"',;:.?!") for word in text.split()]
    return [*_CODE.findall(text), *(word for word in words if "_" in word and not _FILE.search(word))]
