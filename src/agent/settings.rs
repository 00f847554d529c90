//! What each part is told, out of the one configuration.

use std::path::Path;
use std::time::Duration;

use crate::cic::Wanted;
use crate::config::{self, Config, Part, UsersBy};
use crate::convert::presence;
use crate::event::{Lane, RoutingStatus, System};
use crate::names::Kind;
use crate::{convert, deliver, directory, genesys, kafka, names};

/// What conversion is told.
pub fn conversion(config: &Config) -> convert::Settings {
    let conversation = &config.conversation;
    let attributes = conversation
        .additional_info
        .iter()
        .chain(&conversation.tag_attribute);
    convert::Settings {
        source_id: config.genesys.source_id.clone(),
        wanted: Wanted::new(attributes.map(String::as_str)),
        tag_attribute: conversation.tag_attribute.clone(),
        additional_info: conversation.additional_info.clone(),
        number_prefix: conversation.number_prefix.clone(),
        country_code: conversation.country_code.clone().unwrap_or_default(),
        wrap_up_required: conversation.wrap_up_required.clone(),
        wrap_up_grace: millis(conversation.wrap_up_grace),
        adopt_after: millis(conversation.adopt_after),
        settle: millis(conversation.settle),
        orphan_after: millis(conversation.orphan_after),
        max_silence: millis(conversation.max_silence_call),
        duplicate_window: millis(config.cic.duplicate_window),
        presence: presence(&config.presence),
    }
}

fn presence(config: &config::Presence) -> presence::Settings {
    presence::Settings {
        routing_status: config.routing_status,
        max_age: millis(config.max_age),
        not_answering: config.not_answering.clone(),
        on_call_statuses: config.on_call_statuses.clone(),
        definitions_wait: millis(config.definitions_wait),
        switchover_grace: millis(config.switchover_grace),
        message_from_notes: config.message_from_notes,
        unknown_activation_is_active: config.unknown_activation_is_active,
        ringing_is_handling: config.ringing_is_handling,
        rules: config.rules.iter().filter_map(rule).collect(),
    }
}

/// `None` for words that the configuration does not let through.
fn rule(rule: &config::Rule) -> Option<presence::Rule> {
    let matches = match &rule.matches {
        config::Matches::Status(id) => presence::Matches::Status(id.clone()),
        config::Matches::Group(group) => presence::Matches::Group(group.clone()),
        config::Matches::Flag(flag) => presence::Matches::Flag(presence::Flag::parse(flag)?),
    };
    Some(presence::Rule {
        matches,
        system: System::parse(&rule.presence)?,
        routing: RoutingStatus::parse(&rule.routing_status)?,
    })
}

/// What resolving is told; `wait` when unknown names may become known.
pub fn names(config: &Config, wait: bool) -> names::Settings {
    let lanes = &config.lanes;
    let switches = [
        (Lane::Conversations, lanes.conversations),
        (Lane::Presence, lanes.presence),
        (Lane::RoutingStatus, lanes.routing_status),
        (Lane::OutOfOffice, lanes.out_of_office),
    ];
    names::Settings {
        users: config.conversation.users.clone(),
        ignore_workgroups: config.directory.ignore_workgroups.clone(),
        lanes_off: switches
            .into_iter()
            .filter_map(|(lane, on)| (!on).then_some(lane))
            .collect(),
        wait,
    }
}

/// How names are kept true. Lists that no lane needs are not read.
pub fn directory(config: &Config) -> directory::Settings {
    let section = &config.directory;
    let users = match (section.users_by, &section.authority, &section.email_domain) {
        // The configuration refuses external ids without an authority.
        (UsersBy::ExternalId, authority, _) => directory::Users::ExternalId {
            authority: authority.clone().unwrap_or_default(),
        },
        (UsersBy::Email, _, Some(domain)) => directory::Users::Email {
            domain: domain.clone(),
        },
        (UsersBy::Email, _, None) => directory::Users::BeforeAt,
    };
    let mut lists = Vec::new();
    if config.lanes.conversations {
        lists.extend([
            Kind::Queues,
            Kind::WrapUpCodes,
            Kind::Skills,
            Kind::Languages,
            Kind::Stations,
        ]);
    }
    if config.lanes.presence {
        lists.push(Kind::PresenceDefinitions);
    }
    directory::Settings {
        users,
        lists,
        refresh: section.refresh,
    }
}

/// How the organization is reached, or what is missing for it.
pub fn genesys(config: &Config) -> Result<genesys::Settings, config::Error> {
    config.require(&[Part::Genesys])?;
    let section = &config.genesys;
    // `require` has seen that all four are there.
    let mut settings = genesys::Settings::new(
        config.api_url().unwrap_or_default(),
        config.login_url().unwrap_or_default(),
        section.client_id.clone().unwrap_or_default(),
        section.client_secret.clone().unwrap_or_default(),
    );
    settings.proxy = section.proxy.clone();
    settings.ca_file = section.ca_file.clone();
    settings.connect_timeout = section.connect_timeout;
    settings.request_timeout = section.timeout;
    Ok(settings)
}

/// What the reader and the writer of dead letters are told.
pub fn kafka(config: &Config) -> kafka::Settings {
    let told = &config.kafka;
    let topics: Vec<&str> = told.topics.iter().map(String::as_str).collect();
    kafka::Settings {
        written: topics.iter().flat_map(|topic| written(config, topic)).collect(),
        instance: told.group_instance_id.clone(),
        client_id: told.client_id.clone(),
        start: match told.start {
            config::Start::Earliest => kafka::Start::Earliest,
            config::Start::Latest => kafka::Start::Latest,
            config::Start::At(time) => kafka::Start::At(time.millis()),
        },
        protocol: told.security_protocol.as_str(),
        login: told.security_protocol.sasl().then(|| login(told)),
        ca_file: told.ca_file.clone(),
        certificate_file: told.certificate_file.clone(),
        key_file: told.key_file.clone(),
        key_password: told.key_password.clone(),
        verify_hostname: told.verify_hostname,
        memory: config.memory.bound,
        drain: told.drain,
        grace: told.shutdown_grace,
        watchdog: told.watchdog,
        passed_through: told.librdkafka.clone(),
        stop_at_gap: told.on_gap == config::OnGap::Stop,
        pinned: super::metadata::EMPTY.into(),
        ..kafka::Settings::new(told.brokers.join(","), &topics, told.group.clone())
    }
}

/// What the agent writes for an input topic; for an expression, an expression.
fn written(config: &Config, topic: &str) -> [String; 2] {
    let named = |topic: &str| [config.dead_letter_topic(topic), config.state_topic(topic)];
    if !topic.starts_with('^') {
        return named(topic);
    }
    // No topic's name holds a space.
    named(" ").map(|name| format!("^{}$", kafka::escape(&name).replace(' ', ".+")))
}

fn login(told: &config::Kafka) -> kafka::Login {
    let client = match (
        &told.oauth_token_url,
        &told.oauth_client_id,
        &told.oauth_client_secret,
    ) {
        (Some(url), Some(id), Some(secret)) => Some(kafka::oauth::Client {
            url: url.clone(),
            id: id.clone(),
            secret: secret.clone(),
            scope: told.oauth_scope.clone(),
            ca_file: told.ca_file.clone(),
        }),
        _ => None,
    };
    kafka::Login {
        mechanism: told.sasl_mechanism.clone().unwrap_or_default(),
        username: told.sasl_username.clone(),
        password: told.sasl_password.clone(),
        tokens: client.map(kafka::oauth::Client::source),
    }
}

/// What delivery is told.
pub fn delivery(config: &Config) -> deliver::Settings {
    let genesys = &config.genesys;
    deliver::Settings {
        linger: genesys.linger,
        concurrency: usize::try_from(genesys.concurrency).unwrap_or(usize::MAX),
        backoff: deliver::Backoff {
            min: genesys.backoff_min,
            max: genesys.backoff_max,
        },
        event_retry_for: genesys.event_retry_for,
        max_retry_after: genesys.max_retry_after,
    }
}

/// Reads a directory file.
///
/// # Errors
/// When it cannot be read or is no directory file.
pub fn directory_file(path: &Path) -> Result<names::Directory, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the directory file {shown}: {error}"))?;
    names::Directory::from_json(&text).map_err(|error| format!("{shown}: {error}"))
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn users_are_found_as_configured_and_unneeded_lists_left_out() {
        let read = |text: &str| directory(&Config::parse(text).unwrap());
        assert_eq!(read("").users, directory::Users::BeforeAt);
        let by_email =
            read("[directory]\nemail_domain = \"a.org\"\nrefresh = \"1h\"\n[lanes]\nconversations = false");
        assert_eq!(
            by_email.users,
            directory::Users::Email {
                domain: "a.org".into()
            }
        );
        assert_eq!(by_email.lists, [Kind::PresenceDefinitions]);
        assert_eq!(by_email.refresh, Duration::from_secs(3600));
        let by_id =
            read("[directory]\nusers_by = \"external_id\"\nauthority = \"cic\"\n[lanes]\npresence = false");
        assert_eq!(
            by_id.users,
            directory::Users::ExternalId {
                authority: "cic".into()
            }
        );
        assert!(by_id.lists.contains(&Kind::Queues) && !by_id.lists.contains(&Kind::PresenceDefinitions));
    }

    #[test]
    fn the_organization_is_reached_as_configured() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "s3cret\n").unwrap();
        let text = format!(
            "[genesys]\nregion = \"eu-central-1\"\nclient_id = \"me\"\nclient_secret_file = {secret:?}\n\
             proxy = \"http://proxy:3128\"\nca_file = \"/ca.pem\"\ntimeout = \"7s\"\nconnect_timeout = \"3s\"\n"
        );
        let settings = genesys(&Config::parse(&text).unwrap()).unwrap();
        assert_eq!(settings.api_url, "https://api.mypurecloud.de");
        assert_eq!(settings.login_url, "https://login.mypurecloud.de");
        assert_eq!(settings.client_secret.expose_secret(), "s3cret");
        assert_eq!(settings.proxy.as_deref(), Some("http://proxy:3128"));
        assert_eq!(settings.ca_file.as_deref(), Some(std::path::Path::new("/ca.pem")));
        let timeouts = (settings.connect_timeout, settings.request_timeout);
        assert_eq!(timeouts, (Duration::from_secs(3), Duration::from_secs(7)));
        let missing = genesys(&Config::parse("").unwrap()).unwrap_err().to_string();
        assert!(missing.contains("CONDUIT_GENESYS_CLIENT_SECRET"), "{missing}");
    }

    fn settings(text: &str) -> kafka::Settings {
        kafka(&Config::parse(text).unwrap())
    }

    #[test]
    fn what_the_agent_writes_is_named_for_every_topic_that_it_reads() {
        let told = settings(
            "[kafka]\ntopics = [\"cic\", \"^site-.*\"]\ngroup = \"a.b\"\n[state]\ntopic = \"{topic}_{group}\"",
        );
        assert_eq!(
            told.written,
            [
                "cic.a.b.dead-letters",
                "cic_a.b",
                "^.+\\.a\\.b\\.dead-letters$",
                "^.+_a\\.b$"
            ]
        );
    }

    #[test]
    fn a_login_is_told_only_where_the_protocol_has_one() {
        assert!(settings("").login.is_none());
        let told = settings(
            "[kafka]\nbrokers = [\"a:1\", \"b:2\"]\nsecurity_protocol = \"sasl_ssl\"\nsasl_mechanism = \"OAUTHBEARER\"\n\
             oauth_token_url = \"https://login.example/token\"\noauth_client_id = \"agent\"\n\
             oauth_client_secret_file = \"Cargo.toml\"",
        );
        let login = told.login.unwrap();
        assert_eq!((told.brokers.as_str(), told.protocol), ("a:1,b:2", "sasl_ssl"));
        assert_eq!(
            (login.mechanism.as_str(), login.tokens.is_some()),
            ("OAUTHBEARER", true)
        );
    }
}
