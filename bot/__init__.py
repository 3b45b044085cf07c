"""The service. What stands here comes before everything else of it is imported."""

import gc
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

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


def _import_without_the_orm() -> None:
    """Import SQLAlchemy's asyncio engine as if its package did not begin by loading the ORM.

    Nothing here works with the ORM: five megabytes of a service and a twelfth of its start. Whoever asks the
    package for more than is used here gets all of it.
    """
    name = "sqlalchemy.ext.asyncio"
    spec = find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    loader, package = spec.loader, module_from_spec(spec)

    def whole(attribute: str) -> Any:
        del package.__getattr__
        loader.exec_module(package)
        return getattr(package, attribute)

    sys.modules[name] = package
    engine = import_module(f"{name}.engine")
    for used in ("AsyncConnection", "AsyncEngine", "create_async_engine"):
        setattr(package, used, getattr(engine, used))
    setattr(import_module("sqlalchemy.ext"), "asyncio", package)  # noqa: B010 (not in the package's types)
    package.__getattr__ = whole  # type: ignore[method-assign]


_import_without("rich", "pygments")
_import_without_the_orm()
