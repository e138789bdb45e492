"""Turns openapi.yaml into a C++ source that holds it as JSON: embed_openapi.py IN OUT."""

import json
import sys

import yaml

# What one string literal may surely hold (C++ [implimits]).
PIECE = 60_000

source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    text = json.dumps(yaml.safe_load(file), ensure_ascii=False, separators=(",", ":"))
if ')json"' in text:
    sys.exit(f"{source}: holds the end of a raw string")

pieces = [text[i : i + PIECE] for i in range(0, len(text), PIECE)]
with open(target, "w", encoding="utf-8") as file:
    file.write('#include "proto/openapi.hpp"\n\nnamespace sluice {\n\n')
    file.write("std::string_view openapi_json() {\n    return {")
    file.write("\n".join(f'R"json({piece})json"' for piece in pieces))
    file.write(f", {len(text.encode())}}};\n}}\n\n}}  // namespace sluice\n")
