"""Splits texts of names, units and values where a name itself may hold the sign between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from chem_vae.errors import match_name

_OPEN, _CLOSED = "([{", ")]}"


def split_at_equals(text: str) -> Iterator[tuple[str, str]]:
    """Give each way to split a text at an equals sign, the longest name first; the whole text with "" comes before.

    >>> list(split_at_equals("pH=7=h"))
    [('pH=7=h', ''), ('pH=7', 'h'), ('pH', '7=h')]
    """
    yield text.strip(), ""
    at = len(text)
    while (at := text.rfind("=", 0, at)) > 0:
        yield text[:at].strip(), text[at + 1 :].strip()


def split_outside_brackets(text: str) -> tuple[str, str]:
    """Split a text at its last equals sign outside of brackets into a name and what comes after; "" where there is none.

    >>> split_outside_brackets("sol(pH=7.4)=uM"), split_outside_brackets("sol(pH=7.4)")
    (('sol(pH=7.4)', 'uM'), ('sol(pH=7.4)', ''))
    """
    for name, rest in split_at_equals(text):
        if rest and not _is_inside_brackets(name):
            return name, rest
    return text.strip().removesuffix("="), ""


def join_names(names: Collection[str], known: Collection[str]) -> dict[str, str]:
    """Join names that were split at commas where several of them together are a known name; capitals make no difference.

    Returns:
        Each name, and the first of the given names that it is made of.

    >>> join_names(["qed", "IC50", "nM"], ["qed", "IC50, nM"])
    {'qed': 'qed', 'IC50, nM': 'IC50'}
    >>> join_names(["QED"], ["qed"])
    {'qed': 'QED'}
    """
    rest, found = list(names), dict[str, str]()
    while rest:
        for end in range(len(rest), 0, -1):
            joined = [sign.join(rest[:end]) for sign in (", ", ",")]
            whole = next((name for text in joined if (name := match_name(text, known)) is not None), None)
            if whole is not None or end == 1:
                found[whole or rest[0]] = rest[0]
                del rest[:end]
                break
    return found


def _is_inside_brackets(text: str) -> bool:
    return sum(map(text.count, _OPEN)) > sum(map(text.count, _CLOSED))


def split_last(text: str) -> tuple[str, str]:
    """Split `NAME=VALUE` at the last equals sign: a value never holds one, but a name may.

    >>> split_last("sol(pH=7.4)=-5")
    ('sol(pH=7.4)', '-5')
    """
    name, _, value = text.rpartition("=")
    return name.strip(), value.strip()


def split_key(text: str) -> tuple[str, str]:
    """Split `KEY=VALUE` at the first equals sign outside of brackets and quotes: a value of TOML may hold more of them.

    >>> split_key('generate.objectives."a=b"={target=1}')
    ('generate.objectives."a=b"', '{target=1}')
    """
    depth, quote = 0, ""
    for i, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in _OPEN:
            depth += 1
        elif sign in _CLOSED:
            depth -= 1
        elif sign == "=" and depth <= 0:
            return text[:i].strip(), text[i + 1 :].strip()
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def split_dotted(text: str) -> list[str]:
    """Split a dotted key into its parts; dots inside quotes belong to a part.

    >>> split_dotted('objectives."logD7.4".target')
    ['objectives', 'logD7.4', 'target']
    """
    parts, quote = [""], ""
    for sign in text:
        if quote:
            quote, parts[-1] = ("", parts[-1]) if sign == quote else (quote, parts[-1] + sign)
        elif sign in "\"'" and not parts[-1]:
            quote = sign
        elif sign == ".":
            parts.append("")
        else:
            parts[-1] += sign
    return parts
