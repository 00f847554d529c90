//! A real browser: Chromium without a window, through its driver, with a profile of its own.
//!
//! It ends with its handle. It ends too when the test process is gone: the driver's guard ends the driver, and
//! Chromium hangs at a pipe of the driver's.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use thirtyfour::{ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::runtime::Runtime;

use crate::support::programs::Process;
use crate::support::{demand, is_left_out};

/// Without a window and a sandbox (the tests may run as root), at a pipe, and without asking anything of its maker.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one window.
pub(crate) struct Browser {
    window: Option<WebDriver>,
    runtime: Runtime,
    _driver: Process,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None where the tests with a browser are left out by hand.
    pub(crate) fn start() -> Option<Self> {
        if is_left_out("browser") {
            return None;
        }
        demand("chromium", "--version", "chromium", "browser");
        demand("chromedriver", "--version", "chromium-driver", "browser");
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = driver.stdout.take().unwrap();
        let driver = Process::of(driver);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let session = WebDriver::builder(address(out), wanted(profile.path()))
            .client(reqwest::Client::builder().no_proxy().build().unwrap())
            .connect();
        Some(Self {
            window: Some(runtime.block_on(session).unwrap()),
            runtime,
            _driver: driver,
            _profile: profile,
        })
    }

    fn window(&self) -> &WebDriver {
        self.window.as_ref().unwrap()
    }

    pub(crate) fn open(&self, url: &str) {
        self.runtime.block_on(self.window().goto(url)).unwrap();
    }

    pub(crate) fn title(&self) -> String {
        self.runtime.block_on(self.window().title()).unwrap()
    }

    /// What a function's body returns in the page.
    #[track_caller]
    pub(crate) fn script(&self, body: &str) -> Value {
        let answer = self.runtime.block_on(self.window().execute(body, Vec::new()));
        answer.unwrap().json().clone()
    }

    /// Presses a key, such as `\u{e004}` for Tab.
    pub(crate) fn press(&self, key: char) {
        let keys = self.window().action_chain().send_keys(key.to_string());
        self.runtime.block_on(keys.perform()).unwrap();
    }

    /// How wide the window is, and whether whoever sits there wants it dark.
    pub(crate) fn look(&self, width: u32, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        let cdp = self.window().cdp();
        self.runtime
            .block_on(async {
                cdp.send_raw("Emulation.setDeviceMetricsOverride", size).await?;
                cdp.send_raw("Emulation.setEmulatedMedia", media).await
            })
            .unwrap();
    }

    /// Keeps a picture of the page in Cargo's folder for integration tests, for whoever wants to look.
    pub(crate) fn picture(&self, name: &str) {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{name}.png"));
        self.runtime.block_on(self.window().screenshot(&file)).unwrap();
    }

    /// What the browser complained of since the last look.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.runtime.block_on(self.window().browser_log()).unwrap();
        log.into_iter().map(|entry| entry.message).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(window) = self.window.take() {
            let _ = self.runtime.block_on(window.quit());
        }
    }
}

fn wanted(profile: &Path) -> thirtyfour::ChromeCapabilities {
    let mut wanted = DesiredCapabilities::chrome();
    let folder = format!("--user-data-dir={}", profile.join("profile").display());
    for argument in ARGUMENTS.into_iter().chain([&*folder]) {
        wanted.add_arg(argument).unwrap();
    }
    wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
    wanted
}

/// Where the driver listens, as it says.
fn address(out: impl Read + Send + 'static) -> String {
    let mut out = BufReader::new(out);
    let mut said = String::new();
    loop {
        let from = said.len();
        assert!(
            out.read_line(&mut said).unwrap() > 0,
            "chromedriver starts: {said}"
        );
        let port = said[from..]
            .trim_end()
            .strip_prefix("ChromeDriver was started successfully on port ");
        if let Some(port) = port {
            let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
            // What it prints later must not fail for want of a reader.
            std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
            return url;
        }
    }
}
