//! What a directory asks for: users, queues, wrap-up codes, skills, languages, stations, presence definitions and
//! sources, each as the vendor answers: paged lists, a search, a user by external id.
//!
//! A list shows the names that are known. Asked for one name, a sandbox where any name resolves makes it up.

use super::answer;
use super::directory::{Entry, Kind, id_of};
use super::server::Handle;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The ten system presences, their enumeration and the ids that they have in every organization.
const SYSTEM_PRESENCES: [(&str, &str, &str); 10] = [
    ("Available", "Available", "6a3af858-942f-489d-9700-5f9bcdcdae9b"),
    ("Away", "Away", "5e5c5c66-ea97-4e7f-ac41-6424784829f2"),
    ("Break", "Break", "227b37e2-f1d0-4dd0-8f50-badd7cf6d158"),
    ("Busy", "Busy", "31fe3bac-dea6-44b7-bed7-47f91660a1a0"),
    ("Idle", "Idle", "7ffa01cd-7866-4ad7-8faa-31e11b42f51f"),
    ("Meal", "Meal", "3fd96123-badb-4f69-bc03-1b1ccc6d8014"),
    ("Meeting", "Meeting", "bbdff279-7ae1-48ea-bade-7831d7234c64"),
    ("Offline", "Offline", "ccf3c10a-aa2c-4845-8e8d-f59fa48c58e5"),
    ("On Queue", "OnQueue", "e08eaf1b-ee47-4fa9-a231-1200e284798f"),
    ("Training", "Training", "d2390a99-8546-bad9-8f0a-219548e8aeb0"),
];

/// The query of a list.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    #[serde(default = "page_size")]
    page_size: usize,
    #[serde(default = "first_page")]
    page_number: usize,
    name: Option<String>,
}

fn page_size() -> usize {
    25
}

fn first_page() -> usize {
    1
}

/// `GET /api/v2/users`
pub(super) async fn users(State(sandbox): State<Handle>, Query(page): Query<Page>) -> Response {
    list(&sandbox, Kind::Users, "/api/v2/users", &page)
}

/// `GET /api/v2/routing/queues`
pub(super) async fn queues(State(sandbox): State<Handle>, Query(page): Query<Page>) -> Response {
    list(&sandbox, Kind::Queues, "/api/v2/routing/queues", &page)
}

/// `GET /api/v2/routing/wrapupcodes`
pub(super) async fn wrap_up_codes(State(sandbox): State<Handle>, Query(page): Query<Page>) -> Response {
    list(&sandbox, Kind::WrapUpCodes, "/api/v2/routing/wrapupcodes", &page)
}

/// `GET /api/v2/routing/skills`
pub(super) async fn skills(State(sandbox): State<Handle>, Query(page): Query<Page>) -> Response {
    list(&sandbox, Kind::Skills, "/api/v2/routing/skills", &page)
}

/// `GET /api/v2/routing/languages`
pub(super) async fn languages(State(sandbox): State<Handle>, Query(page): Query<Page>) -> Response {
    list(&sandbox, Kind::Languages, "/api/v2/routing/languages", &page)
}

/// `GET /api/v2/stations`
pub(super) async fn stations(State(sandbox): State<Handle>, Query(page): Query<Page>) -> Response {
    list(&sandbox, Kind::Stations, "/api/v2/stations", &page)
}

fn list(sandbox: &Handle, kind: Kind, path: &str, page: &Page) -> Response {
    if !(1..=500).contains(&page.page_size) || page.page_number == 0 {
        return answer::error(
            400,
            "bad.request",
            "pageSize must be 1 to 500 and pageNumber at least 1",
        );
    }
    let found = found(sandbox, kind, page.name.as_deref());
    let pages = found.len().div_ceil(page.page_size).max(1);
    let skipped = (page.page_number - 1).saturating_mul(page.page_size);
    let entities = found.iter().skip(skipped).take(page.page_size);
    let uri = |number: usize| format!("{path}?pageSize={}&pageNumber={number}", page.page_size);
    let mut body = json!({
        "entities": entities.map(|entry| entity(kind, entry)).collect::<Vec<_>>(),
        "pageSize": page.page_size, "pageNumber": page.page_number, "total": found.len(), "pageCount": pages,
        "firstUri": uri(1), "lastUri": uri(pages), "selfUri": uri(page.page_number),
    });
    if page.page_number < pages {
        body["nextUri"] = json!(uri(page.page_number + 1));
    }
    if page.page_number > 1 {
        body["previousUri"] = json!(uri(page.page_number - 1));
    }
    Json(body).into_response()
}

/// All known names, or those that fit `name`: whole, or with `*` at its ends.
fn found(sandbox: &Handle, kind: Kind, name: Option<&str>) -> Vec<Entry> {
    let directory = sandbox.directory();
    let Some(name) = name else {
        return directory.all(kind).cloned().collect();
    };
    let core = name.trim_matches('*').to_lowercase();
    let (open_start, open_end) = (name.starts_with('*'), name.ends_with('*'));
    if !open_start && !open_end {
        return directory.find(kind, name).into_iter().collect();
    }
    let fits = |entry: &&Entry| {
        let known = entry.name.to_lowercase();
        match (open_start, open_end) {
            (true, true) => known.contains(&core),
            (true, false) => known.ends_with(&core),
            _ => known.starts_with(&core),
        }
    };
    directory.all(kind).filter(fits).cloned().collect()
}

fn entity(kind: Kind, entry: &Entry) -> Value {
    match kind {
        Kind::Users => user(entry, None),
        _ => json!({"id": entry.id, "name": entry.name, "state": "active"}),
    }
}

fn user(entry: &Entry, email: Option<&str>) -> Value {
    let made_up = || {
        if entry.name.contains('@') {
            entry.name.clone()
        } else {
            format!("{}@example.com", entry.name)
        }
    };
    let email = email.map_or_else(made_up, ToOwned::to_owned);
    json!({"id": entry.id, "name": entry.name, "email": email, "username": email, "state": "active",
        "version": 1, "selfUri": format!("/api/v2/users/{}", entry.id)})
}

/// `GET /api/v2/users/externalid/{authority}/{key}`
pub(super) async fn by_external_id(
    State(sandbox): State<Handle>,
    Path((_, key)): Path<(String, String)>,
) -> Response {
    match sandbox.directory().find(Kind::Users, &key) {
        Some(entry) => Json(user(&entry, None)).into_response(),
        None => answer::error(404, "not.found", "no user has this external id"),
    }
}

/// `POST /api/v2/users/search`: exact values of any field, as a directory asks for emails.
pub(super) async fn search(State(sandbox): State<Handle>, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let size = body["pageSize"].as_u64().unwrap_or(25).clamp(1, 500) as usize;
    let number = body["pageNumber"].as_u64().unwrap_or(1).max(1) as usize;
    let Some(criteria) = body["query"].as_array() else {
        return answer::error(400, "bad.request", "query must be a list of criteria");
    };
    let mut results = Vec::new();
    for one in criteria {
        let values = one["values"]
            .as_array()
            .into_iter()
            .flatten()
            .chain(one.get("value"));
        for value in values.filter_map(Value::as_str) {
            let email = value.contains('@').then_some(value);
            results.extend(
                sandbox
                    .directory()
                    .find(Kind::Users, value)
                    .map(|entry| user(&entry, email)),
            );
        }
    }
    let total = results.len();
    let page: Vec<_> = results
        .into_iter()
        .skip((number - 1).saturating_mul(size))
        .take(size)
        .collect();
    Json(
        json!({"results": page, "total": total, "pageSize": size, "pageNumber": number,
        "pageCount": total.div_ceil(size).max(1), "types": ["users"]}),
    )
    .into_response()
}

/// `GET /api/v2/presence/definitions`
pub(super) async fn presence_definitions(State(sandbox): State<Handle>) -> Response {
    let definition = |kind: &str, label: &str, system: &str, id: &str| {
        json!({"id": id, "type": kind, "languageLabels": {"en_US": label}, "systemPresence": system,
            "divisionId": "*", "deactivated": false})
    };
    let system = SYSTEM_PRESENCES
        .iter()
        .map(|(label, system, id)| definition("System", label, system, id));
    let mut entities: Vec<_> = system.collect();
    let is_system = |entry: &&Entry| SYSTEM_PRESENCES.iter().any(|(.., id)| *id == entry.id);
    let directory = sandbox.directory();
    let known = directory
        .all(Kind::PresenceDefinitions)
        .filter(|entry| !is_system(entry));
    entities.extend(known.map(|entry| definition("User", &entry.name, "Busy", &entry.id)));
    Json(json!({"total": entities.len(), "entities": entities, "selfUri": "/api/v2/presence/definitions"}))
        .into_response()
}

/// `GET /api/v2/presence/sources`
pub(super) async fn presence_sources() -> Response {
    let source = json!({"id": id_of(Kind::Organization, "presence source"), "name": "PureConnect", "type": "External",
        "deactivated": false});
    Json(json!({"total": 1, "entities": [source], "selfUri": "/api/v2/presence/sources"})).into_response()
}

/// `GET /api/v2/tokens/me`
pub(super) async fn tokens_me() -> Response {
    let organization = json!({"id": id_of(Kind::Organization, "sandbox"), "name": "Sandbox"});
    let client = json!({"id": id_of(Kind::Organization, "client"), "name": "sandbox client", "organization": organization});
    Json(json!({"organization": organization, "homeOrganization": organization, "OAuthClient": client}))
        .into_response()
}
