//! What is wrong between us and Kafka, in words that say what to do.
//!
//! A wrong password or an unknown authority shows to a caller only as a broken connection; which it is comes through
//! librdkafka's error callback, and is told apart here.

use std::fmt;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// No broker answers.
    Unreachable,
    /// The brokers' certificate is not trusted, or ours is not.
    Tls,
    /// User or password are refused.
    Login,
    /// The broker lets us in and forbids this.
    Permission,
    /// A topic is not there.
    Topic,
    /// A record is larger than its topic takes.
    Size,
    /// Another member of the same instance id has taken over.
    Fenced,
    /// Anything else.
    Other,
}

/// A fault, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: Kind,
    /// librdkafka's words.
    pub reason: String,
}

impl Fault {
    /// Judges an error by its code and its words.
    pub fn judge(code: Option<RDKafkaErrorCode>, reason: impl Into<String>) -> Self {
        use RDKafkaErrorCode as Code;
        let reason = reason.into();
        let kind = match code {
            Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism) => {
                Kind::Login
            }
            Some(Code::SSL) => Kind::Tls,
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed,
            ) => Kind::Permission,
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => Kind::Topic,
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => Kind::Size,
            Some(Code::FencedInstanceId) => Kind::Fenced,
            Some(
                Code::AllBrokersDown
                | Code::BrokerTransportFailure
                | Code::Resolve
                | Code::OperationTimedOut
                | Code::MessageTimedOut
                | Code::RequestTimedOut,
            ) => by_words(&reason),
            _ => Kind::Other,
        };
        Self { kind, reason }
    }

    /// What is wrong.
    pub fn what(&self) -> String {
        let what = match self.kind {
            Kind::Unreachable => "Kafka cannot be reached",
            Kind::Tls => "TLS with Kafka fails",
            Kind::Login => "Kafka refuses the login",
            Kind::Permission => "Kafka forbids it",
            Kind::Topic => "the topic is not there",
            Kind::Size => "the record is larger than the topic takes",
            Kind::Fenced => "another agent has the same instance id",
            Kind::Other => "Kafka reports a fault",
        };
        format!("{what}: {}", self.reason)
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self.kind {
            Kind::Unreachable => "check [kafka] brokers, the network and whether the brokers run",
            Kind::Tls => {
                "check [kafka] ca_file, certificate_file and key_file, and that the listener speaks TLS"
            }
            Kind::Login => {
                "check [kafka] sasl_mechanism, and the user and password or the oauth_ keys that belong to it"
            }
            Kind::Permission => "grant the agent's user what the README lists under Kafka ACLs",
            Kind::Topic => "check [kafka] topics, and create the topic",
            Kind::Size => {
                "raise max.message.bytes of the topic that is written to; a dead letter is a little larger than its record"
            }
            Kind::Fenced => "give each agent a [kafka] group_instance_id of its own",
            Kind::Other => "see librdkafka's documentation for this message",
        }
    }
}

/// A broken connection may be any of three.
fn by_words(reason: &str) -> Kind {
    let lower = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["sasl", "authentication"]) {
        Kind::Login
    } else if says(&["ssl", "certificate", "tls"]) {
        Kind::Tls
    } else {
        Kind::Unreachable
    }
}

impl From<&KafkaError> for Fault {
    fn from(error: &KafkaError) -> Self {
        Self::judge(error.rdkafka_error_code(), error.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what(), self.advice())
    }
}
