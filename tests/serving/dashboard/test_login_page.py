"""Logging in and out with a real browser, where the server needs a token."""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from daemon.clock import SystemClock
from daemon.folders import server_token
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving.dashboard.furnished import furnished
from tests.serving.house import serving


def test_a_person_logs_in_asks_and_logs_out(chromium: Browser, tmp_path: Path) -> None:
    """A dashboard behind `server.token` could not be seen by any browser."""
    layout = furnished(tmp_path / "workspace")
    with serving(layout, RehearsalEngine(SystemClock(), 0.0), token=True) as served:
        url = f"http://{served.host}"
        context = chromium.new_context(viewport={"width": 390, "height": 800})
        page = context.new_page()
        page.goto(url)
        expect(page).to_have_url(f"{url}/login")
        assert Axe().run(page).violations_count == 0
        expect(page.locator("#token")).to_be_focused()
        page.keyboard.type("not the token")
        page.keyboard.press("Enter")
        expect(page.locator("#trouble")).to_contain_text("server.token")
        page.locator("#token").fill(str(server_token.read(layout)))
        page.locator("#enter").click()
        expect(page).to_have_url(f"{url}/")
        expect(page.locator("#link")).to_have_text("live")
        (cookie,) = context.cookies()
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
        assert page.evaluate("document.cookie") == ""
        page.reload()
        expect(page.locator("#link")).to_have_text("live")
        page.locator("#log-out").click()
        expect(page).to_have_url(f"{url}/login")
        page.goto(url)
        expect(page).to_have_url(f"{url}/login")
        assert context.cookies() == []
        context.close()
