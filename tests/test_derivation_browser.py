"""The page of a derivation in a real browser: Chromium without a window, through Playwright.

Skipped where Playwright or a Chromium is not installed; Chinese also wants a font such as Debian's
fonts-noto-cjk.
"""

from __future__ import annotations

import os
import re
import shutil

import pytest
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.derivation import NOTATIONS

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = os.environ.get("CLEARPROP_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

WIDE, PHONE = 1280, 390


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        found = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open a derivation; fails at the end if the page complained or asked for anything."""
    pages, said, asked = [], [], []

    def open_page(derivation, width=WIDE, **options):
        file = tmp_path / f"page{len(pages)}.html"
        file.write_text(derivation.to_html(), "utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        page.evaluate("document.fonts.ready")
        pages.append(page)
        return page

    yield open_page
    # Chromium 150 reads a page once more when `used_fonts` asks it about styles, and says so.
    own = "Unsafe attempt to load URL file:"
    assert [text for text in said if not text.startswith(own)] == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    files = {url.partition("#")[0] for url in asked if url.startswith("file:")}
    assert files == {page.url.partition("#")[0] for page in pages}
    for page in pages:
        page.close()


def derived(name="softmax", notation="matrix", **options):
    network = NETWORKS[name]()
    return cp.derive(network, notation, *data(network, 1), **options)


SHOW_ALL = "document.querySelectorAll('.step').forEach(s => s.style.contentVisibility = 'visible')"
#: Of every bracket in front of a matrix: its height, and that of the matrix.
BRACKETS = """() => [...document.querySelectorAll('mtable')].flatMap(table => {
  const before = table.previousElementSibling
  if (!before || before.tagName !== 'mo') return []
  return [[before.getBoundingClientRect().height, table.getBoundingClientRect().height]]
})"""


@pytest.mark.parametrize("notation", ["matrix", "graph"])
def test_brackets_are_as_tall_as_their_matrix(notation, opened):
    page = opened(derived(notation=notation))
    page.evaluate(SHOW_ALL)
    heights = page.evaluate(BRACKETS)
    assert len(heights) > 15
    assert max(table for _, table in heights) > 80  # five rows
    for bracket, table in heights:
        assert 0.9 * table <= bracket <= 1.5 * table + 12


def test_mathematics_is_drawn_in_the_font_of_the_page(opened):
    page = opened(derived(notation="graph"))
    assert page.evaluate("document.fonts.check('16px ClearProp Math')")
    assert used_fonts(page, "math") <= {"ClearProp Math"}


def used_fonts(page, selector):
    """The fonts in which the text of all such elements is drawn."""
    page.evaluate(SHOW_ALL)
    link = page.context.new_cdp_session(page)
    link.send("DOM.enable")
    link.send("CSS.enable")
    query = {"nodeId": link.send("DOM.getDocument")["root"]["nodeId"], "selector": selector}
    found = set()
    for node in link.send("DOM.querySelectorAll", query)["nodeIds"]:
        for font in link.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]:
            found.add(font["familyName"])
    return found


@pytest.mark.prove
@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_sign_of_every_notation_is_in_the_font(notation, opened, full):
    if not full and notation not in ("graph", "delta-rule"):
        pytest.skip("two notations in `make test`, all in `make prove`")
    for name in ("mixed", "diamond"):
        assert used_fonts(opened(derived(name, notation)), "math") <= {"ClearProp Math"}, name


def test_chinese_is_drawn_and_not_in_boxes(opened):
    page = opened(derived("shared bias", "scalar", language="zh", weight="V11"))
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    fonts = used_fonts(page, ".why")
    if not any("CJK" in font for font in fonts):
        pytest.skip(f"no font for Chinese is installed, only {sorted(fonts)}")
    # 口 is a box of its own; of a hundred signs, each drawn alone, no two may look alike
    alike = page.evaluate("""() => {
      const signs = [...new Set(document.body.innerText.match(/[\u4e00-\u9fff]/g))].slice(0, 100)
      const canvas = document.createElement('canvas')
      canvas.width = canvas.height = 40
      const draw = canvas.getContext('2d', {willReadFrequently: true})
      draw.font = '32px ' + getComputedStyle(document.body).fontFamily
      const seen = new Set(signs.map(sign => {
        draw.clearRect(0, 0, 40, 40)
        draw.fillText(sign, 2, 34)
        return draw.getImageData(0, 0, 40, 40).data.join()
      }))
      return [signs.length, seen.size]
    }""")
    assert alike[0] > 50
    assert alike[0] == alike[1]


@pytest.mark.parametrize("weight", [None, "V11"])
def test_links_lead_from_steps_to_the_drawing_and_back(weight, opened):
    page = opened(derived("shared bias", "scalar", weight=weight))
    links = page.locator(".step a.place")
    steps = page.locator(".step").count()
    functions = 1 if weight is None else 2
    assert links.count() == steps - functions  # every step but the function's own
    for place in range(0, links.count(), 5):
        links.nth(place).click()
        assert inside(page)
    values = page.locator("svg a")
    assert values.count() == 4  # of S3's inputs no step speaks
    for place in range(values.count()):
        page.evaluate("scrollTo(0, 0)")
        values.nth(place).locator("circle").first.click()
        assert re.match("#step-", page.evaluate("location.hash"))
        assert inside(page)
    used = page.locator(".uses a")
    assert used.count() > 10
    for place in range(0, used.count(), 5):
        used.nth(place).click()
        assert inside(page)


def inside(page):
    """Whether what the address names stands in the window."""
    return page.evaluate("""() => {
      const box = document.getElementById(location.hash.slice(1)).getBoundingClientRect()
      return box.bottom > 0 && box.top < innerHeight
    }""")


#: Formulas, and boxes of formulas, that stand out of what holds them.
CUT_OFF = """() => {
  const held = [...document.querySelectorAll('.equations, .free, .marked')]
  const wide = held.filter(box => box.scrollWidth > box.clientWidth).map(box => box.innerText)
  const out = held.flatMap(box => [...box.querySelectorAll('math')].filter(math => {
    const inner = math.getBoundingClientRect(), outer = box.getBoundingClientRect()
    return inner.left < outer.left - 1 || inner.right > outer.right + 1
  })).map(math => math.textContent)
  return [...wide, ...out]
}"""
A4 = 718  # within the browser's own margins, in the pixels of CSS


@pytest.mark.prove
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("name", "notation", "weight"),
    [("shared bias", "scalar", "V11"), ("softmax", "matrix", None), ("softmax", "index", None)],
)
def test_no_formula_is_cut_off_on_screen_or_paper(name, notation, weight, language, opened, full):
    if not full and language == "zh" and weight is None:
        pytest.skip("Chinese of one page in `make test`, of all in `make prove`")
    page = opened(derived(name, notation, weight=weight, language=language))
    page.evaluate(SHOW_ALL)
    assert page.locator(".equations math").count() > 30
    assert page.evaluate(CUT_OFF) == []
    page.set_viewport_size({"width": A4, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate(CUT_OFF) == []


def test_equation_35_is_whole_on_a_phone_too(opened):
    page = opened(derived("shared bias", "scalar", weight="V11"), PHONE)
    page.evaluate(SHOW_ALL)
    assert page.evaluate(CUT_OFF) == []
    last = page.locator(".step").last.locator(".equations tr").nth(1)
    assert len(re.findall(r"\d\.\d+", last.text_content())) == 13  # every factor is there
    assert last.bounding_box()["height"] > 60  # on several lines


def test_what_is_wider_than_a_phone_scrolls_and_shows_it(opened):
    page = opened(derived(), PHONE)
    page.evaluate(SHOW_ALL)
    box = "document.getElementById('step-dJ-2fdW2').querySelector('.equations')"
    assert page.evaluate(f"{box}.scrollWidth > {box}.clientWidth")  # a matrix is not cut
    style = f"getComputedStyle({box})"
    assert page.evaluate(f"{style}.overflowX") == "auto"
    assert page.evaluate(f"{style}.backgroundAttachment").startswith("local, local, scroll")


BESIDE = """() => [...document.querySelectorAll('.lines tr')].filter(
    row => !row.firstElementChild.firstElementChild).map(row => {
  const [sign, first] = [...row.children].slice(1)
    .map(cell => cell.firstElementChild.getBoundingClientRect())
  return first.top < sign.bottom && sign.top < first.bottom && sign.right <= first.left + 1
})"""


def test_no_sign_stands_alone_above_the_matrix_behind_it(opened):
    page = opened(derived(), PHONE)
    page.evaluate(SHOW_ALL)
    beside = page.evaluate(BESIDE)
    assert len(beside) > 10
    assert all(beside)


def test_a_drawing_wider_than_a_phone_scrolls_and_shows_it_and_its_names_are_legible(opened):
    page = opened(derived("mixed"), PHONE)
    box = "document.querySelector('.drawing')"
    assert page.evaluate(f"{box}.scrollWidth > {box}.clientWidth")
    style = f"getComputedStyle({box})"
    assert page.evaluate(f"{style}.overflowX") == "auto"
    assert page.evaluate(f"{style}.backgroundAttachment").startswith("local, local, scroll")
    scale = page.evaluate(f"{box}.scrollWidth / {box}.firstElementChild.viewBox.baseVal.width")
    drawn = "getComputedStyle(document.querySelector('.value .name')).fontSize"
    assert scale * float(page.evaluate(drawn).removesuffix("px")) > 10
    page.emulate_media(media="print")
    assert page.evaluate(f"{box}.scrollWidth <= {box}.clientWidth")  # paper does not scroll


LEFT_SIDES = """() => [...document.querySelectorAll('math[display] > mtable')].map(table =>
  [...table.children].map(row => row.firstElementChild).filter(cell => cell.firstElementChild)
    .map(cell => cell.firstElementChild.getBoundingClientRect().right))"""


def test_left_sides_end_at_their_sign(opened):
    page = opened(derived("shared bias"))
    page.evaluate(SHOW_ALL)
    ends = [one for one in page.evaluate(LEFT_SIDES) if len(one) > 1]
    assert len(ends) == 3  # f and f′; W, b and z; α, W and the new W
    for one in ends:
        assert max(one) - min(one) < 1


def test_a_formula_that_a_wide_page_has_room_for_is_not_folded(opened):
    page = opened(derived("shared bias", "scalar"))
    page.evaluate(SHOW_ALL)
    heights = page.evaluate(
        "[...document.querySelectorAll('.lines tr:not(.apart)')].map(row => row.offsetHeight)"
    )
    assert len(heights) > 20
    assert max(heights) < 55  # one line, of a fraction


NAMES_AND_UNITS = """() => [...document.querySelectorAll('.value')].flatMap(value => {
  const circles = [...value.querySelectorAll('circle')].map(c => c.getBoundingClientRect())
  return [...value.querySelectorAll('.name')].slice(1).map((name, place) =>
    name.getBoundingClientRect().top - circles[place].bottom)
})"""


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_names_in_the_drawing_do_not_touch_the_units_above_them(width, opened):
    page = opened(derived("shared bias", "scalar", weight="V11"), width)
    gaps = page.evaluate(NAMES_AND_UNITS)
    assert len(gaps) == 1 + 2 + 2 + 1 + 1
    assert min(gaps) > (7 if width == WIDE else 3)  # the box of the text; its ink is smaller


@pytest.mark.prove
@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_page_is_wider_than_its_window(width, scheme, language, opened, full):
    if not full and (width, scheme, language) not in (
        (WIDE, "light", "en"),
        (PHONE, "dark", "zh"),
    ):
        pytest.skip("two windows in `make test`, all in `make prove`")
    for d in (derived("mixed", "index", language=language),
              derived("shared bias", "scalar", language=language, weight="V11")):  # fmt: skip
        page = opened(d, width, color_scheme=scheme)
        page.evaluate(SHOW_ALL)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        light = colours(page)
        assert (light[0] < light[1]) is (scheme == "light")
        assert abs(light[0] - light[1]) > 450


def colours(page):
    """How light ink and paper are, 0 to 765."""
    style = "getComputedStyle(document.body)"
    found = page.evaluate(f"[{style}.color, {style}.backgroundColor]")
    return [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in found]


def test_it_prints(opened):
    page = opened(derived("shared bias", "scalar", weight="V11"), color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.place')).display") == "none"
    plain = "getComputedStyle(document.querySelector('.equations')).backgroundImage"
    assert page.evaluate(plain) == "none"  # paper does not scroll
    ink, paper = colours(page)
    assert ink < 200 and paper > 700  # ink on white, whatever the screen
    sheets = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    assert 3 <= sheets <= 14


def test_steps_out_of_sight_are_not_laid_out(opened):
    d = cp.derive(cp.Network("5-6-6-3", "tanh"), "scalar")
    assert sum(len(step.equations) for step in d.steps) > 200
    page = opened(d)
    last = "document.querySelector('.step:last-of-type math')"
    assert not page.evaluate(f"{last}.checkVisibility({{contentVisibilityAuto: true}})")
    # Steps on the way are laid out only now and push the last one on: scrolled to until it is there
    shown = f"({last}.scrollIntoView(), {last}.checkVisibility({{contentVisibilityAuto: true}}))"
    page.wait_for_function(shown)


def test_the_wires_of_a_weight_stand_out(opened):
    page = opened(derived("shared bias", "scalar", weight="V11"))
    assert page.locator("line.lit").count() == 1 + 1 + 2 + 2  # X1-H1, H1-P1, P1-Q, Q-O


CROSSED = """() => {
  const wires = [...document.querySelectorAll('svg path')]
  const units = [...document.querySelectorAll('svg circle')].map(c => [+c.getAttribute('cx'),
    +c.getAttribute('cy'), +c.getAttribute('r')])
  let near = 0
  for (const wire of wires) {
    const length = wire.getTotalLength()
    for (let at = 2; at < length - 2; at += 2) {
      const p = wire.getPointAtLength(at)
      near += units.some(([x, y, r]) => Math.hypot(p.x - x, p.y - y) < r - 0.5)
    }
  }
  return [wires.length, near]
}"""


def test_no_bent_wire_crosses_a_unit(opened):
    x = cp.Input(2)
    tall = cp.Dense(2, "relu")(cp.Dense(6, "relu")(x))
    stacked = cp.concat(cp.Dense(2, "tanh")(x + tall) + x, tall)
    network = cp.Network(inputs=x, outputs=cp.Dense(2)(stacked))
    assert opened(cp.derive(network)).evaluate(CROSSED) == [6, 0]


#: Of every formula: the height it is laid out with, once its step has been in the window.
UNSEEN = """() => [...document.querySelectorAll('.equations math')].filter(math => {
  const box = math.getBoundingClientRect()
  return !(box.height > 5 && box.width > 2)
}).length"""


def test_every_equation_of_a_long_page_is_laid_out_and_every_link_leads_to_its_step(opened):
    d = cp.derive(cp.Network("5-6-6-3", "tanh"), "scalar", *data(cp.Network("5-6-6-3", "tanh"), 1))
    assert sum(len(step.equations) for step in d.steps) > 200
    page = opened(d)
    used = page.locator(".uses a")
    for place in (0, used.count() // 2, used.count() - 1):  # steps between are not laid out yet
        used.nth(place).click()
        assert inside(page), place
        page.go_back()
    for step in page.locator(".step").all():
        step.scroll_into_view_if_needed()
    page.evaluate(SHOW_ALL)
    assert page.locator(".equations math").count() > 400
    assert page.evaluate(UNSEEN) == 0
    heights = page.evaluate(BRACKETS)
    assert all(bracket >= 0.9 * table for bracket, table in heights)
