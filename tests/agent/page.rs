//! The health page as an operator's browser shows it, and what Prometheus thinks of the metrics.

use std::io::Write as _;
use std::process::{Command, Stdio};

use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};

use crate::broker::Broker;
use crate::browser::Browser;
use crate::stage::Stage;
use crate::support::programs::{Agent, wait_for};
use crate::support::{demand, is_left_out};
use crate::traffic::{RECORDS, USUAL};

/// Rows as they are read: item, state, since, last OK, detail with what to do.
const ROWS: &str =
    "return [...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map(c => c.innerText))";

/// Words whose contrast to what is behind them is below 4.5, and whether there is more than fits in the width.
const FLAWS: &str = r#"
const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const probe = document.body.appendChild(document.createElement('i'));
probe.style.background = 'Canvas';
const canvas = parse(getComputedStyle(probe).backgroundColor);
probe.remove();
const behind = e => over(parse(getComputedStyle(e).backgroundColor), e.parentElement ? behind(e.parentElement) : canvas);
const opacity = e => Number(getComputedStyle(e).opacity) * (e.parentElement ? opacity(e.parentElement) : 1);
const light = color => color.slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const flaws = [];
let words = 0;
for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || getComputedStyle(e).visibility === 'hidden') continue;
    words += 1;
    const ground = behind(e), ink = parse(getComputedStyle(e).color);
    ink[3] *= opacity(e);
    const [a, b] = [light(over(ink, ground)), light(ground)].sort((a, b) => b - a);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) flaws.push(`${contrast.toFixed(2)}: ${e.innerText}`);
}
if (words < 40) flaws.push(`only ${words} words were looked at`);
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) flaws.push(`${root.scrollWidth} wide in ${root.clientWidth}`);
return flaws"#;

/// An agent's page in a browser; None where the tests with a browser are left out by hand.
struct Page {
    stage: Stage,
    agent: Agent,
    browser: Browser,
}

impl Page {
    fn open(name: &'static str, faults: &Value) -> Option<Self> {
        let browser = Browser::start()?;
        let stage = Stage::new(Broker::mock(), name);
        stage.sandbox.faults(faults);
        stage.write(&USUAL.0.records);
        let agent = stage.agent(&[]);
        browser.open(&agent.address(""));
        Some(Self {
            stage,
            agent,
            browser,
        })
    }

    fn rows(&self) -> Vec<Vec<String>> {
        serde_json::from_value(self.browser.script(ROWS)).unwrap()
    }

    /// Waits until the open page shows an item so, without being loaded again; its row, and where it stands.
    #[track_caller]
    fn shows(&self, item: &str, state: &str) -> (usize, Vec<String>) {
        wait_for(&format!("the page shows {item}: {state}"), || {
            let rows = self.rows().into_iter().enumerate();
            rows.into_iter()
                .find(|(_, row)| row[0] == item && row[1] == state)
        })
    }

    /// Takes pictures, wide and narrow, light and dark: all can be read and nothing juts out.
    #[track_caller]
    fn is_legible(&self, name: &str) {
        for (size, width) in [("wide", 1200), ("narrow", 360)] {
            for (scheme, dark) in [("light", false), ("dark", true)] {
                let name = format!("{name}-{size}-{scheme}");
                self.browser.look(width, dark);
                self.browser.picture(&name);
                assert_eq!(self.browser.script(FLAWS), json!([]), "{name}");
            }
        }
        self.browser.look(1200, false);
    }
}

/// All of it is well, and the browser has nothing to complain of.
#[test]
fn a_healthy_agent_in_a_browser() {
    let Some(page) = Page::open("page_healthy", &json!([])) else {
        return;
    };
    let Page { agent, browser, .. } = &page;
    agent.ends(RECORDS);
    page.shows("Conversations", "OK");
    wait_for("all is well", || {
        (browser.title() == "OK: Integration Health").then_some(())
    });
    assert_eq!(
        browser.script("return document.querySelector('h1').textContent"),
        "Integration Health OK"
    );
    for row in page.rows() {
        // Nothing was set out of office, and no letter was written.
        let attempted = !["Out of office", "Dead letters"].contains(&&*row[0]);
        let wanted = if attempted { "OK" } else { "Unknown" };
        assert_eq!(row[1], wanted, "{row:?}");
        assert_eq!(row[2].starts_with("20"), attempted, "since when: {row:?}");
    }
    let asked = browser.script("return performance.getEntriesByType('resource').map(entry => entry.name)");
    let asked: Vec<String> = serde_json::from_value(asked).unwrap();
    assert!(asked.contains(&agent.address("page.js")), "{asked:?}");
    assert!(
        asked.iter().all(|url| url.starts_with(&agent.address(""))),
        "{asked:?}"
    );
    // The links are reached by the keyboard, and one sees where one is.
    for link in ["health.json", "metrics"] {
        browser.press('\u{e004}');
        let focus = browser.script(
            "const at = document.activeElement; return [at.innerText, getComputedStyle(at).outlineStyle !== 'none']",
        );
        assert_eq!(focus, json!([link, true]));
    }
    page.is_legible("healthy");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// What stands still comes first and says what to do; the open page follows, and keeps what is selected.
#[test]
fn a_stopped_lane_in_a_browser() {
    let forbidden = json!([{"endpoint": "presence", "effect": {"kind": "forbidden"}}]);
    let Some(page) = Page::open("page_lane", &forbidden) else {
        return;
    };
    let Page {
        stage,
        agent,
        browser,
    } = &page;
    browser.script("getSelection().selectAllChildren(document.querySelector('footer')); window.once = true");
    let item = agent.item_is("presence", "error");
    let (place, row) = page.shows("Presence", "Error");
    assert_eq!(place, 0, "it comes first");
    assert_eq!(row[2], shown(&item["since"]));
    let todo = "give the OAuth client a role with the permission presence:userPresence:inject";
    assert!(row[4].contains(todo), "{row:?}");
    assert_eq!(browser.title(), "Error: Integration Health");
    page.is_legible("lane");
    stage.mend();
    page.shows("Presence", "OK");
    let kept = browser.script("return [window.once, getSelection().toString().startsWith('cic-conduit ')]");
    assert_eq!(kept, json!([true, true]), "it was not loaded again");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Kafka is gone, then the agent: a page that is left open says that it is old.
#[test]
fn kafka_and_then_the_agent_gone_in_a_browser() {
    let Some(mut page) = Page::open("page_kafka", &json!([])) else {
        return;
    };
    let Broker::Mock(cluster) = &page.stage.broker else {
        unreachable!("it is a mock")
    };
    MockCluster::broker_down(cluster, 1).unwrap();
    let item = page.agent.item_is("kafka", "error");
    let (place, row) = page.shows("Kafka", "Error");
    assert_eq!((place, &row[2]), (0, &shown(&item["since"])));
    assert!(row[4].contains("[kafka] brokers"), "{row:?}");
    page.is_legible("kafka");
    assert_eq!(page.browser.complaints(), Vec::<String>::new());
    let old = "return document.querySelector('.old').checkVisibility({visibilityProperty: true})";
    assert_eq!(page.browser.script(old), false);
    page.agent.process.signal("KILL");
    page.agent.process.ended();
    // Half a minute at once.
    page.browser
        .script("document.getAnimations().forEach(aging => aging.finish())");
    page.browser.picture("old");
    assert_eq!(page.browser.script(old), true);
    let grey = "return ['h1', 'table'].map(part => getComputedStyle(document.querySelector(part)).filter)";
    assert_eq!(page.browser.script(grey), json!(["grayscale(1)", "grayscale(1)"]));
    let title = || page.browser.title() == "Old: Integration Health";
    wait_for("the title says so too", || title().then_some(()));
    assert_eq!(page.shows("Kafka", "Error").0, 0, "the last that is known stays");
}

/// A time of `/health.json` as the page has it.
fn shown(time: &Value) -> String {
    time.as_str().unwrap()[..19].replace('T', " ")
}

/// Prometheus' own tool finds nothing to better in the metrics of an agent that has met with everything.
#[test]
fn the_metrics_are_as_prometheus_wants_them() {
    if is_left_out("promtool") {
        return;
    }
    demand("promtool", "--version", "prometheus", "promtool");
    let stage = Stage::new(Broker::mock(), "promtool");
    let mut records = USUAL.0.records.clone();
    records[30].value = b"{".to_vec();
    stage.write(&records);
    stage.faults(&[
        json!({"endpoint": "presence", "requests": 2, "effect": {"kind": "partial", "retryable": false}}),
        json!({"endpoint": "conversations", "requests": 2, "effect": {"kind": "status", "status": 429, "retryAfter": 1}}),
    ]);
    let agent = stage.agent(&[]);
    agent.ends(RECORDS);
    let metrics = agent.get("metrics").unwrap().unwrap();
    let mut tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!((output.status.code(), &*said), (Some(0), ""), "{metrics}");
}
