//! Who and what a simulated contact centre has, by name: enumerable, so that an organization can have it too.

use super::settings::Settings;
use super::status::STATUSES;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

const FIRST: [&str; 40] = [
    "Anna", "Ben", "Carla", "David", "Elena", "Felix", "Greta", "Hassan", "Ines", "Jonas", "Karin", "Luca",
    "Maria", "Nadia", "Oscar", "Paula", "Quentin", "Rosa", "Stefan", "Tara", "Uma", "Viktor", "Wanda",
    "Xavier", "Yara", "Zoran", "Amir", "Beatrice", "Cem", "Dora", "Emil", "Fiona", "Georg", "Helga", "Ivan",
    "Julia", "Kofi", "Lena", "Marek", "Noor",
];
const LAST: [&str; 47] = [
    "Smith", "Jones", "Baker", "Novak", "Rossi", "Weber", "Fischer", "Garcia", "Silva", "Costa", "Moreau",
    "Dubois", "Jansen", "Bakker", "Larsen", "Hansen", "Nilsson", "Virtanen", "Kowalski", "Horvat", "Popescu",
    "Ivanov", "Yilmaz", "Demir", "Haddad", "Khan", "Patel", "Singh", "Chen", "Wang", "Tanaka", "Sato", "Kim",
    "Park", "Nguyen", "Tran", "Okafor", "Mensah", "Abebe", "Diallo", "Brown", "Taylor", "Evans", "Walker",
    "Young", "Hill", "Adams",
];

/// A workgroup that queues interactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workgroup {
    /// Its name.
    pub name: &'static str,
    /// Whether its agents do after-call work, and give a wrap-up code.
    pub wrap_up: bool,
    /// Whether it rings several agents at once.
    pub rings_all: bool,
}

/// Every workgroup; a small site has the first ones.
pub const WORKGROUPS: [Workgroup; 8] = [
    workgroup("Support", true, false),
    workgroup("Helpdesk", false, true),
    workgroup("Sales", true, false),
    workgroup("Billing", true, false),
    workgroup("Technical", true, false),
    workgroup("Claims", true, false),
    workgroup("Retention", true, false),
    workgroup("Front Office", false, false),
];

/// Every wrap-up code.
pub const WRAP_UP_CODES: [&str; 8] = [
    "Resolved",
    "Follow-up needed",
    "Escalated",
    "Order placed",
    "Complaint",
    "Wrong number",
    "Information given",
    "Appointment made",
];

/// Every skill that is no language.
pub const SKILLS: [&str; 5] = ["Refunds", "Contracts", "Hardware", "Network", "Accounts"];

/// Every language.
pub const LANGUAGES: [&str; 4] = ["English", "German", "French", "Spanish"];

const fn workgroup(name: &'static str, wrap_up: bool, rings_all: bool) -> Workgroup {
    Workgroup {
        name,
        wrap_up,
        rings_all,
    }
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The CIC user name.
    pub name: String,
    /// Given and family name.
    pub display: String,
    /// The email address, by which an organization knows the user.
    pub email: String,
    /// The station.
    pub station: String,
    /// The index of the site.
    pub site: usize,
}

/// Everything by name.
#[derive(Clone, Debug)]
pub struct Names {
    /// The sites, as `source` and key of their records.
    pub sites: Vec<String>,
    /// The agents; no two sites share one.
    pub users: Vec<User>,
    /// The workgroups.
    pub queues: Vec<&'static str>,
    /// The wrap-up codes.
    pub wrap_up_codes: Vec<&'static str>,
    /// The skills.
    pub skills: Vec<&'static str>,
    /// The languages.
    pub languages: Vec<&'static str>,
    /// The labels of the site's own statuses, which an organization may have as secondary presences.
    pub presences: Vec<&'static str>,
}

impl Names {
    /// The names of a simulation with these settings.
    pub fn of(settings: &Settings) -> Self {
        let sites = settings.sites.max(1);
        let mut taken = HashSet::new();
        let user = |index: usize| {
            let first = FIRST[(index * 7 + index / LAST.len()) % FIRST.len()];
            let last = LAST[index % LAST.len()];
            let short = format!("{}{}", &first[..1], last).to_lowercase();
            let mut name = short.clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{short}{number}");
                number += 1;
            }
            User {
                display: format!("{first} {last}"),
                email: format!("{name}@example.com"),
                station: format!("{name}-pc"),
                site: index % sites,
                name,
            }
        };
        let users = (0..settings.agents.max(1)).map(user).collect();
        Self {
            sites: (1..=sites)
                .map(|number| format!("cic{number}.example.com"))
                .collect(),
            users,
            queues: WORKGROUPS.iter().map(|workgroup| workgroup.name).collect(),
            wrap_up_codes: WRAP_UP_CODES.to_vec(),
            skills: SKILLS.to_vec(),
            languages: LANGUAGES.to_vec(),
            presences: STATUSES
                .iter()
                .filter(|status| status.own)
                .map(|status| status.text)
                .collect(),
        }
    }

    /// A directory file: JSON, name to id by kind. The ids are functions of the names.
    pub fn directory(&self) -> String {
        let mut out = String::from("{");
        let users: Vec<&str> = self.users.iter().map(|user| &*user.name).collect();
        let stations: Vec<&str> = self.users.iter().map(|user| &*user.station).collect();
        for (kind, names) in [
            ("users", &users),
            ("queues", &self.queues),
            ("wrapUpCodes", &self.wrap_up_codes),
            ("skills", &self.skills),
            ("languages", &self.languages),
            ("presenceDefinitions", &self.presences),
            ("stations", &stations),
        ] {
            let comma = if out.len() > 1 { ",\n" } else { "\n" };
            out.push_str(&format!("{comma}  \"{kind}\": {{"));
            for (index, name) in names.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                out.push_str(&format!("{comma}\n    \"{name}\": \"{}\"", id(kind, name)));
            }
            out.push_str("\n  }");
        }
        out.push_str("\n}\n");
        out
    }
}

/// A UUID, version 4 in form, a hash in content.
fn id(kind: &str, name: &str) -> String {
    let hash = Sha256::digest(format!("simulate\u{1f}{kind}\u{1f}{name}"));
    let mut hex: Vec<u8> = hash[..16]
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect();
    hex[12] = b'4';
    hex[16] = b"89ab"[usize::from(hash[8] % 4)];
    let hex = String::from_utf8_lossy(&hex);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(agents: usize) -> Names {
        Names::of(&Settings {
            agents,
            sites: 4,
            ..Settings::default()
        })
    }

    #[test]
    fn no_two_agents_share_a_name_and_a_smaller_site_has_the_first_ones() {
        let many = names(5000);
        let unique: HashSet<&String> = many.users.iter().map(|user| &user.name).collect();
        assert_eq!(unique.len(), 5000);
        assert_eq!(many.users[..10], names(10).users[..]);
    }

    #[test]
    fn the_directory_names_everybody_with_a_uuid_of_its_own() {
        let file: serde_json::Value = serde_json::from_str(&names(300).directory()).unwrap();
        let tables = file.as_object().unwrap();
        let mut ids = HashSet::new();
        for table in tables.values() {
            for id in table.as_object().unwrap().values() {
                let id = id.as_str().unwrap();
                assert_eq!((id.len(), &id[14..15]), (36, "4"));
                assert!(ids.insert(id.to_owned()));
            }
        }
        assert_eq!(file["users"].as_object().unwrap().len(), 300);
        assert_eq!(file["stations"].as_object().unwrap().len(), 300);
    }
}
