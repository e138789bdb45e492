"""Paths into an answer, such as $.jobs[0].id, and templates that refer to earlier answers."""

import json
import re


class Missing:
    """What a path yields when nothing is there; null is something else."""

    def __repr__(self):
        return "nothing"


MISSING = Missing()


class PathError(Exception):
    """The path itself is malformed: the case is wrong, not the server."""


PART = re.compile(
    r"""\.(?P<member>[^.\[\]]+)
      | \[(?P<index>\d+)\]
      | \[(?P<every>\*)\]
      | \[\?\(@\.(?P<name>[^=\s]+)\s*==\s*(?P<quote>['"])(?P<value>.*?)(?P=quote)\)\]""",
    re.VERBOSE,
)


def parts_of(path):
    if not path.startswith("$"):
        raise PathError(f"a path begins with $: {path}")
    parts, at = [], 1
    while at < len(path):
        found = PART.match(path, at)
        if not found:
            raise PathError(f"cannot read the path {path} at {path[at:]}")
        parts.append(found)
        at = found.end()
    return parts


def select(value, parts):
    """Yields each value the parts lead to."""
    if not parts:
        yield value
        return
    part, rest = parts[0], parts[1:]
    if part["member"] is not None:
        if isinstance(value, dict) and part["member"] in value:
            yield from select(value[part["member"]], rest)
    elif part["index"] is not None:
        index = int(part["index"])
        if isinstance(value, list) and index < len(value):
            yield from select(value[index], rest)
    elif part["every"] is not None:
        for element in value if isinstance(value, list) else []:
            yield from select(element, rest)
    else:
        for element in value if isinstance(value, list) else []:
            if isinstance(element, dict) and str(element.get(part["name"])) == part["value"]:
                yield from select(element, rest)
                return


def evaluate(value, path):
    """The value at `path`; the list of all of them when the path has a [*]; else MISSING."""
    parts = parts_of(path)
    if value is MISSING:
        return MISSING
    found = list(select(value, parts))
    if any(part["every"] for part in parts):
        return found
    return found[0] if found else MISSING


TEMPLATE = re.compile(r"\{\{\s*(?P<expression>[^{}]+?)\s*\}\}|\$\{(?P<variable>[^{}]+)\}")
STEP = re.compile(r"steps\.(?P<id>[^.]+)\.response\.body(?P<path>.*)")


class Memory:
    """Answers of earlier steps and captured variables of one case."""

    def __init__(self):
        self.bodies = {}
        self.variables = {}

    def look_up(self, expression):
        step = STEP.fullmatch(expression)
        if step:
            return evaluate(self.bodies.get(step["id"], MISSING), "$" + step["path"])
        return self.variables.get(expression, MISSING)

    def context(self):
        """What the paths of an ASSERT step start from."""
        return {"steps": {name: {"response": {"body": b}} for name, b in self.bodies.items()}}

    def fill(self, value):
        """`value` with its templates resolved. One that makes up a whole string gives the value
        with its type; one that cannot be resolved stays as it is."""
        if isinstance(value, dict):
            return {self.fill(k): self.fill(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.fill(v) for v in value]
        if not isinstance(value, str):
            return value
        whole = TEMPLATE.fullmatch(value)
        if whole:
            found = self.look_up(whole["expression"] or whole["variable"])
            return value if found is MISSING else found
        return TEMPLATE.sub(self.replacement, value)

    def replacement(self, template):
        found = self.look_up(template["expression"] or template["variable"])
        if found is MISSING:
            return template[0]
        return found if isinstance(found, str) else json.dumps(found)
