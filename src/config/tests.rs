//! One test per thing that can be wrong, the whole message compared: where, what, what to do. Over 500 lines, because it
//! is read as one list beside the README's tables of keys.

use super::*;
use secrecy::ExposeSecret;
use std::time::Duration;

/// What is wrong with a text; nothing: it loads.
fn wrong(text: &str) -> String {
    Config::parse(text)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    Sources {
        environment: variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        ..Sources::default()
    }
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = Config::parse("").unwrap();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:9470");
    assert_eq!(config.memory.bound, 64 << 20);
    assert_eq!(config.genesys.linger, Duration::from_millis(250));
    assert_eq!(config.genesys.backoff_min, Duration::from_millis(500));
    assert_eq!(config.genesys.backoff_max, Duration::from_secs(30));
    assert_eq!(config.genesys.max_retry_after, Duration::from_secs(300));
    assert_eq!(config.genesys.event_retry_for, Duration::from_secs(900));
    assert_eq!(config.kafka.drain, Duration::from_secs(10));
    assert_eq!(config.kafka.shutdown_grace, Duration::from_secs(25));
    assert_eq!(config.kafka.on_gap, OnGap::Continue);
    assert_eq!(config.kafka.start, Start::Earliest);
    assert_eq!(config.state.interval, Duration::from_secs(1));
    assert_eq!(config.state.on_mismatch, OnMismatch::Stop);
    assert_eq!(config.directory.resolve_timeout, Duration::from_secs(60));
    assert_eq!(config.cic.switchover_silence, Duration::from_secs(5));
    assert_eq!(config.conversation.number_prefix, "tel:");
    assert_eq!(
        config.conversation.max_silence_email,
        Duration::from_secs(30 * 86_400)
    );
    assert_eq!(config.presence.switchover_grace, Duration::from_secs(180));
    assert!(config.lanes.conversations && config.lanes.presence);
    assert!(config.lanes.routing_status && config.lanes.out_of_office);
}

#[test]
fn every_default_can_be_written_by_hand() {
    let mut text = String::new();
    for section in SECTIONS {
        text += &format!("[{section}]\n");
        for key in KEYS
            .iter()
            .filter(|key| key.section == *section && !key.default.is_empty())
        {
            let value = match key.kind {
                Kind::Flag | Kind::Count(..) => key.default.to_owned(),
                _ => format!("{:?}", key.default),
            };
            text += &format!("{} = {value}\n", key.name);
        }
    }
    let (written, empty) = (Config::parse(&text).unwrap(), Config::parse("").unwrap());
    assert_eq!(format!("{written:?}"), format!("{empty:?}"));
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_one() {
    assert_eq!(
        wrong("[genesys]\nregion = \"eu-central-1\"\nlingre = \"1s\"\n"),
        "conduit.toml:3: unknown key genesys.lingre; did you mean genesys.linger?"
    );
}

#[test]
fn an_unknown_key_that_is_like_none_names_them_all() {
    assert_eq!(
        wrong("[http]\ncolour = 1"),
        "conduit.toml:2: unknown key http.colour; [http] takes listen"
    );
}

#[test]
fn a_key_of_another_section_says_which() {
    assert_eq!(
        wrong("[genesys]\nbrokers = [\"a:1\"]"),
        "conduit.toml:2: unknown key genesys.brokers; write it under [kafka]"
    );
    assert_eq!(
        wrong("brokers = [\"a:1\"]"),
        "conduit.toml:1: brokers stands in no section; write it under [kafka]"
    );
}

#[test]
fn an_unknown_section_names_the_nearest_or_all() {
    assert_eq!(
        wrong("\n[kafak]\n"),
        "conduit.toml:2: unknown section [kafak]; did you mean [kafka]?"
    );
    assert_eq!(
        wrong("[weather]"),
        "conduit.toml:1: unknown section [weather]; the sections are kafka, cic, conversation, presence, \
         directory, genesys, lanes, state, memory, http, log"
    );
}

#[test]
fn a_section_written_as_a_value_is_told_so() {
    assert_eq!(
        wrong("kafka = 1"),
        "conduit.toml:1: kafka is a section; write [kafka] on a line of its own"
    );
}

#[test]
fn what_is_no_toml_names_its_line() {
    let told = wrong("[kafka]\ngroup = \"a\"\ngroup = \"b\"\n");
    assert_eq!(told, "conduit.toml:3: this is no TOML: duplicate key");
}

#[test]
fn all_that_is_wrong_is_said_at_once_in_the_order_of_the_file() {
    assert_eq!(
        wrong("[memory]\nbound = 5\n[http]\nlisten = \"here\"\n"),
        "conduit.toml:2: memory.bound: 5 is not valid here; write a size such as \"64MiB\"\n\
         conduit.toml:4: http.listen: \"here\" is not valid here; write an address and a port such as \
         \"127.0.0.1:9470\""
    );
}

#[test]
fn a_wrong_value_says_what_would_be_right() {
    for (text, told) in [
        (
            "[genesys]\nlinger = 250",
            "genesys.linger: 250 is not valid here; write a duration such as \"250ms\", \"15min\" or \"2h\"",
        ),
        (
            "[genesys]\nlinger = \"soon\"",
            "genesys.linger: \"soon\" is not valid here; write a duration such as \"250ms\", \"15min\" or \"2h\"",
        ),
        (
            "[lanes]\npresence = \"no\"",
            "lanes.presence: \"no\" is not valid here; write true or false",
        ),
        (
            "[kafka]\nbrokers = \"a:9092\"",
            "kafka.brokers: \"a:9092\" is not valid here; write a list of strings such as [\"a\", \"b\"]",
        ),
        (
            "[kafka]\nbrokers = [1]",
            "kafka.brokers: the list holds 1; write strings that are not empty",
        ),
        (
            "[kafka]\ngroup = \"\"",
            "kafka.group: is empty; give it a value or leave the key out",
        ),
        (
            "[kafka]\non_gap = \"skip\"",
            "kafka.on_gap: \"skip\" is not valid here; write \"continue\" or \"stop\"",
        ),
        (
            "[kafka]\nstart = \"now\"",
            "kafka.start: \"now\" is not valid here; write \"earliest\", \"latest\" or a time such as \"2026-07-06T08:00:00Z\"",
        ),
        (
            "[genesys]\nconcurrency = 65",
            "genesys.concurrency: 65 is out of range; write a number from 1 to 64",
        ),
        (
            "[genesys]\nconcurrency = 1.5",
            "genesys.concurrency: a number with a fraction is not valid here; write a whole number from 1 to 64",
        ),
        (
            "[genesys]\nsource_id = \"abc\"",
            "genesys.source_id: \"abc\" is not valid here; write a UUID such as \"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"",
        ),
        (
            "[genesys]\napi_url = \"api.mypurecloud.de\"",
            "genesys.api_url: \"api.mypurecloud.de\" is not valid here; write a URL such as \"https://host:443\", without a user or a password",
        ),
        (
            "[cic]\ntime_zone = \"Mars/Olympus\"",
            "cic.time_zone: \"Mars/Olympus\" is not valid here; write an IANA name such as \"Europe/Berlin\" that this machine's tzdata knows",
        ),
        (
            "[conversation]\ncountry_code = \"+49\"",
            "conversation.country_code: \"+49\" is no country code; write its digits such as \"49\"",
        ),
        (
            "[memory]\nbound = \"1MiB\"",
            "memory.bound is too small to work with; write at least \"8MiB\"",
        ),
        (
            "[state]\ninterval = \"0s\"",
            "state.interval is zero; write a duration such as \"1s\"",
        ),
        (
            "[genesys]\nbackoff_max = \"1ms\"",
            "genesys.backoff_max is shorter than genesys.backoff_min; make it the longer one",
        ),
        (
            "[genesys]\ntimeout = \"0s\"",
            "genesys.timeout is zero; write a duration such as \"1s\"",
        ),
        (
            "[genesys]\nconnect_timeout = \"0s\"",
            "genesys.connect_timeout is zero; write a duration such as \"1s\"",
        ),
        (
            "[genesys]\nbackoff_min = \"0s\"",
            "genesys.backoff_min is zero; write a duration such as \"1s\"",
        ),
        (
            "[kafka]\ndead_letter_topic = \"letters\"",
            "kafka.dead_letter_topic: \"letters\" does not hold {topic}, which keeps apart what belongs to each input topic; write it in",
        ),
        (
            "[state]\ntopic = \"states\"",
            "state.topic: \"states\" does not hold {topic}, which keeps apart what belongs to each input topic; write it in",
        ),
    ] {
        assert_eq!(wrong(text), format!("conduit.toml:2: {told}"));
    }
}

#[test]
fn an_unknown_region_names_the_nearest() {
    assert_eq!(
        wrong("[genesys]\nregion = \"eu-central-3\""),
        "conduit.toml:2: genesys.region: \"eu-central-3\" is no region; did you mean \"eu-central-1\"?"
    );
    let told = wrong("[genesys]\nregion = \"moon\"");
    assert!(
        told.starts_with(
            "conduit.toml:2: genesys.region: \"moon\" is no region; the regions are us-east-1, "
        )
    );
}

#[test]
fn a_secret_in_the_open_is_refused_and_not_repeated() {
    assert_eq!(
        wrong("[genesys]\nclient_secret = \"hunter2\""),
        "conduit.toml:2: genesys.client_secret stands in a configuration file; use genesys.client_secret_file or \
         CONDUIT_GENESYS_CLIENT_SECRET in its place"
    );
    let flag = Config::load(&Sources::default().flag("kafka.sasl_password", "hunter2")).unwrap_err();
    assert_eq!(
        flag.to_string(),
        "command line: kafka.sasl_password stands in a flag; use kafka.sasl_password_file or \
         CONDUIT_KAFKA_SASL_PASSWORD in its place"
    );
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    assert_eq!(
        wrong("[genesys]\nproxy = \"http://me:hunter2@proxy:3128\""),
        "conduit.toml:2: genesys.proxy: \"http://…@proxy:3128\" is not valid here; write a URL such as \
         \"https://host:443\", without a user or a password"
    );
}

#[test]
fn a_login_names_what_it_needs() {
    assert_eq!(
        wrong("[kafka]\nsecurity_protocol = \"sasl_ssl\""),
        "conduit.toml:2: kafka.security_protocol is \"sasl_ssl\" and kafka.sasl_mechanism is not set; name the mechanism"
    );
    assert_eq!(
        wrong(
            "[kafka]\nsasl_mechanism = \"PLAIN\"\nsasl_username = \"me\"\nsasl_password_file = \"Cargo.toml\""
        ),
        "conduit.toml:2: kafka.sasl_mechanism is set and kafka.security_protocol is \"plaintext\"; write \
         security_protocol = \"sasl_ssl\" or leave the mechanism out"
    );
    assert_eq!(
        wrong("[kafka]\nsecurity_protocol = \"sasl_ssl\"\nsasl_mechanism = \"scram-sha-512\""),
        "conduit.toml:3: kafka.sasl_mechanism SCRAM-SHA-512 needs kafka.sasl_username, which is not set\n\
         conduit.toml:3: kafka.sasl_mechanism SCRAM-SHA-512 needs kafka.sasl_password_file, which is not set"
    );
    assert_eq!(
        wrong("[kafka]\nsecurity_protocol = \"sasl_ssl\"\nsasl_mechanism = \"OAUTHBEARER\""),
        "conduit.toml:3: kafka.sasl_mechanism OAUTHBEARER needs kafka.oauth_token_url, which is not set\n\
         conduit.toml:3: kafka.sasl_mechanism OAUTHBEARER needs kafka.oauth_client_id, which is not set\n\
         conduit.toml:3: kafka.sasl_mechanism OAUTHBEARER needs kafka.oauth_client_secret_file, which is not set"
    );
    assert_eq!(
        wrong("[kafka]\ncertificate_file = \"/c.pem\""),
        "conduit.toml:2: kafka.certificate_file is set and kafka.key_file is not; mutual TLS needs both"
    );
    assert_eq!(
        wrong("[kafka]\nkey_file = \"/k.pem\""),
        "conduit.toml:2: kafka.key_file is set and kafka.certificate_file is not; mutual TLS needs both"
    );
}

#[test]
fn external_ids_need_their_authority() {
    assert_eq!(
        wrong("[directory]\nusers_by = \"external_id\""),
        "conduit.toml:2: directory.users_by is \"external_id\" and directory.authority is not set; name the authority \
         of the users' external ids"
    );
}

#[test]
fn what_the_agent_owns_in_librdkafka_is_refused_and_the_rest_passes() {
    assert_eq!(
        wrong("[kafka.librdkafka]\n\"enable.auto.commit\" = true\n"),
        "conduit.toml:2: the agent owns librdkafka's enable.auto.commit; leave it out"
    );
    assert_eq!(
        wrong("[kafka.librdkafka]\n\"sasl.password\" = \"hunter2\"\n"),
        "conduit.toml:2: the agent owns librdkafka's sasl.password; set kafka.sasl_password_file in its place"
    );
    assert_eq!(
        wrong("[kafka.librdkafka]\nsocket.keepalive.enable = true\n"),
        "conduit.toml:2: socket takes a string, a number, true or false; quote dotted names"
    );
    let text = "[kafka.librdkafka]\n\"socket.keepalive.enable\" = true\n\"reconnect.backoff.ms\" = 50\n";
    let passed = Config::parse(text).unwrap().kafka.librdkafka;
    assert_eq!(passed["socket.keepalive.enable"], "true");
    assert_eq!(passed["reconnect.backoff.ms"], "50");
}

#[test]
fn a_presence_rule_says_one_thing_about_one_kind_of_status() {
    let rules = "[[presence.rule]]\ngroup = \"Break\"\npresence = \"meal\"\nrouting_status = \"OffQueue\"\n";
    let rule = Rule {
        matches: Matches::Group("Break".into()),
        presence: "Meal".into(),
        routing_status: "OffQueue".into(),
    };
    assert_eq!(Config::parse(rules).unwrap().presence.rules, [rule]);
    for (text, told) in [
        (
            "presence = \"Meal\"",
            "a presence.rule needs exactly one of status, group and flag",
        ),
        (
            "flag = \"dnd\"",
            "presence.rule.flag: \"dnd\" is not known; write one of do_not_disturb, after_call_work, acd, forward, persistent, follow_up",
        ),
        (
            "status = \"x\"\nrouting_status = \"Idle\"",
            "presence.rule has no presence; write one of Available, Busy, Away, Break, Meal, Meeting, Training, On Queue, Offline",
        ),
        (
            "status = \"x\"\npresence = \"Lunch\"",
            "presence.rule.presence: \"Lunch\" is not known; write one of Available, Busy, Away, Break, Meal, Meeting, Training, On Queue, Offline",
        ),
        (
            "status = \"x\"\npresence = \"Meal\"",
            "presence.rule has no routing_status; write one of OffQueue, Idle, Interacting, Communicating, NotResponding",
        ),
        (
            "status = \"x\"\npresence = \"Meal\"\nrouting_status = \"Off\"",
            "presence.rule.routing_status: \"Off\" is not known; write one of OffQueue, Idle, Interacting, Communicating, NotResponding",
        ),
        (
            "groop = \"x\"",
            "unknown key presence.rule.groop; did you mean group?",
        ),
        (
            "weather = \"x\"",
            "unknown key presence.rule.weather; a rule takes status, group, flag, presence, routing_status",
        ),
        ("group = 1", "presence.rule.group is no text; write a string"),
    ] {
        assert_eq!(
            wrong(&format!("[[presence.rule]]\n{text}\n")),
            format!("conduit.toml:1: {told}")
        );
    }
    assert_eq!(
        wrong("[presence]\nrule = [1]"),
        "conduit.toml:2: presence.rule is no table; write [[presence.rule]]"
    );
}

#[test]
fn the_environment_goes_before_the_file_and_a_flag_before_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conduit.toml");
    std::fs::write(
        &file,
        "[kafka]\nbrokers = [\"file:1\"]\ngroup = \"file\"\nclient_id = \"file\"\n",
    )
    .unwrap();
    let mut sources = environment(&[
        ("CONDUIT_KAFKA_BROKERS", "one:1, two:2"),
        ("CONDUIT_KAFKA_GROUP", "environment"),
    ]);
    sources.file = Some(file);
    let config = Config::load(&sources.flag("kafka.group", "flag")).unwrap();
    assert_eq!(config.kafka.brokers, ["one:1", "two:2"]);
    assert_eq!(config.kafka.group, "flag");
    assert_eq!(config.kafka.client_id, "file");
}

#[test]
fn a_wrong_variable_is_named() {
    let error = Config::load(&environment(&[("CONDUIT_MEMORY_BOUND", "lots")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable CONDUIT_MEMORY_BOUND: memory.bound: \"lots\" is not valid here; write a size such \
         as \"64MiB\""
    );
}

#[test]
fn an_unknown_variable_of_ours_is_a_warning() {
    let config = Config::load(&environment(&[
        ("CONDUIT_KAFKA_BROKER", "a:1"),
        ("CONDUIT_TEST_WITHOUT", "java"),
    ]));
    assert_eq!(
        config.unwrap().warnings,
        [
            "environment variable CONDUIT_KAFKA_BROKER is not known and is ignored; did you mean CONDUIT_KAFKA_BROKERS?"
        ]
    );
}

#[test]
fn a_wrong_flag_is_named() {
    let error = Config::load(&Sources::default().flag("kafka.gruop", "x")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "command line: unknown key kafka.gruop; did you mean kafka.group?"
    );
}

#[test]
fn a_missing_file_says_what_to_do() {
    let sources = Sources {
        file: Some("/nowhere/conduit.toml".into()),
        ..Sources::default()
    };
    assert_eq!(
        Config::load(&sources).unwrap_err().to_string(),
        "configuration: /nowhere/conduit.toml: cannot read the configuration: No such file or directory \
         (os error 2); name an existing file with --config"
    );
}

#[test]
fn a_file_that_is_no_text_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conduit.toml");
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    let sources = Sources {
        file: Some(file.clone()),
        ..Sources::default()
    };
    assert_eq!(
        Config::load(&sources).unwrap_err().to_string(),
        format!(
            "configuration: {}: cannot read the configuration: stream did not contain valid UTF-8; write it as UTF-8 text",
            file.display()
        )
    );
}

#[test]
fn a_secret_comes_from_the_environment_or_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "hunter2\n").unwrap();
    let from_file = format!("[genesys]\nclient_secret_file = {secret:?}\n");
    let config = Config::parse(&from_file).unwrap();
    assert_eq!(
        config.genesys.client_secret.as_ref().unwrap().expose_secret(),
        "hunter2"
    );
    assert!(!format!("{config:?}").contains("hunter2"));

    let config = Config::load(&environment(&[("CONDUIT_GENESYS_CLIENT_SECRET", "hunter3")])).unwrap();
    assert_eq!(
        config.genesys.client_secret.as_ref().unwrap().expose_secret(),
        "hunter3"
    );
    assert!(!format!("{config:?}").contains("hunter3"));
}

#[test]
fn a_secret_file_that_is_missing_or_empty_is_named() {
    assert_eq!(
        wrong("[genesys]\nclient_secret_file = \"/nowhere/secret\""),
        "conduit.toml:2: genesys.client_secret_file: cannot read /nowhere/secret: No such file or directory \
         (os error 2); let the agent's user read it"
    );
    let empty = tempfile::NamedTempFile::new().unwrap();
    let path = empty.path().display();
    assert_eq!(
        wrong(&format!("[genesys]\nclient_secret_file = \"{path}\"")),
        format!("conduit.toml:2: genesys.client_secret_file: {path} is empty; write the secret into it")
    );
}

#[test]
fn what_a_command_needs_is_asked_for_at_once() {
    let config = Config::parse("").unwrap();
    assert_eq!(
        config
            .require(&[Part::Kafka, Part::Genesys])
            .unwrap_err()
            .to_string(),
        "configuration: kafka.brokers is not set; name at least one broker as host:port\n\
         configuration: kafka.topics is not set; name the topic that CIC's events are in\n\
         configuration: genesys.region is not set; name the organization's region, or api_url and login_url\n\
         configuration: genesys.client_id is not set; name an OAuth client with the grant client credentials\n\
         configuration: genesys.client_secret_file is not set; name a file that holds the OAuth client's secret, \
         or set CONDUIT_GENESYS_CLIENT_SECRET"
    );
    assert_eq!(config.require(&[]), Ok(()));
}

#[test]
fn a_url_goes_before_the_region_and_topics_are_named_after_their_input() {
    let config =
        Config::parse("[genesys]\nregion = \"eu-west-1\"\napi_url = \"http://127.0.0.1:1/\"\n").unwrap();
    assert_eq!(config.api_url().as_deref(), Some("http://127.0.0.1:1"));
    assert_eq!(
        config.login_url().as_deref(),
        Some("https://login.mypurecloud.ie")
    );
    assert_eq!(config.state_topic("cic.events"), "cic.events.cic-conduit.state");
    assert_eq!(
        config.dead_letter_topic("cic.events"),
        "cic.events.cic-conduit.dead-letters"
    );
}
