"""Takes the code blocks out of a Markdown file: readme.py FILE FOLDER

Writes each block to FOLDER/blocks/N and one line per block to FOLDER/plan: N, action, name, line, tab-separated.
The comment on the line above a block says what is to be done with it; ops/readme lists the comments. Exit status 1 if a
block that could be checked has no comment, or one that does not fit. In a guide, a file of a .docc folder, blocks without a
comment are left alone.
"""

import os
import re
import sys

ACTIONS = {  # action: (languages, does it take a name?)
    "run": (("sh",), False),
    "check": (("yaml",), True),
    "check fails": (("yaml",), True),
    "compile": (("swift",), True),
    "file": (("sh", "yaml", "swift", "text", ""), True),
    "run in": (("sh",), True),
    "prints": (("text", ""), False),
    "not run": (("sh", "yaml", "swift", "text", ""), True),
}
PATHS = ("file", "run in")
MUST_BE_MARKED = ("sh", "bash", "shell", "console", "yaml", "yml", "swift")
FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})\s*([\w+-]*).*$")
COMMENT = re.compile(r"^\s*<!--\s*([^:]+?)\s*(?::\s*(.*?))?\s*-->\s*$")


def blocks(lines):
    """Yields (line number, language, comment above or None, text)."""
    number = 0
    while number < len(lines):
        start = FENCE.match(lines[number])
        if not start:
            number += 1
            continue
        above = COMMENT.match(lines[number - 1]) if number else None
        first, end = number + 1, number + 1
        while end < len(lines) and not re.match(rf"^ {{0,3}}{re.escape(start[2])}\s*$", lines[end]):
            end += 1
        if end == len(lines):
            raise ValueError(f"{first}: this code block does not end")
        body = "".join(line[len(start[1]):] if line.startswith(start[1]) else line for line in lines[first:end])
        yield first, start[3], above, body
        number = end + 1


def mistake(language, above, is_guide):
    if is_guide and above is None:
        return None
    known = ", ".join(f"<!-- {name}{': …' if named else ''} -->" for name, (_, named) in ACTIONS.items())
    if above is None or above[1] not in ACTIONS:
        return f"this {language} block says not what is to be done with it; above it write one of {known}" \
            if language in MUST_BE_MARKED else None
    languages, named = ACTIONS[above[1]]
    if language not in languages:
        return f"'{above[1]}' is for blocks of {' or '.join(filter(None, languages))}, this one is {language or 'plain'}"
    if named and not above[2]:
        return f"'{above[1]}' needs words after a colon: a file name, or the reason"
    if above[1] in PATHS and not re.fullmatch(r"(?!.*\.\.)\w[\w./-]*", above[2]):
        return f"'{above[2]}' is not a path below the folder"
    if above[1] not in PATHS + ("not run",) and named and not re.fullmatch(r"[\w.-]+", above[2]):
        return f"'{above[2]}' is not a plain file name"
    return None


def main():
    path, folder = sys.argv[1], sys.argv[2]
    is_guide = ".docc/" in path
    with open(path) as file:
        lines = file.readlines()
    os.makedirs(f"{folder}/blocks", exist_ok=True)
    failed = False
    with open(f"{folder}/plan", "w") as plan:
        try:
            for index, (line, language, above, body) in enumerate(blocks(lines)):
                wrong = mistake(language, above, is_guide)
                if wrong:
                    print(f"{path}:{line}: {wrong}", file=sys.stderr)
                    failed = True
                elif above and above[1] in ACTIONS:
                    with open(f"{folder}/blocks/{index}", "w") as block:
                        block.write(body)
                    print(index, above[1], above[2] or "-", line, sep="\t", file=plan)
        except ValueError as error:
            print(f"{path}:{error}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


sys.exit(main())
