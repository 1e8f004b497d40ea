"""Chromium without a window, for tests of pages, and a file server such as `http.server`."""

import contextlib
import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

CHROMIUM = (
    os.environ.get("CHROMIUM")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
MISSING = "chromium and chromedriver are not installed (Debian: chromium, chromium-driver)"
needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)


@contextlib.contextmanager
def open_browser(home):
    """A browser; what it saves goes into the folder `home`."""
    webdriver = pytest.importorskip(
        "selenium.webdriver",
        reason="selenium is not installed (extra 'test'): no browser is tried",
    )
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = f"--user-data-dir={Path(home) / 'profile'}"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 profile, "--window-size=1100,900"):  # fmt: skip
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(home)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(120)
    driver.downloads = Path(home)
    try:
        yield driver
    finally:
        driver.quit()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serve(folder):
    """The address at which a folder is served, as `python -m http.server` does."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def errors_of(browser):
    """Lines of the browser's log that a page is to blame for."""
    return [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def requests_of(browser):
    """Addresses that the page has fetched."""
    names = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    return browser.execute_script(names)
