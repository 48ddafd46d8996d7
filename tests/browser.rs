//! The pages that people open first, in a real browser: nothing is complained of, nothing is asked of a network, every chart has
//! something on it, and what can be pressed works.
//!
//! Without a Chromium the tests say so and pass: CI has one. `RIFTZONE_PICTURES` names a folder for pictures to look at.

#[path = "support/browser.rs"]
mod driver;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use driver::{Browser, chromium};
use serde_json::Value;
use tempfile::TempDir;

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

/// Runs the program where its scenarios are, and gives the page that it wrote to `p.html`.
fn page(desk: &TempDir, line: &str) -> PathBuf {
    let page = desk.path().join("p.html");
    let output = Command::new(env!("CARGO_BIN_EXE_riftzone"))
        .args(line.split_whitespace())
        .arg("--html")
        .arg(&page)
        .current_dir(desk.path())
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    page
}

fn desk() -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for name in ["region-loss.toml", "github-2018-10-21.toml", "hunt/open-season.toml"] {
        let from = scenarios.join(name);
        fs::copy(&from, desk.path().join(from.file_name().unwrap())).unwrap();
    }
    desk
}

/// Opens a page at some size and shade; asserts what holds of every page.
fn opened(chromium: &str, page: &Path, name: &str, size: (u32, u32), is_dark: bool) -> Browser {
    let mut browser = Browser::start(chromium, size, is_dark);
    browser.open(page);
    assert!(browser.complaints.is_empty(), "{name}: {:?}", browser.complaints);
    let asked: Vec<&String> = browser.requests.iter().filter(|address| !address.starts_with("data:")).collect();
    assert_eq!(asked, [&format!("file://{}", page.display())], "{name} asks for nothing but itself");
    // Every chart in sight has a canvas with something drawn in more than one colour.
    let blank = browser.eval(
        "[...document.querySelectorAll('.chart')].filter(box => box.clientWidth > 0).filter(box => {
            const canvas = box.querySelector('canvas');
            if (!canvas) return true;
            const bits = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
            return new Set(bits).size < 4;
        }).map(box => box.getAttribute('aria-label'))",
    );
    assert_eq!(blank, Value::Array(Vec::new()), "{name}: charts with nothing on them");
    let odd = browser.eval("document.querySelector('main').textContent.includes('\\ufffd')");
    assert_eq!(odd, false, "{name}: a character that cannot be shown");
    let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(wide, 0, "{name}: the page is no wider than what it is shown on");
    let unnamed = browser.eval(
        "[...document.querySelectorAll('button, a, [tabindex=\"0\"], [role=img], img')].filter(one =>
            !(one.textContent.trim() || one.getAttribute('aria-label') || one.alt)).length",
    );
    assert_eq!(unnamed, 0, "{name}: who does not see is told what there is");
    if let Ok(folder) = std::env::var("RIFTZONE_PICTURES") {
        let picture = browser.picture();
        let shade = if is_dark { "dark" } else { "light" };
        fs::write(Path::new(&folder).join(format!("{name}-{}-{shade}.png.base64", size.0)), picture).unwrap();
    }
    browser
}

/// What the first chart shows of its time.
fn shown(browser: &mut Browser, selector: &str) -> (f64, f64) {
    let value = browser.eval(&format!("document.querySelector('{selector}').dataset.shown"));
    let (from, to) = value.as_str().unwrap().split_once("..").unwrap();
    (from.parse().unwrap(), to.parse().unwrap())
}

#[test]
fn a_comparison_can_be_walked_through() {
    let Some(chromium) = chromium() else { return };
    let desk = desk();
    let page = page(&desk, "compare region-loss.toml --seeds 2");
    for (size, is_dark) in [(PHONE, false), (PHONE, true), (DESKTOP, true)] {
        opened(&chromium, &page, "region-loss", size, is_dark);
    }
    let mut browser = opened(&chromium, &page, "region-loss", DESKTOP, false);

    // Tabs, by mouse and by keys.
    let panels = |browser: &mut Browser| {
        browser.eval("[...document.querySelectorAll('[role=tabpanel]')].map(panel => panel.hidden)").to_string()
    };
    assert_eq!(panels(&mut browser), "[false,true,true]");
    browser.eval("document.querySelectorAll('[role=tab]')[2].click()");
    assert_eq!(panels(&mut browser), "[true,true,false]");
    browser.eval("document.querySelectorAll('[role=tab]')[2].focus()");
    browser.press("ArrowLeft");
    assert_eq!(panels(&mut browser), "[true,false,true]");
    let empty =
        browser.eval("document.querySelectorAll('[role=tabpanel]:not([hidden]) .chart:not(:has(canvas))').length");
    assert_eq!(empty, 0, "what a tab shows is drawn");

    // Zoom, by keys and by mouse, and back; charts of the same time go together.
    let first = "[role=tabpanel]:not([hidden]) .chart[data-shown]";
    let whole = shown(&mut browser, first);
    browser.eval(&format!("document.querySelector('{first}').focus()"));
    browser.press("+");
    let near = shown(&mut browser, first);
    assert!(whole.0 < near.0 && near.1 < whole.1, "{whole:?} {near:?}");
    browser.press("ArrowRight");
    assert!(shown(&mut browser, first).0 > near.0);
    browser.press("0");
    assert_eq!(shown(&mut browser, first), whole);
    let place = format!(
        "(() => {{ const over = document.querySelector('{first} .u-over'); over.scrollIntoView({{ block: 'center' }});
           const box = over.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; }})()"
    );
    let place: Vec<f64> = serde_json::from_value(browser.eval(&place)).unwrap();
    let at = |part: f64| (place[0] + place[2] * part, place[1] + place[3] / 2.0);
    browser.drag(at(0.25), at(0.5));
    let dragged = shown(&mut browser, first);
    let span = whole.1 - whole.0;
    assert!((dragged.0 - whole.0 - span / 4.0).abs() < span / 50.0, "{whole:?} {dragged:?}");
    assert!((dragged.1 - whole.0 - span / 2.0).abs() < span / 50.0, "{whole:?} {dragged:?}");

    // On paper every panel is there.
    assert!(browser.print() > 50_000);
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[test]
fn an_outage_that_happened_is_shown() {
    let Some(chromium) = chromium() else { return };
    let desk = desk();
    let page = page(&desk, "run github-2018-10-21.toml");
    opened(&chromium, &page, "github", PHONE, false);
    let mut browser = opened(&chromium, &page, "github", DESKTOP, true);
    // Two leaders that both acknowledge writes, and messages between nodes around that moment, one of which is read out.
    assert_eq!(
        browser.eval("document.body.textContent.includes('when two leaders begin to acknowledge writes')"),
        true
    );
    let read = browser.eval(
        "(() => { const over = document.querySelector('.card:has(.said) .u-over'); over.scrollIntoView({ block: 'center' });
           const box = over.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; })()",
    );
    let place: Vec<f64> = serde_json::from_value(read).unwrap();
    assert!(place[2] > 200.0, "{place:?}");
    let said = "document.querySelector('.said').textContent";
    let before = browser.eval(said);
    for step in 1..20 {
        let x = place[0] + place[2] * f64::from(step) / 20.0;
        browser.point((x, place[1] + place[3] * 0.5));
    }
    let after = browser.eval(said);
    assert!(after != before && after.as_str().unwrap().contains(" from "), "{after}");
}

#[test]
fn what_a_hunt_found_is_told() {
    let Some(chromium) = chromium() else { return };
    let desk = desk();
    let page = page(&desk, "hunt open-season.toml --design unfenced --runs 64 --shrink-runs 200");
    opened(&chromium, &page, "hunt", PHONE, true);
    let mut browser = opened(&chromium, &page, "hunt", DESKTOP, false);
    let told = browser.eval("document.querySelector('main').textContent");
    for words in ["What happened", "unfenced breaks ", "fault: ", "riftzone replay "] {
        assert!(told.as_str().unwrap().contains(words), "{words}: {told}");
    }
    let drawn = browser.eval("[...document.querySelectorAll('img')].map(image => image.naturalWidth > 100)");
    assert!(drawn.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|one| *one == true)), "{drawn}");
}
