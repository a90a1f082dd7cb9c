"""O que os testes partilham: uma thread só, e o Chromium, dirigido pelo Playwright."""

import shutil

import pytest
import torch

torch.set_num_threads(1)  # como nos cadernos: com duas, as filas se atrapalham


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="sem o Playwright")
    path = shutil.which("chromium") or shutil.which("google-chrome")
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
