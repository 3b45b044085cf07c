"""The browser of the tests: headless Chromium from the system's packages."""

from playwright.async_api import Browser, Playwright

EXECUTABLE = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


async def launch(playwright: Playwright) -> Browser:
    """A new headless browser, alike in all tests; the caller closes it."""
    return await playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
