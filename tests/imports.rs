//! Who may import whom: the table of `src/lib.rs`'s modules, held against every path under `src/` that begins with
//! `crate::`, or that climbs to the crate's root by `super::`.
//!
//! Test code may name more (the sandbox, mostly); the table says what. Comments and strings are not read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Leaves for every module with I/O. Of `health` they see the board only.
const LEAVES: &[&str] = &[
    "clock",
    "config",
    "fail",
    "health::Board",
    "health::Heart",
    "health::Item",
    "health::State",
    "health::board",
    "metrics",
    "time",
];

/// A top-level module, whether the leaves are open to it, and what else it may name.
const TABLE: &[(&str, bool, &[&str])] = &[
    // Pure: no clock, no network, no randomness.
    ("config", false, &["time"]),
    ("time", false, &[]),
    ("cic", false, &["time"]),
    ("event", false, &["time"]),
    ("convert", false, &["cic", "event", "time"]),
    ("names", false, &["event", "time"]),
    ("schema", false, &[]),
    // With I/O.
    ("clock", false, &["time"]),
    ("fail", false, &[]),
    ("metrics", false, &[]),
    ("health", false, &["clock", "metrics", "time"]),
    ("genesys", true, &["event"]),
    // Beyond the design: the ids that it gives to names, and the presences that the platform brings along.
    (
        "directory",
        true,
        &["event::Id", "event::System", "genesys", "names"],
    ),
    ("deliver", true, &["event", "genesys"]),
    ("kafka", true, &[]),
    (
        "agent",
        true,
        &[
            "cic",
            "convert",
            "deliver",
            "directory",
            "event",
            "genesys",
            "health",
            "kafka",
            "names",
        ],
    ),
    ("http", true, &["health"]),
    // They stand for others and share nothing with the agent: neither its types nor its mistakes.
    ("sandbox", false, &["clock", "schema", "time"]),
    ("simulate", false, &["time"]),
    ("cli", true, &ALL),
    ("main", false, &["cli"]),
    ("lib", false, &[]),
];

const ALL: [&str; 14] = [
    "agent",
    "cic",
    "convert",
    "deliver",
    "directory",
    "event",
    "genesys",
    "health",
    "http",
    "kafka",
    "names",
    "sandbox",
    "schema",
    "simulate",
];

/// What test code inside a module may name besides: judges and stand-ins, and what they are compared with.
const IN_TESTS: &[&str] = &[
    "sandbox", "schema", "simulate", "clock", "metrics", "health", "event", "time",
];

#[test]
fn every_import_stands_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut faults, mut read) = (Vec::new(), 0);
    for file in files(&src) {
        let inside = file.strip_prefix(&src).unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        read += 1;
        faults.extend(judge(&inside, &text));
    }
    assert!(read > 100, "only {read} files were read");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_module_has_its_row() {
    let lib = include_str!("../src/lib.rs");
    let modules: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod "))
        .filter_map(|line| line.strip_suffix(';'))
        .collect();
    let rows: BTreeSet<&str> = TABLE
        .iter()
        .map(|(module, ..)| *module)
        .filter(|module| !matches!(*module, "main" | "lib"))
        .collect();
    assert_eq!(modules, rows);
}

#[test]
fn what_is_not_in_the_table_is_found_wherever_it_stands() {
    let found = |file: &str, text: &str| judge(Path::new(file), text);
    for (file, text) in [
        ("kafka/mod.rs", "use crate::event::Lane;"),
        ("kafka/mod.rs", "fn f() { let _ = crate::event::Lane::ALL; }"),
        ("kafka/mod.rs", "use crate::{clock, event};"),
        (
            "kafka/mod.rs",
            "use crate::{\n    clock::now,\n    event::{Lane},\n};",
        ),
        ("kafka/mod.rs", "use crate :: event;"),
        ("kafka/mod.rs", "use super::event::Lane;"),
        ("kafka/inner/deep.rs", "use super::super::super::event::Lane;"),
        ("kafka/mod.rs", "use crate::*;"),
        ("kafka/mod.rs", "mod inner { use super::super::event; }"),
        ("convert/mod.rs", "use crate::clock;"),
        ("deliver/mod.rs", "use crate::health::Report;"),
        ("deliver/mod.rs", "use crate::health::{Board, Report};"),
        ("sandbox/mod.rs", "use crate::event::Lane;"),
        ("main.rs", "cic_conduit::agent::run();"),
        ("kafka/mod.rs", "mod tests {}\nuse crate::event::Lane;"),
        (
            "kafka/mod.rs",
            "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::event::Lane;",
        ),
        (
            "kafka/mod.rs",
            "const S: &str = \"\\\"\"; use crate::event::Lane;",
        ),
        (
            "kafka/mod.rs",
            "fn f(a: &'a str, c: char) { c == '\"'; } use crate::event::Lane;",
        ),
    ] {
        assert_eq!(found(file, text).len(), 1, "{file}: {text}");
    }
    for (file, text) in [
        (
            "kafka/mod.rs",
            "use crate::{clock, metrics};\nuse crate::health::board::{Board, Item};",
        ),
        ("kafka/mod.rs", "use crate::kafka::Record;"),
        (
            "kafka/mod.rs",
            "// use crate::event::Lane;\n/* use crate::event::Lane; */ /// [`crate::event`]",
        ),
        (
            "kafka/mod.rs",
            "const S: &str = \"crate::event\"; const R: &str = r#\"crate::\"event\"#;",
        ),
        ("kafka/inner/deep.rs", "use super::super::event;"),
        ("kafka/mod.rs", "mod inner { use super::*; use super::event; }"),
        (
            "genesys/mod.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::sandbox::Handle;\n}",
        ),
        ("genesys/tests.rs", "use crate::sandbox::Handle;"),
        ("genesys/tests/more.rs", "use crate::sandbox::Handle;"),
        ("main.rs", "cic_conduit::cli::main();"),
        ("kafka/mod.rs", "pub(crate) fn f() { mycrate::event(); }"),
    ] {
        assert_eq!(found(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}

#[test]
fn a_fault_names_file_line_and_path() {
    let faults = judge(
        Path::new("kafka/mod.rs"),
        "use crate::clock;\n\nuse crate::{\n    event::Lane,\n};",
    );
    assert_eq!(
        faults,
        ["src/kafka/mod.rs:4: kafka may not use event::Lane; tests/imports.rs says who may import whom"]
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A sentence for each path in `text` that the table does not allow.
fn judge(file: &Path, text: &str) -> Vec<String> {
    let parts: Vec<&str> = file.iter().filter_map(|part| part.to_str()).collect();
    let module = parts[0].trim_end_matches(".rs");
    let test_file = parts[1..]
        .iter()
        .any(|part| matches!(*part, "tests" | "tests.rs"));
    // How many `super` lead from this file to the crate's root.
    let depth = match parts[..] {
        ["lib.rs" | "main.rs"] => 0,
        [.., "mod.rs"] => parts.len() - 1,
        _ => parts.len(),
    };
    let code = blank(text);
    let tests = test_code(&code);
    let mut faults = Vec::new();
    for (at, path) in paths(&code, depth) {
        let in_tests = test_file || tests.iter().any(|span| span.contains(&at));
        if !allowed(module, &path, in_tests) {
            let line = code[..at].matches('\n').count() + 1;
            faults.push(format!(
                "src/{}:{line}: {module} may not use {path}; tests/imports.rs says who may import whom",
                file.display()
            ));
        }
    }
    faults
}

fn allowed(module: &str, path: &str, in_tests: bool) -> bool {
    let begins =
        |&row: &&str| path == row || path.strip_prefix(row).is_some_and(|rest| rest.starts_with("::"));
    let Some((_, leaves, more)) = TABLE.iter().find(|(row, ..)| *row == module) else {
        return false;
    };
    begins(&module)
        || more.iter().any(begins)
        || (*leaves && LEAVES.iter().any(begins))
        || (in_tests && IN_TESTS.iter().any(begins))
}

/// `text` with comments, strings and characters turned into blanks; every byte keeps its place.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let named = at > 0 && is_name(bytes[at - 1]);
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(end) = raw_string(rest).filter(|_| !named) {
            end
        } else if rest.starts_with('"') {
            quoted(rest, b'"')
        } else if rest.starts_with('\'') && is_character(rest) {
            quoted(rest, b'\'')
        } else {
            let letter = rest.chars().next().map_or(1, char::len_utf8);
            code.push_str(&rest[..letter]);
            at += letter;
            continue;
        };
        code.extend(
            rest[..length]
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
        );
        at += length;
    }
    code
}

fn raw_string(rest: &str) -> Option<usize> {
    let marks = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = marks.bytes().take_while(|byte| *byte == b'#').count();
    let body = marks[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = rest.len() - body.len();
    Some(
        body.find(&end)
            .map_or(rest.len(), |found| before + found + end.len()),
    )
}

/// The length of a literal that begins with `quote`.
fn quoted(rest: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether a `'` begins a character and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut letters = rest.chars().skip(1);
    matches!(
        (letters.next(), letters.next()),
        (Some('\\'), _) | (Some(_), Some('\''))
    )
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where `#[cfg(test)]` items stand.
fn test_code(code: &str) -> Vec<std::ops::Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]");
    marks.map(|(start, _)| start..closing(code, start)).collect()
}

/// The bodies of modules that are written out in their file: one `super` more leads to the root there.
fn inline_modules(code: &str) -> Vec<std::ops::Range<usize>> {
    let opened = code.match_indices("mod ").filter_map(|(start, word)| {
        let named = start > 0 && is_name(code.as_bytes()[start - 1]);
        let name = code[start + word.len()..]
            .trim_start_matches(|letter| char::is_alphanumeric(letter) || letter == '_');
        let body = name.trim_start().starts_with('{') && !named;
        body.then(|| code.len() - name.trim_start().len())
    });
    opened.map(|start| start..closing(code, start)).collect()
}

/// The end of the item that begins at `start`: behind its last brace, or its semicolon.
fn closing(code: &str, start: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(byte, b'}' | b';') {
            return at + 1;
        }
    }
    code.len()
}

/// Every path that begins at the crate's root, without the `crate::`, and where it stands.
fn paths(code: &str, depth: usize) -> Vec<(usize, String)> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let inline = inline_modules(code);
    for begin in ["crate", "cic_conduit", "super"] {
        for (start, _) in code.match_indices(begin) {
            let depth = depth + inline.iter().filter(|span| span.contains(&start)).count();
            let root = "super::".repeat(depth);
            let behind = bytes.get(start + begin.len()).is_some_and(|byte| is_name(*byte));
            let before = code[..start].trim_end();
            let named = start > 0 && is_name(bytes[start - 1]);
            if named || behind || before.ends_with("::") || before.ends_with("pub(") {
                continue;
            }
            let mut at = start + begin.len();
            if begin == "super" {
                let chain: String = code[start..].split_whitespace().collect();
                if depth == 0 || !chain.starts_with(&root) || chain[root.len()..].starts_with("super") {
                    continue;
                }
                for _ in 1..depth {
                    at += code[at..].find("super").map_or(0, |next| next + "super".len());
                }
            }
            if let Some(next) = separator(code, at) {
                tree(code, next, "", &mut found);
            }
        }
    }
    found
}

/// The position after a `::` that stands at `at`, blanks skipped.
fn separator(code: &str, at: usize) -> Option<usize> {
    let rest = code[at..].trim_start();
    rest.strip_prefix("::").map(|behind| code.len() - behind.len())
}

/// Reads a path or a `{…}` of paths at `at`, below `head`; returns where it ends.
fn tree(code: &str, at: usize, head: &str, found: &mut Vec<(usize, String)>) -> usize {
    let at = code.len() - code[at..].trim_start().len();
    let join = |name: &str| {
        if head.is_empty() {
            name.to_owned()
        } else {
            format!("{head}::{name}")
        }
    };
    if code[at..].starts_with('{') {
        let mut next = at + 1;
        loop {
            next = code.len() - code[next..].trim_start_matches([' ', '\n', ',']).len();
            if next >= code.len() || code[next..].starts_with('}') {
                return next + 1;
            }
            let end = tree(code, next, head, found);
            // An alias, or what is not understood, up to the next comma or brace.
            let rest = code[end..].find([',', '}']).unwrap_or(code.len() - end);
            next = (end + rest).max(next + 1);
        }
    }
    let length = code[at..].bytes().take_while(|byte| is_name(*byte)).count();
    let name = match &code[at..at + length] {
        // `self` in braces is the module itself, `*` is everything.
        "" => "*",
        "self" => "",
        name => name,
    };
    let path = if name.is_empty() {
        head.to_owned()
    } else {
        join(name)
    };
    match separator(code, at + length).filter(|_| length > 0) {
        Some(next) if !code[next..].trim_start().starts_with('<') => tree(code, next, &path, found),
        _ => {
            found.push((at, path));
            at + length
        }
    }
}
