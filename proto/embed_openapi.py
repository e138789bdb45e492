"""Turns openapi.yaml into a C++ source that holds it as JSON: embed_openapi.py IN OUT."""

import json
import sys

import yaml

# What one string literal may surely hold (C++ [implimits]).
PIECE = 60_000


def nodes(node):
    """Every object of the document."""
    children = node if isinstance(node, list) else ()
    if isinstance(node, dict):
        yield node
        children = node.values()
    for child in children:
        yield from nodes(child)


def check(document):
    """Ends the build at a reference that leads nowhere, or an operation named twice."""
    for node in nodes(document):
        target = document
        for step in node.get("$ref", "#/").removeprefix("#/").split("/"):
            target = target.get(step) if step else target
            if target is None:
                sys.exit(f"{source}: {node['$ref']} leads nowhere")
    names = [node["operationId"] for node in nodes(document) if "operationId" in node]
    for name in set(names):
        if names.count(name) > 1:
            sys.exit(f"{source}: {name} names two operations")


source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    contract = yaml.safe_load(file)
check(contract)
text = json.dumps(contract, ensure_ascii=False, separators=(",", ":"))
if ')json"' in text:
    sys.exit(f"{source}: holds the end of a raw string")

pieces = [text[i : i + PIECE] for i in range(0, len(text), PIECE)]
with open(target, "w", encoding="utf-8") as file:
    file.write('#include "proto/openapi.hpp"\n\nnamespace sluice {\n\n')
    file.write("std::string_view openapi_json() {\n    return {")
    file.write("\n".join(f'R"json({piece})json"' for piece in pieces))
    file.write(f", {len(text.encode())}}};\n}}\n\n}}  // namespace sluice\n")
