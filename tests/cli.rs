//! The program from outside: exit codes, and how it ends when nobody reads its output.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn conduit(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cic-conduit"));
    command.args(args).stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    conduit(args).output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_usage_exits_64_and_help_exits_0() {
    for wrong in [
        &["--nonsense"][..],
        &["nonsense"],
        &[],
        &["schema", "show", "nothing"],
    ] {
        assert_eq!(output(wrong).status.code(), Some(64), "{wrong:?}");
    }
    for right in [&["--help"][..], &["--version"], &["schema", "list"]] {
        assert_eq!(output(right).status.code(), Some(0), "{right:?}");
    }
}

#[test]
fn help_names_every_exit_code() {
    let help = String::from_utf8(output(&["--help"]).stdout).unwrap();
    for code in ["64", "65", "69", "70", "77", "78"] {
        assert!(help.contains(code), "{code} is not in {help}");
    }
}

#[test]
fn a_missing_file_exits_65_and_is_named() {
    let output = output(&["judge", "/nowhere/at/all.ndjson"]);
    assert_eq!(output.status.code(), Some(65));
    let told = stderr(&output);
    assert!(
        told.starts_with("error: cannot read /nowhere/at/all.ndjson: "),
        "{told}"
    );
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = conduit(&["schema", "show", "conversation-events"])
        .stdout(writer)
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn judge_reads_stdin_and_exits_65_for_a_broken_line() {
    let mut child = conduit(&["judge"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().unwrap().write_all(b"7\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert!(stderr(&output).starts_with("line 1: "), "{}", stderr(&output));
}
