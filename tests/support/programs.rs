//! The program's own commands as processes, on free loopback ports.
//!
//! Each ends with its handle; and when the test process itself is gone, however that ended, a shell that waits at a
//! pipe of ours ends it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// The program, with nothing of our environment.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cic-conduit"));
    command.env_clear();
    command
}

/// What a command printed that went well.
pub(crate) fn good(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::park_timeout(LOOK);
    }
    panic!("waited too long until {what}");
}

/// A process that ends with its handle.
pub(crate) struct Process {
    child: Child,
    guard: Child,
}

/// Ends a process when the other end of the pipe is gone without a word, also when a signal was for all of us.
const GUARD: &str = r#"trap '' TERM INT HUP; read word || kill -9 "$1""#;

impl Process {
    /// `child` from now on ends with this.
    pub(crate) fn of(child: Child) -> Self {
        let guard = Command::new("sh")
            .args(["-c", GUARD, "sh", &child.id().to_string()])
            .stdin(Stdio::piped())
            .spawn();
        Self {
            child,
            guard: guard.unwrap(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal: `TERM`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status();
        assert!(told.unwrap().success(), "the process is there");
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the process ends", || self.child.try_wait().unwrap())
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// The most memory that it has had, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
        kib * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut pipe) = self.guard.stdin.take() {
            let _ = writeln!(pipe, "ended");
        }
        let _ = self.guard.wait();
    }
}

/// The body of a request that was answered 2xx, else of the refusal; nothing where no answer came.
pub(crate) fn ask(method: &str, url: &str, body: &str) -> Option<Result<String, String>> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let length = body.len();
    // Version 1.0: the answer ends with the connection.
    write!(
        stream,
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let good = head.split(' ').nth(1)?.starts_with('2');
    let body = body.to_owned();
    Some(if good { Ok(body) } else { Err(body) })
}

/// `sandbox` as a process.
pub(crate) struct Sandbox {
    _process: Process,
    pub(crate) url: String,
    journal: PathBuf,
}

impl Sandbox {
    /// One that knows the names of `directory`, without a rate limit unless `more` says so.
    pub(crate) fn start(folder: &Path, directory: &Path, more: &[&str]) -> Self {
        let journal = folder.join("journal.ndjson");
        let mut child = program()
            .args([
                "sandbox",
                "--listen",
                "127.0.0.1:0",
                "--rate-limit",
                "0",
                "--journal",
            ])
            .arg(&journal)
            .arg("--directory")
            .arg(directory)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let process = Process::of(child);
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        // What it prints later must not fail for want of a reader.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        Self {
            _process: process,
            url: url.unwrap().trim_end_matches(';').to_owned(),
            journal,
        }
    }

    pub(crate) fn summary(&self) -> Value {
        self.get("summary")
    }

    /// The eventIds that faults have refused for good.
    pub(crate) fn faulted(&self) -> Value {
        self.get("faulted")
    }

    fn get(&self, what: &str) -> Value {
        let text = ask("GET", &format!("{}/admin/{what}", self.url), "");
        serde_json::from_str(&text.unwrap().unwrap()).unwrap()
    }

    /// A figure of the summary, by a JSON pointer; 0 where there is none yet.
    pub(crate) fn figure(&self, pointer: &str) -> u64 {
        let figure = self.summary().pointer(pointer).and_then(Value::as_u64);
        figure.unwrap_or(0)
    }

    /// Switches these faults on, and all others off.
    pub(crate) fn faults(&self, faults: &Value) {
        self.put("faults", &faults.to_string());
    }

    /// The same, and every answer takes its time, so that whatever happens happens in mid-stream.
    pub(crate) fn slow_faults(&self, ms: u64, faults: &[Value]) {
        let slow = serde_json::json!({"effect": {"kind": "delay", "ms": ms}});
        let all: Vec<Value> = faults.iter().cloned().chain([slow]).collect();
        self.faults(&all.into());
    }

    /// Adds the names of a directory file.
    pub(crate) fn learn(&self, directory: &Value) {
        self.put("directory", &directory.to_string());
    }

    fn put(&self, what: &str, body: &str) {
        let answer = ask("PUT", &format!("{}/admin/{what}", self.url), body);
        answer.unwrap().unwrap();
    }

    /// What was accepted, repeats left out, in order.
    pub(crate) fn accepted(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.journal).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["repeat"] == false).collect()
    }

    /// What `judge` says of the journal, and whether it has nothing against it.
    pub(crate) fn judge(&self) -> (bool, String) {
        let output = program().arg("judge").arg(&self.journal).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }
}

/// `run` as a process.
pub(crate) struct Agent {
    pub(crate) process: Process,
    /// What it logs, one JSON object a line.
    pub(crate) log: PathBuf,
    /// Where metrics and health are.
    url: String,
}

impl Agent {
    /// Starts it with this configuration and waits until it runs. `folder` keeps its log, by `name`.
    #[track_caller]
    pub(crate) fn start(folder: &Path, name: &str, configuration: &str) -> Self {
        let mut agent = Self::spawn(folder, name, configuration);
        agent.url = wait_for("the agent runs", || {
            assert!(agent.process.has_ended().is_none(), "it runs: {}", agent.logged());
            let log = agent.logged();
            let line = log.lines().find(|line| line.contains(r#""health":"#))?;
            let said: Value = serde_json::from_str(line).ok()?;
            let url = said
                .pointer("/health")
                .or_else(|| said.pointer("/fields/health"))?;
            Some(url.as_str()?.trim_end_matches('/').to_owned())
        });
        agent
    }

    /// Starts it and waits for nothing.
    pub(crate) fn spawn(folder: &Path, name: &str, configuration: &str) -> Self {
        Self::spawn_to_fail(folder, name, configuration, None)
    }

    /// The same with a place at which it ends itself, as `crate::fail` takes it.
    pub(crate) fn spawn_to_fail(folder: &Path, name: &str, configuration: &str, at: Option<&str>) -> Self {
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, configuration).unwrap();
        let log = folder.join(format!("{name}.log"));
        let child = program()
            .args(["run", "--config"])
            .arg(file)
            .env("CONDUIT_GENESYS_CLIENT_SECRET", SECRET)
            .envs(at.map(|at| ("CIC_CONDUIT_FAIL_AT", at)))
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self {
            process: Process::of(child),
            log,
            url: String::new(),
        }
    }

    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where that is: `metrics`, `health.json`, `readyz`.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// What is there.
    pub(crate) fn get(&self, path: &str) -> Option<Result<String, String>> {
        ask("GET", &self.address(path), "")
    }

    /// The sum of a metric's series that hold `label`.
    pub(crate) fn metric(&self, name: &str, label: &str) -> Option<f64> {
        let text = self.get("metrics")?.ok()?;
        let name = format!("cic_conduit_{name}");
        let series = text.lines().filter_map(|line| {
            let rest = line
                .strip_prefix(&*name)
                .filter(|rest| rest.starts_with(['{', ' ']))?;
            let (labels, value) = rest.rsplit_once(' ')?;
            labels.contains(label).then(|| value.parse::<f64>().unwrap())
        });
        series.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    }

    /// Whether it can work now, or why not.
    pub(crate) fn is_ready(&self) -> Option<Result<String, String>> {
        self.get("readyz")
    }

    /// An item of the health page.
    pub(crate) fn item(&self, name: &str) -> Option<Value> {
        let report: Value = serde_json::from_str(&self.get("health.json")?.ok()?).ok()?;
        let items = report["items"].as_array()?;
        items.iter().find(|item| item["name"] == name).cloned()
    }

    /// Waits until an item of the health page is so.
    #[track_caller]
    pub(crate) fn item_is(&self, name: &str, state: &str) -> Value {
        wait_for(&format!("{name} is {state}"), || {
            self.item(name).filter(|item| item["state"] == state)
        })
    }

    /// Waits until the commit point has passed so many records, and no more.
    #[track_caller]
    pub(crate) fn ends(&self, records: usize) {
        wait_for("every record has ended", || {
            let ended = self.metric("records_ended_total", "")?;
            (ended >= records as f64).then_some(())
        });
        let ended = self.metric("records_ended_total", "");
        assert_eq!(ended, Some(records as f64), "every record ends once");
    }

    /// Sends SIGTERM; rule 9: the stop is clean.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.process.signal("TERM");
        let status = self.process.ended();
        assert_eq!(
            status.code(),
            Some(0),
            "rule 9: the stop is clean: {}",
            self.logged()
        );
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.logged();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(30)..];
            eprintln!("the end of {}:\n{}", self.log.display(), last.join("\n"));
        }
    }
}

/// The agents' OAuth secret.
pub(crate) const SECRET: &str = "s3cret-of-the-agents";
