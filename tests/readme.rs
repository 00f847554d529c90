//! The README says what the program has: every command, key, metric, endpoint and exit code, as the code words them.

use std::process::Command;

const README: &str = include_str!("../README.md");

/// Every line of `tables` stands in the README as it is; the message is what to paste.
fn contains_every_row(tables: &str) {
    let missing: Vec<&str> = tables
        .lines()
        .filter(|line| line.starts_with("| `") && !README.lines().any(|read| read == *line))
        .collect();
    assert!(
        missing.is_empty(),
        "README.md lacks these rows:\n{}\n\nThe whole:\n{tables}",
        missing.join("\n")
    );
}

#[test]
fn every_key_stands_in_the_readme() {
    contains_every_row(&cic_conduit::config::markdown());
}

#[test]
fn the_rules_of_statuses_stand_in_the_readme_with_an_example_that_is_taken() {
    let begin = README.find("[[presence.rule]]\n").expect("there is an example");
    let example = README[begin..].split("```").next().expect("it ends");
    let config = cic_conduit::config::Config::parse(example).expect("it is taken");
    assert_eq!(config.presence.rules.len(), 3);
    for (key, words) in [
        ("presence", cic_conduit::config::PRESENCES),
        ("routing_status", cic_conduit::config::ROUTING_STATUSES),
    ] {
        let row = format!("| `{key}` | {} |", words.join(", "));
        assert!(README.contains(&row), "README.md lacks {row}");
    }
}

#[test]
fn every_metric_stands_in_the_readme() {
    contains_every_row(&cic_conduit::metrics::markdown());
}

#[test]
fn every_command_stands_in_the_readme() {
    let help = Command::new(env!("CARGO_BIN_EXE_cic-conduit"))
        .arg("--help")
        .output()
        .expect("the program starts");
    let help = String::from_utf8(help.stdout).expect("help is text");
    let listed: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(listed.len() > 4, "{help}");
    for command in listed {
        let written = format!("cic-conduit {command}");
        assert!(README.contains(&written), "README.md does not say `{written}`");
    }
}

#[test]
fn every_endpoint_and_exit_code_stands_in_the_readme() {
    for endpoint in ["/metrics", "/livez", "/readyz", "/health.json"] {
        assert!(README.contains(&format!("`{endpoint}`")), "{endpoint}");
    }
    for code in [64, 65, 69, 70, 77, 78] {
        assert!(
            README
                .lines()
                .any(|line| line.starts_with(&format!("| {code} |"))),
            "the table of exit codes has no row | {code} |"
        );
    }
}
