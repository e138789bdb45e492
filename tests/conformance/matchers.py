"""The matcher language of the conformance cases.

Every function answers None when the value holds, and a sentence about the difference when not.
A matcher that nobody knows is an error of the case (UnknownMatcher): it must never pass unnoticed.
"""

import json
import re
from datetime import datetime

from paths import MISSING, evaluate


class UnknownMatcher(Exception):
    pass


UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
UUIDV7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


def show(value):
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "..."


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(a, b):
    """Equality of JSON values: numbers by value, true is not 1."""
    if is_number(a) and is_number(b):
        return a == b
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return a == b


def is_datetime(text):
    form = RFC3339.fullmatch(text)
    if not form:
        return False
    try:
        datetime.strptime(f"{form[1]} {form[2]}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return False
    return True


STRING_FORMS = {
    "nonempty": lambda text: text != "",
    "non_empty": lambda text: text != "",
    "uuid": lambda text: UUID.fullmatch(text) is not None,
    "uuidv7": lambda text: UUIDV7.fullmatch(text) is not None,
    "datetime": is_datetime,
}


def string_holds(form, value):
    if form in STRING_FORMS:
        check = STRING_FORMS[form]
    elif form.startswith("contains:"):
        part = form[len("contains:"):]
        check = lambda text: part in text
    elif form.startswith("pattern(") and form.endswith(")"):
        pattern = re.compile(form[len("pattern("):-1])
        check = lambda text: pattern.search(text) is not None
    else:
        raise UnknownMatcher(f"string:{form}")
    return isinstance(value, str) and check(value)


def number_holds(form, value):
    bounds = re.fullmatch(r"range\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\)", form)
    if form == "positive":
        check = lambda number: number > 0
    elif form == "non_negative":
        check = lambda number: number >= 0
    elif bounds:
        check = lambda number: float(bounds[1]) <= number <= float(bounds[2])
    else:
        raise UnknownMatcher(f"number:{form}")
    return is_number(value) and check(value)


def array_holds(form, value):
    length = re.fullmatch(r"length(?::(\d+)|\((\d+)\))", form)
    least = re.fullmatch(r"min(?:_length)?(?::(\d+)|\((\d+)\))", form)
    if form == "empty":
        check = lambda array: not array
    elif form in ("nonempty", "non_empty"):
        check = lambda array: len(array) > 0
    elif length:
        check = lambda array: len(array) == int(length[1] or length[2])
    elif least:
        check = lambda array: len(array) >= int(least[1] or least[2])
    else:
        raise UnknownMatcher(f"array:{form}")
    return isinstance(value, list) and check(value)


def approximately(wanted, value):
    return is_number(value) and abs(value - wanted) <= max(abs(wanted) * 0.5, 100)


def has_element(text, value):
    return any((e if isinstance(e, str) else json.dumps(e)) == text for e in value)


def word_holds(word, value):
    """A string in the place of a matcher: one of the words, or the value itself."""
    if word in ("any", "exists"):
        return value is not MISSING and value is not None
    if word == "absent":
        return value is MISSING or value is None
    if word.startswith("string:"):
        return string_holds(word[len("string:"):], value)
    if word.startswith("number:"):
        return number_holds(word[len("number:"):], value)
    if word.startswith("array:"):
        return array_holds(word[len("array:"):], value)
    if re.fullmatch(r"~-?\d+(\.\d+)?", word):
        return approximately(float(word[1:]), value)
    if word.startswith("contains:"):
        return isinstance(value, list) and has_element(word[len("contains:"):], value)
    if word.startswith("not_contains:"):
        return isinstance(value, list) and not has_element(word[len("not_contains:"):], value)
    return equal(word, value)


JSON_TYPES = {
    "string": lambda v: isinstance(v, str),
    "number": is_number,
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def operator_holds(name, operand, value):
    if name == "$exists":
        return (value is not MISSING and value is not None) == operand
    if name == "$type":
        if operand not in JSON_TYPES:
            raise UnknownMatcher(f"$type {operand}")
        return value is not MISSING and JSON_TYPES[operand](value)
    if name == "$match":
        return isinstance(value, str) and re.search(operand, value) is not None
    if name == "$eq":
        return equal(operand, value)
    if name == "$gte":
        return is_number(value) and value >= operand
    if name == "$size":
        return isinstance(value, list) and difference(operand, len(value)) is None
    if name in ("$in", "$or"):
        return any(difference(each, value) is None for each in operand)
    raise UnknownMatcher(name)


def difference(matcher, value):
    """None when `value` holds, else how it differs."""
    if isinstance(matcher, dict):
        return object_difference(matcher, value)
    if isinstance(matcher, list):
        if not isinstance(value, list) or len(value) != len(matcher):
            return f"expected {show(matcher)}, got {show(value)}"
        differences = (difference(m, v) for m, v in zip(matcher, value))
        return next((d for d in differences if d is not None), None)
    if isinstance(matcher, str):
        holds = word_holds(matcher, value)
    elif matcher is None:
        holds = value is MISSING or value is None
    else:
        holds = equal(matcher, value)
    return None if holds else f"expected {show(matcher)}, got {show(value)}"


def object_difference(matcher, value):
    if matcher.keys() == {"range"} and isinstance(matcher["range"], dict):
        bounds = matcher["range"]
        holds = is_number(value) and bounds["min"] <= value <= bounds["max"]
        return None if holds else f"expected {show(matcher)}, got {show(value)}"
    for name, operand in matcher.items():
        if name.startswith("$"):
            if not operator_holds(name, operand, value):
                return f"expected {show({name: operand})}, got {show(value)}"
            continue
        if not isinstance(value, dict):
            return f"expected {show(matcher)}, got {show(value)}"
        found = difference(operand, value.get(name, MISSING))
        if found is not None:
            return f"{name}: {found}"
    if not matcher and not isinstance(value, dict):
        return f"expected {{}}, got {show(value)}"
    return None


def status_difference(matcher, status):
    if isinstance(matcher, str) and matcher.startswith("one_of:"):
        allowed = [int(each) for each in matcher[len("one_of:"):].split(",")]
        holds = status in allowed
        return None if holds else f"expected {matcher}, got {status}"
    return difference(matcher, status)


def body_differences(rules, body, text):
    """`rules` maps paths to matchers; `body` is the parsed answer, or MISSING."""
    for path, matcher in rules.items():
        if path == "$or":
            found = [list(body_differences(each, body, text)) for each in matcher]
            if all(found):
                yield "none of the alternatives holds: " + " / ".join(f[0] for f in found)
        elif path == "$empty":
            if (text.strip() == "") != matcher:
                yield f"expected an empty body: {matcher}, got {text[:200]!r}"
        else:
            found = difference(matcher, evaluate(body, path))
            if found is not None:
                yield f"{path}: {found}"


def timing_differences(rules, elapsed_ms):
    checks = {
        "less_than": lambda limit: elapsed_ms < limit,
        "greater_than": lambda limit: elapsed_ms > limit,
        "approximate": lambda wanted: approximately(wanted, elapsed_ms),
    }
    for name, operand in rules.items():
        if name not in checks:
            raise UnknownMatcher(f"timing_ms {name}")
        if not checks[name](operand):
            yield f"time: expected {name} {operand} ms, took {elapsed_ms:.0f} ms"


KNOWN_ASSERTIONS = {
    "status", "status_in", "headers", "body", "body_absent", "body_contains", "timing_ms"}


def answer_differences(assertions, answer):
    """All that is wrong with an answer (status, headers, body, text, elapsed_ms)."""
    unknown = {n for n in assertions.keys() - KNOWN_ASSERTIONS if not n.endswith("_comment")}
    if unknown:
        raise UnknownMatcher(", ".join(sorted(unknown)))
    found = []
    if "status" in assertions:
        status = status_difference(assertions["status"], answer.status)
        found += [] if status is None else [f"status: {status}"]
    if "status_in" in assertions and answer.status not in assertions["status_in"]:
        found.append(f"status: expected one of {assertions['status_in']}, got {answer.status}")
    for name, matcher in assertions.get("headers", {}).items():
        header = difference(matcher, answer.headers.get(name.lower(), MISSING))
        found += [] if header is None else [f"header {name}: {header}"]
    found += body_differences(assertions.get("body", {}), answer.body, answer.text)
    for path in assertions.get("body_absent", []):
        value = evaluate(answer.body, path)
        if value is not MISSING and value is not None:
            found.append(f"{path}: expected nothing, got {show(value)}")
    for part in assertions.get("body_contains", []):
        if part not in answer.text:
            found.append(f"body: expected it to contain {part!r}, got {answer.text[:200]!r}")
    found += timing_differences(assertions.get("timing_ms", {}), answer.elapsed_ms)
    return found
