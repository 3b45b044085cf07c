"""The service. What stands here comes before everything else of it is imported."""

import gc
import sys
from importlib import import_module

# What is imported stays: to look through it for garbage again and again takes a tenth of a start. A service
# that runs sets a limit of its own, see bot.app.
gc.set_threshold(100_000)


def _import_without(*unused: str) -> None:
    """Import structlog and python-telegram-bot's transport as if these libraries were not there.

    Both load rich where there is one, for tracebacks that are never shown (see bot.logs) and a command that
    nobody calls: three megabytes of a service and a thirtieth of its start. The command line loads it when
    it has something to say.
    """
    absent = [name for name in unused if name not in sys.modules]
    # Python's own sign for "there is no such module".
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        for library in ("structlog", "telegram.request"):
            import_module(library)
    finally:
        for name in absent:
            del sys.modules[name]


_import_without("rich", "pygments")
