#!/usr/bin/env python3
"""Opens reports in headless Chromium, and checks that they work there.

usage: report_page.py [--picture FILE | --has-browser]

It needs Playwright and axe-core (scripts/tools/report.txt) and a Chromium on PATH, and says so if something is missing.
--picture writes a picture of a report. --has-browser only looks for a Chromium, and fails if there is none. The last line is `N passed, N failed`.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
QDQ = os.environ.get("QDQ_BIN", ROOT / "target/debug/qdq")
DIGITS = ROOT / "tests/data/digits"
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "chrome"]
# The rules of WCAG 2.2 at levels A and AA, and axe-core's advice on keyboards and landmarks.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PICTURE = {"width": 1100, "height": 1250}

failures, passed = [], 0


def check(what, is_right, detail=""):
    global passed
    if is_right:
        passed += 1
    else:
        failures.append(what)
        print(f"FAILED {what}: {detail}")


def tool(*arguments):
    subprocess.run([QDQ, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def reports(folder):
    """Makes reports and returns each with its data, by name."""
    # This environment has no onnx.
    python = os.environ.get("QDQ_PYTHON", ROOT / "target/python/bin/python")
    subprocess.run([python, ROOT / "tests/python/report_models.py", folder, "outlier", "deep"], check=True)
    made = {}
    for name, model, data in [("digits", DIGITS / "model.onnx", DIGITS / "calib.npz"),
                              ("outlier", folder / "outlier.onnx", folder / "outlier.npz"),
                              ("deep", folder / "deep.onnx", folder / "deep.npz")]:
        for ending in ["html", "json"]:
            out = folder / f"{name}.qdq.onnx"
            tool("quantize", model, "-d", data, "-o", out, "--method", "max", "--report", folder / f"{name}.{ending}")
        made[name] = folder / f"{name}.html"
    tool("compare", DIGITS / "model.onnx", folder / "digits.qdq.onnx", "-d", DIGITS / "test.npz",
         "--report", folder / "compare.html")
    tool("compare", DIGITS / "model.onnx", folder / "digits.qdq.onnx", "-d", DIGITS / "test.npz",
         "--report", folder / "compare.json")
    return made | {"compare": folder / "compare.html"}


def column(page, table, at):
    return page.eval_on_selector_all(f"#{table} tbody tr:not([hidden])",
                                     f"rows => rows.map(row => row.cells[{at}].dataset.v ?? row.cells[{at}].textContent)")


def sorting(name, page):
    for table, at, as_number in [("layers", 0, False), ("layers", 3, True), ("tensors", 5, True), ("weights", 6, True)]:
        head = page.locator(f"#{table} thead th").nth(at)
        # The keyboard alone.
        head.locator("button").focus()
        page.keyboard.press("Enter")
        for direction in ["ascending", "descending"]:
            found = column(page, table, at)
            numbers = [float(value) for value in found] if as_number else found
            order = "values => values.sort((a, b) => a.localeCompare(b))"
            expected = sorted(numbers) if as_number else page.evaluate(order, numbers)
            expected = expected[::-1] if direction == "descending" else expected
            check(f"{name}: {table} column {at} {direction}", numbers == expected, numbers[:5])
            check(f"{name}: {table} says {direction}", head.get_attribute("aria-sort") == direction)
            page.keyboard.press("Space")


def filtering(name, page, data):
    tools = page.locator("section:has(#layers) .tools")
    wanted = data["layers"][-1]["name"]
    tools.locator("input").fill(wanted.upper())
    shown = column(page, "layers", 0)
    check(f"{name}: the filter finds a layer", wanted in shown and all(wanted in each for each in shown), shown[:5])
    count = tools.locator("output").text_content()
    check(f"{name}: the filter counts", count == f"{len(shown)} of {len(data['layers'])}", count)
    tools.locator("input").fill("")
    tools.locator("select").nth(1).select_option("INT8")
    labels = set(column(page, "layers", 2))
    expected = sum(layer["numbers"] == "int8" for layer in data["layers"])
    check(f"{name}: a type is chosen", labels == {"INT8"} and len(column(page, "layers", 2)) == expected, labels)
    tools.locator("select").nth(1).select_option("")
    check(f"{name}: all layers are back", len(column(page, "layers", 0)) == len(data["layers"]))


def drawings(name, page, data):
    boxes = page.eval_on_selector_all("svg.h path.b", """paths => paths.map(path => {
        const box = path.getBBox();
        return [path.closest('svg').getAttribute('aria-label'), box.width, box.height];
    })""")
    drawn = {label for label, width, height in boxes if width > 100 and height > 1}
    observed = [tensor for tensor in data["tensors"] if tensor["values"] and tensor["values"]["histogram"]]
    for each in observed + data["weights"]:
        check(f"{name}: {each['name']} is drawn", f"Histogram of {each['name']}" in drawn)
    # compare without statistics has none of activations.
    check(f"{name}: activations were observed", bool(observed) != name.startswith("compare"))
    lines = page.locator("#tensors path.r").count()
    quantized = sum(tensor["range"] is not None for tensor in observed)
    check(f"{name}: ranges are drawn", lines == quantized, f"{lines} of {quantized}")


def axe(name, page, script):
    page.evaluate(script)
    for violation in page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]:
        nodes = "; ".join(node["html"][:160] + " " + node["failureSummary"][:300] for node in violation["nodes"][:3])
        check(f"{name}: {violation['id']}", False, f"{violation['help']}: {nodes}")
    incomplete = page.evaluate("rules => axe.run(document, rules)", RULES)["incomplete"]
    contrast = [rule for rule in incomplete if rule["id"] == "color-contrast"]
    check(f"{name}: every contrast can be judged", not contrast, json.dumps(contrast)[:600])
    check(f"{name}: axe-core has run", True)


def keyboard(name, page):
    """Goes through the page by Tab alone and expects every control and every table, with a visible focus."""
    expected = page.locator("button, input, select, .scroll").count()
    seen = 0
    for _ in range(expected + 5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        check(f"{name}: focus {seen} is visible", outline != "none", outline)
        seen += 1
    check(f"{name}: Tab reaches everything", seen == expected, f"{seen} of {expected}")


def open_page(browser, path, **options):
    context = browser.new_context(**options)
    page = context.new_page()
    page.messages, page.requests = [], []
    page.on("console", lambda message: page.messages.append(message.text))
    page.on("pageerror", lambda error: page.messages.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri())
    return page


def run(browser, folder, script, picture):
    for name, path in reports(folder).items():
        data = json.loads(path.with_suffix(".json").read_text())
        for scheme in ["light", "dark"]:
            page = open_page(browser, path, color_scheme=scheme)
            drawings(f"{name}, {scheme}", page, data)
            if name != "deep":
                axe(f"{name}, {scheme}", page, script)
            page.close()
        page = open_page(browser, path)
        sorting(name, page)
        filtering(name, page, data)
        if name != "deep":
            keyboard(name, open_page(browser, path))
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        check(f"{name}: the page does not scroll sideways", wide <= 0, wide)
        check(f"{name}: nothing is logged", not page.messages, page.messages)
        others = [url for url in page.requests if url != path.as_uri() and not url.startswith("data:")]
        check(f"{name}: nothing is requested", not others, others)
        plain = open_page(browser, path, java_script_enabled=False)
        check(f"{name}: without script there are all rows and no dead controls",
              plain.locator("#layers tbody tr").count() == len(data["layers"])
              and plain.locator("button, input, select").count() == 0)
        paper = page.pdf()
        check(f"{name}: it can be printed", paper.startswith(b"%PDF") and len(paper) > 5000)
        size = path.stat().st_size
        check(f"{name}: it is small enough", size < 2_000_000, size)
        advice = page.locator("#advice tbody tr").count()
        check(f"{name}: advice is shown", advice == len(data["advice"]), advice)
        if name == "outlier":
            check("outlier: the reason is given", data["advice"][0]["kind"] == "outlier-channel", data["advice"])
            if picture:
                shown = open_page(browser, path, viewport=PICTURE)
                shown.screenshot(path=picture)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--picture", type=pathlib.Path)
    arguments.add_argument("--has-browser", action="store_true")
    given = arguments.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("skipped: there is no Chromium on PATH (on Debian: apt-get install chromium)")
        return int(given.has_browser)
    if given.has_browser:
        return 0
    try:
        from playwright.sync_api import sync_playwright
        import axe_playwright_python
    except ImportError as error:
        print(f"skipped: {error}; `make target/tools/report/.ready` sets it up")
        return 0
    script = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        # Containers have no namespaces for the sandbox. The pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        run(browser, pathlib.Path(folder), script, given.picture)
        browser.close()
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
