"""The page in a real browser: what it says, that it lives, who can use it, that nothing runs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from daemon.cli.commands.run import make_workspace
from daemon.folders.disk import locks
from daemon.layout import Layout
from tests.serving.dashboard.alone import Alone
from tests.serving.dashboard.furnished import append, furnished, record_details, step, tell

RAN = "window.__ran=(window.__ran||0)+1"
PAYLOADS = (
    f"<script>{RAN}</script>",
    f"<img src=x onerror='{RAN}'>",
    f"<svg onload='{RAN}'>",
    f"<svg><script>{RAN}</script></svg>",
    f'<iframe srcdoc="<script>parent.{RAN}</script>"></iframe>',
    f"<iframe src='javascript:{RAN}'></iframe>",
    f"<a href='javascript:{RAN}' autofocus onfocus='{RAN}'>x</a>",
    f"<input autofocus onfocus='{RAN}'>",
    f"<details open ontoggle='{RAN}'>",
    f"<video><source onerror='{RAN}'></video>",
    f"<audio src=x onerror='{RAN}'>",
    f"<body onload='{RAN}'>",
    f"<object data='javascript:{RAN}'></object>",
    f"<embed src='javascript:{RAN}'>",
    f"<math><mtext><img src=x onerror='{RAN}'></mtext></math>",
    f"<style>@import 'http://evil.example/x.css'</style><style onload='{RAN}'></style>",
    f"<link rel=stylesheet href='http://evil.example/x.css' onerror='{RAN}'>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RAN}'>",
    f"<base href='http://evil.example/'><img src=x onerror='{RAN}'>",
    f"<marquee onstart='{RAN}'>x</marquee>",
    f"<form action='javascript:{RAN}'><button autofocus onfocus='{RAN}'>x</button></form>",
    f"'\"></p></section><script>{RAN}</script>",
    f"--></style></script></title></noscript><script>{RAN}</script>",
    f"</textarea><template><script>{RAN}</script></template><img src onerror='{RAN}'>",
    f"%{{x}}<b><a href='javascript:{RAN}'>y</a></b><extra>z</extra>",
    f"![x](http://evil.example/x.png) [y](javascript:{RAN})",
    f"${{({RAN})}} {{{{{RAN}}}}} <%= {RAN} %>",
    f"\\u003cscript\\u003e{RAN}\\u003c/script\\u003e &lt;img src=x onerror={RAN}&gt;",
    'data: {"now":null}\n\nevent: news\r\ndata: {}\u2028\u2029',
    "__proto__",
)
FOREIGN = "img, iframe, script, object, embed, video, audio, input, form, link, base, marquee, math"
SCREEN: ViewportSize = {"width": 1280, "height": 900}


@contextmanager
def opened(chromium: Browser, url: str) -> Iterator[Page]:
    """Open the page and fail where the browser complains or asks another server for anything."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda one: None if one.url.startswith(url) else complaints.append(one.url))
    page.goto(url)
    expect(page.locator("#link")).to_have_text("live")
    page.wait_for_selector(".js-plotly-plot .main-svg", state="attached")
    yield page
    assert complaints == []
    context.close()


def open_all(page: Page) -> None:
    """Unfold every section."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def test_the_page_says_what_the_daemon_does_and_follows_it_without_reloading(
    chromium: Browser, alone: Alone, layout: Layout
) -> None:
    with opened(chromium, alone.url) as page:
        expect(page.locator("#title")).to_have_text("Training")
        expect(page.locator("#progress-text")).to_have_text(
            "plain: step 30 of 120, 25 %, about 1 min 35 s left"
        )
        expect(page.locator("#said-loss")).to_contain_text("at step 30 (r000002)")
        expect(page.locator("#facts")).to_contain_text("run r000002: plain")
        expect(page.locator("#said-loss")).to_contain_text("validation (held out) 0.9000")
        expect(page.locator("#samples del")).to_have_text("right")
        expect(page.locator("#samples ins")).to_have_text("wrong")
        expect(page.locator("#facts")).to_contain_text("123 tokens/s")
        page.evaluate("window.here = true")
        append(layout.metrics_file, [step(31, 0.25)])
        tell(layout, status="paused", error_message=None)
        expect(page.locator("#title")).to_have_text("Paused")
        expect(page.locator("#facts")).not_to_contain_text("tokens/s")
        of = {"run": "r000001", "version": "v000001", "verdict": "refuse", "files": ["a", "b"]}
        tell(layout, loss_of=of)
        expect(page.locator("#facts")).to_contain_text(
            "version in use, v000001, refused, in use by hand: a and 1 more"
        )
        expect(page.locator("#said-loss")).to_contain_text("0.2500 nats per token at step 31")
        assert page.evaluate("window.here"), "the page was not loaded again"


def test_the_newest_measurement_stands_first_and_each_file_has_a_line_of_its_own(
    chromium: Browser, alone: Alone, layout: Layout
) -> None:
    """An old share was shown as if it were of now, and one line joined two files' questions."""
    traces = "document.getElementById('plot-right').data.map((one) => [one.name, one.x, one.y])"
    with opened(chromium, alone.url) as page:
        first = page.locator("#accuracy li").first
        expect(first).to_have_text("75 % right at step 20 (3 of 4)")
        expect(page.locator("#facts")).to_contain_text("held-out rows at step 20")
        lines = page.locator("#plot-right .scatterlayer .trace")
        expect(lines).to_have_count(2)
        assert page.evaluate(traces) == [
            ["plain", [5, 10], [20, 60]],
            ["plain", [15, 20], [0, 75]],
        ]
        judged = {"source": "judgement", "step": 47, "right": 21, "items": 24, "percent": 87.5}
        tell(layout, newest_measurement=judged)
        expect(first).to_have_text("88 % right at step 47 (21 of 24), when it was judged")
        tell(layout, newest_measurement=None)
        expect(first).to_have_text("Not measured yet in this run")
        tell(layout, accuracy_by_file=None)
        expect(lines).to_have_count(1)
        assert page.evaluate(traces) == [["right", [20], [40]]]


def test_a_dead_daemon_and_a_dead_server_are_plain_to_see(
    chromium: Browser, tmp_path: Path
) -> None:
    """Fault S3."""
    layout = furnished(tmp_path / "w")
    lock = locks.acquire(layout.workspace_lock)
    assert lock is not None
    with Alone(layout.root) as alone:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(alone.url)
        expect(page.locator("#title")).to_have_text("Training")
        lock.release()
        expect(page.locator("#title")).to_have_text("Not running")
        expect(page.locator("#lost")).to_contain_text("was last true at")
        expect(page.locator("#detail")).to_contain_text("finetuned run --root")
        expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator("#lost")).to_contain_text("No word from the server")
    expect(page.locator("#state")).to_have_class("card state gone")
    context.close()


def test_everybody_can_use_it(chromium: Browser, alone: Alone) -> None:
    """Names, contrast, structure and focus as axe judges them; nothing is wider than a phone."""
    with opened(chromium, alone.url) as page:
        open_all(page)
        for width, scheme in ((1200, "light"), (1200, "dark"), (360, "light")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            found = Axe().run(page)
            assert found.violations_count == 0, (width, scheme, found.generate_report())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_is_used_by_keyboard_and_nothing_opened_closes_when_news_come(
    chromium: Browser, alone: Alone, layout: Layout
) -> None:
    with opened(chromium, alone.url) as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.locator("summary", has_text="done: 1").focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-key=queue-done]")).to_have_attribute("open", "")
        old, new = layout.job("normal", "000003-file"), layout.job("running", "000003-file")
        old.folder.rename(new.folder)
        expect(page.locator("#queue")).to_contain_text("in training: 2")
        expect(page.locator("[data-key=queue-done]")).to_have_attribute("open", "")
        expect(page.locator("[data-key=queue-done] summary")).to_be_focused()


def test_nothing_foreign_runs_or_becomes_a_part_of_the_page(
    chromium: Browser, tmp_path: Path
) -> None:
    """Fault A13: every payload stands in names, rows, errors, answers, alerts, versions, events."""
    layout = furnished(tmp_path / "w", said="".join(PAYLOADS))
    for payload in PAYLOADS:
        append(layout.events_file, [{"event": payload, "message": payload, "time": payload}])
        append(layout.metrics_file, [step(40, run=payload) | {"step": payload}])
    lock = locks.acquire(layout.workspace_lock)
    assert lock is not None
    with Alone(layout.root) as alone, opened(chromium, alone.url) as page:
        for place in ("notices", "samples", "evolution", "queue", "versions", "machine", "facts"):
            expect(page.locator(f"#{place}")).to_contain_text("<script>window.__ran")
        shown = page.locator("#events").text_content() or ""
        assert all(payload.split()[0] in shown for payload in PAYLOADS)
        open_all(page)
        assert page.locator("main").locator(FOREIGN).count() == 0
        for payload in PAYLOADS:
            tell(layout, current_file=payload, run=payload, version=payload, status=payload)
        expect(page.locator("#title")).to_have_text("__proto__")
        assert page.evaluate("window.__ran") is None
    lock.release()


def test_the_policy_stops_what_a_mistake_of_the_page_would_let_in(
    chromium: Browser, alone: Alone
) -> None:
    page = chromium.new_page()
    page.goto(alone.url)
    stopped: list[str] = []
    page.on("console", lambda said: stopped.append(said.text))
    add = f"document.body.insertAdjacentHTML('beforeend', {json.dumps(PAYLOADS[1])})"
    page.evaluate(add)
    page.evaluate(
        f"() => {{ const made = document.createElement('script'); made.textContent = '{RAN}';"
        " document.body.append(made); }"
    )
    page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => null)")
    assert page.evaluate("window.__ran") is None
    assert sum("Content Security Policy" in text for text in stopped) >= 3
    page.close()


def test_the_first_screen_answers_what_everybody_asks_first(
    chromium: Browser, alone: Alone, layout: Layout
) -> None:
    """State, progress, this run's loss, right answers, the version in use, refused files."""
    with opened(chromium, alone.url) as page:
        page.set_viewport_size({"width": SCREEN["width"], "height": SCREEN["height"]})
        tell(layout, active_alerts=[], leftovers=[], commands=[], error_message=None)
        expect(page.locator("#notices-section")).to_be_hidden()
        for place in ("title", "progress-text", "plot-run", "right-now", "in-use", "files-now"):
            expect(page.locator(f"#{place}")).to_be_in_viewport(ratio=0.9)
        expect(page.locator("#in-use")).to_contain_text("proven better than v000000")
        expect(page.locator("#right-now")).to_contain_text("0 → 3 of 4")
        expect(page.locator("#files-now")).to_contain_text("1 refused or failed")
        page.locator("#files-now a").click()
        expect(page.locator("#queue .notice.bad")).to_be_in_viewport()
        height = page.evaluate("document.documentElement.scrollHeight")
        assert height <= 3 * SCREEN["height"], "at most three screens while sections are folded"


def test_the_runs_own_loss_is_drawn_from_its_own_first_step(
    chromium: Browser, alone: Alone, layout: Layout
) -> None:
    """The whole history squeezed the run in training into the edge of the chart."""
    append(layout.metrics_file, [step(number, 1.0, "r000003") for number in range(31, 36)])
    tell(layout, run="r000003", current_step=35, batch_step=5, current_files=["new.jsonl"])
    with opened(chromium, alone.url) as page:
        expect(page.locator("#title-run")).to_have_text("Loss of this run: new.jsonl")
        drawn = page.evaluate("document.getElementById('plot-run').data.map((one) => one.x)")
        assert drawn == [[1, 2, 3, 4, 5]]


def test_a_fresh_workspace_shows_three_steps_and_no_empty_boxes(
    chromium: Browser, tmp_path: Path
) -> None:
    layout = Layout((tmp_path / "it's new").resolve())
    make_workspace(layout)
    with Alone(layout.root) as alone:
        page = chromium.new_page()
        page.goto(alone.url)
        expect(page.locator("#start-steps li")).to_have_count(3)
        expect(page.locator("#start-steps")).to_contain_text("'\\''s new'/inbox/")
        expect(page.locator("#overview")).to_be_hidden()
        page.close()


def test_each_file_and_version_leads_to_its_report_and_back(
    chromium: Browser, alone: Alone, layout: Layout
) -> None:
    """The only links were JSON; the report that shows the refused rows could not be reached."""
    for folder in (layout.version("v000001"), layout.job("failed", "000004-file").folder):
        text = f"<html><head></head><body><h1>Here</h1><script>{RAN}</script></body></html>"
        (folder / "report.html").write_text(text)
    with opened(chromium, alone.url) as page:
        page.locator("#queue").get_by_role("link", name="plain").click()
        expect(page.locator("h1")).to_have_text("Here")
        page.get_by_role("link", name="← Dashboard").click()
        page.locator("#in-use").get_by_role("link", name="What changed").click()
        expect(page.locator("h1")).to_have_text("Here")
        assert page.evaluate("origin") == "null", "a report runs without this server's origin"
        page.get_by_role("link", name="Compare with v000000").click()
        expect(page.locator("#before")).to_have_value("v000000")
        expect(page.locator("#after")).to_have_value("v000001")


def test_two_versions_are_compared_side_by_side(
    chromium: Browser, alone: Alone, layout: Layout
) -> None:
    payload = PAYLOADS[1]
    record_details(layout, "v000001", [(payload, "right", False), ("lost", "wrong", True)])
    with opened_compare(chromium, alone.url) as page:
        expect(page.locator("#summary")).to_contain_text("1 → 1 of 2 right")
        expect(page.locator("#summary")).to_contain_text("That may be chance.")
        expect(page.locator("article")).to_have_count(2)
        expect(page.locator("article").first).to_contain_text("got worse lost")
        page.locator("#filter").select_option("better")
        expect(page.locator("article")).to_have_count(1)
        expect(page.locator("article")).to_contain_text(payload)
        assert page.evaluate("window.__ran") is None
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@contextmanager
def opened_compare(chromium: Browser, url: str) -> Iterator[Page]:
    page = chromium.new_page()
    page.goto(f"{url}/compare?before=v000000&after=v000001")
    yield page
    page.close()
