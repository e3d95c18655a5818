#!/usr/bin/env python3
"""Counts the words of a text: the body is the text, standard output the counts as JSON.

Exit status 65 for what is no UTF-8: no further try can help it.
"""

import collections
import json
import os
import sys


def main() -> int:
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        print(f"the text is not UTF-8: {error}", file=sys.stderr)
        return 65
    words = collections.Counter(text.lower().split())
    common = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:limit]
    json.dump(
        {
            "id": os.environ.get("MILLRACE_MESSAGE_ID"),
            "words": sum(words.values()),
            "most": dict(common),
        },
        sys.stdout,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
