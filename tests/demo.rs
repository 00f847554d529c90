//! `demo` as who tries the program sees it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]

mod support;

use std::process::Stdio;

use support::programs::{Process, program};

/// It says where everything is, tells of a call, ends by itself with a summary, and finds nothing wrong.
#[test]
fn a_demo_tells_of_a_call_and_ends_with_a_summary() {
    let mut child = program()
        .args(["demo", "--for", "5s", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (out, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut process = Process::of(child);
    let read = |from| std::thread::spawn(move || std::io::read_to_string(from).unwrap());
    let (told, errors) = (
        read(Box::new(out) as Box<dyn std::io::Read + Send>),
        read(Box::new(errors)),
    );
    let status = process.ended();
    let (told, errors) = (told.join().unwrap(), errors.join().unwrap());
    assert_eq!(status.code(), Some(0), "{told}{errors}");
    let mut rest = &*told;
    for words in [
        "\nhealth     http://127.0.0.1:",
        "\nmetrics    http://127.0.0.1:",
        "\nOne call, as Genesys Cloud heard of it:\n",
        " calls ",
        " answers\n",
        "\nrecords written ",
        "\n  delivered ",
        "\n  skipped ",
        "\nevents accepted ",
        "\n  userPresenceEvents ",
        "\nbatches ",
        " events each\n",
        "\n  half within ",
        "\n  99 % within ",
        "\nnothing lost, nothing refused, nothing out of order\n",
    ] {
        let at = rest
            .find(words)
            .unwrap_or_else(|| panic!("{words:?} is in its place: {told}"));
        rest = &rest[at + words.len() - 1..];
    }
    assert_eq!(rest, "\n", "that is the last word");
}
