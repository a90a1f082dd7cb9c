"""O navegador dos testes: o Chromium do sistema, dirigido pelo Playwright."""

import shutil

import pytest

CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="sem o Playwright")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("sem o Chromium")
    with api.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.hookimpl(tryfirst=True)  # antes de o -m escolher
def pytest_collection_modifyitems(items):
    """Quem usa o navegador leva a marca ``browser``."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
