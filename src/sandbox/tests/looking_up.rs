//! What a directory asks for.

use super::*;

const FILE: &str = r#"{"users": {"jsmith": "00000000-0000-4000-8000-00000000000a"},
    "queues": {"Support": "00000000-0000-4000-8000-00000000000b", "Sales": "00000000-0000-4000-8000-00000000000c",
        "Supplies": "00000000-0000-4000-8000-00000000000d"},
    "presenceDefinitions": {"Coaching": "00000000-0000-4000-8000-00000000000e"}}"#;

async fn with_file() -> Running {
    Running::start(Settings {
        directory: Directory::from_json(FILE).unwrap(),
        ..Settings::default()
    })
    .await
}

async fn search(sandbox: &Running, value: &str) -> Value {
    let body = json!({"query": [{"fields": ["email"], "type": "EXACT", "value": value}]});
    json_of(sandbox.post("/api/v2/users/search", &body).send().await.unwrap()).await
}

#[tokio::test]
async fn any_name_resolves_to_the_same_id_every_time() {
    let sandbox = Running::default().await;
    let expected = id_of(Kind::Users, "jsmith");
    let found = search(&sandbox, "JSmith@example.org").await;
    assert_eq!(
        (&found["results"][0]["id"], &found["total"]),
        (&json!(expected), &json!(1))
    );
    assert_eq!(found["results"][0]["email"], "JSmith@example.org");
    let by_id = json_of(sandbox.get("/api/v2/users/externalid/cic/jsmith").await).await;
    assert_eq!(by_id["id"], expected);
    let queue = json_of(sandbox.get("/api/v2/routing/queues?name=Support").await).await;
    assert_eq!(queue["entities"][0]["id"], id_of(Kind::Queues, "support"));
    assert_ne!(id_of(Kind::Queues, "support"), id_of(Kind::Skills, "support"));
    let event =
        json!({"eventId": expected, "eventDateTime": "2026-03-01T10:00:00Z", "conversationId": expected});
    assert_eq!(
        crate::schema::validate_event("endConsultTransferEvents", &event),
        Ok(()),
        "its form is version 4"
    );
}

#[tokio::test]
async fn with_a_file_only_its_names_resolve() {
    let sandbox = with_file().await;
    assert_eq!(
        search(&sandbox, "jsmith@example.org").await["results"][0]["id"],
        "00000000-0000-4000-8000-00000000000a"
    );
    assert_eq!(search(&sandbox, "other@example.org").await["total"], 0);
    assert_eq!(
        sandbox.get("/api/v2/users/externalid/cic/other").await.status(),
        404
    );
    assert_eq!(
        sandbox
            .get(&format!("/api/v2/users/{}/outofoffice", id(5, 1)))
            .await
            .status(),
        404
    );
    let names = r#"{"users": {"other": "00000000-0000-4000-8000-00000000000f"}}"#;
    let put = sandbox
        .client
        .put(sandbox.url("/admin/directory"))
        .body(names)
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), 204);
    assert_eq!(search(&sandbox, "other@example.org").await["total"], 1);
    assert!(Directory::from_json(r#"{"user": {}}"#).is_err());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let sandbox = with_file().await;
    let (mut path, mut names) = ("/api/v2/routing/queues?pageSize=2".to_owned(), Vec::new());
    loop {
        let page = json_of(sandbox.get(&path).await).await;
        assert_eq!(
            (&page["total"], &page["pageCount"], &page["pageSize"]),
            (&json!(3), &json!(2), &json!(2))
        );
        let entities = page["entities"].as_array().unwrap();
        names.extend(
            entities
                .iter()
                .map(|entity| entity["name"].as_str().unwrap().to_owned()),
        );
        match page["nextUri"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["Sales", "Supplies", "Support"]);
    let filtered = json_of(sandbox.get("/api/v2/routing/queues?name=Supp*").await).await;
    assert_eq!(filtered["total"], 2);
    for path in [
        "/api/v2/users",
        "/api/v2/routing/skills",
        "/api/v2/routing/languages",
        "/api/v2/routing/wrapupcodes",
    ] {
        assert_eq!(sandbox.get(path).await.status(), 200, "{path}");
    }
    assert_eq!(sandbox.get("/api/v2/users?pageNumber=0").await.status(), 400);
}

#[tokio::test]
async fn presences_are_the_system_s_and_the_file_s() {
    let sandbox = with_file().await;
    let body = json_of(sandbox.get("/api/v2/presence/definitions").await).await;
    let entities = body["entities"].as_array().unwrap();
    assert_eq!((entities.len(), &body["total"]), (11, &json!(11)));
    assert!(
        entities
            .iter()
            .any(|one| one["systemPresence"] == "OnQueue" && one["type"] == "System")
    );
    assert_eq!(entities[10]["languageLabels"]["en_US"], "Coaching");
    assert_eq!(
        json_of(sandbox.get("/api/v2/presence/sources").await).await["total"],
        1
    );
    assert!(json_of(sandbox.get("/api/v2/tokens/me").await).await["organization"]["id"].is_string());
}

#[tokio::test]
async fn out_of_office_is_what_was_put_last() {
    let sandbox = Running::default().await;
    let path = format!("/api/v2/users/{}/outofoffice", id(5, 1));
    assert_eq!(json_of(sandbox.get(&path).await).await["active"], false);
    let put = async |body: Value| {
        let request = sandbox
            .client
            .put(sandbox.url(&path))
            .bearer_auth(&sandbox.token)
            .json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        put(json!({"active": true, "endDate": "2026-03-02T00:00:00.000Z"})).await,
        200
    );
    assert_eq!(put(json!({"active": "yes"})).await, 400);
    let known = json_of(sandbox.get(&path).await).await;
    assert_eq!(
        (&known["active"], &known["endDate"]),
        (&json!(true), &json!("2026-03-02T00:00:00.000Z"))
    );
    assert_eq!(sandbox.handle.summary().accepted["outOfOffice"], 1);
}
