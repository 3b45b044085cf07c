"""Sets one page: reads its words as JSON from standard input and writes the PDF to standard output.

The one argument is the name of its sheet, one of the .typ files beside the service's other data.

Run in a process of its own (`bot.documents`), with nothing of the service in it: no settings, no keys. The
same words give the same bytes, and of the system's fonts none is used.
"""

import sys
from pathlib import Path

import typst

DATA = Path(__file__).parent / "data"


def main(sheet: str) -> None:
    words = sys.stdin.buffer.read().decode()
    page = typst.compile(
        DATA / sheet,
        root=DATA,
        font_paths=typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[DATA / "fonts"]
        ),
        format="pdf",
        sys_inputs={"page": words},
        timestamp=0,
    )
    sys.stdout.buffer.write(page)


if __name__ == "__main__":
    main(sys.argv[1])
