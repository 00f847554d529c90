//! Tokens, limits, sizes, and what is accepted.

use super::*;
use std::time::Duration;

#[tokio::test]
async fn a_token_is_given_for_client_credentials_only() {
    let client = Some(("known".to_owned(), "s:ecret".to_owned()));
    let handle = Handle::open(Settings {
        client,
        ..Settings::default()
    })
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/oauth/token", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, handle, stop.clone()));
    let post = || Client::builder().no_proxy().build().unwrap().post(&url);
    let good = [("grant_type", "client_credentials")];
    let answer = post()
        .basic_auth("known", Some("s:ecret"))
        .form(&good)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let body = json_of(answer).await;
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("bearer"), &json!(86_400))
    );
    let wrong = post()
        .basic_auth("known", Some("other"))
        .form(&good)
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(json_of(wrong).await["error"], "invalid_client");
    assert_eq!(post().form(&good).send().await.unwrap().status(), 401);
    let grant = [("grant_type", "password")];
    assert_eq!(
        post()
            .basic_auth("known", Some("s:ecret"))
            .form(&grant)
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    stop.cancel();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn without_a_token_that_lives_nothing_is_taken() {
    let sandbox = Running::default().await;
    let bare = sandbox
        .client
        .post(sandbox.url(CONVERSATIONS))
        .json(&calls([1]))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    assert!(bare.headers().contains_key("inin-correlation-id"));
    let body = json_of(bare).await;
    assert_eq!(crate::schema::validate("error-body", &body).unwrap(), []);
    assert_eq!(
        (&body["code"], &body["status"]),
        (&json!("authentication.required"), &json!(401))
    );
    let wrong = sandbox
        .client
        .post(sandbox.url(CONVERSATIONS))
        .bearer_auth("x")
        .json(&calls([1]));
    assert_eq!(wrong.send().await.unwrap().status(), 401);
    let short = Settings {
        token_lifetime: Duration::ZERO,
        ..Settings::default()
    };
    assert_eq!(Running::start(short).await.status(calls([1])).await, 401);
    assert_eq!(sandbox.handle.summary().accepted_total, 0);
}

#[tokio::test]
async fn every_answer_says_what_is_left_and_too_many_are_refused() {
    let sandbox = Running::start(Settings {
        rate_limit: 2,
        ..Settings::default()
    })
    .await;
    for count in 1..=2u32 {
        let answer = sandbox.post(CONVERSATIONS, &calls([count])).send().await.unwrap();
        let header = |name| answer.headers()[name].to_str().unwrap().parse::<u32>().unwrap();
        assert_eq!(
            (answer.status().as_u16(), header("inin-ratelimit-count")),
            (200, count)
        );
        assert_eq!(header("inin-ratelimit-allowed"), 2);
        assert!((1..=60).contains(&header("inin-ratelimit-reset")));
    }
    let answer = sandbox.post(CONVERSATIONS, &calls([3])).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(
        answer.headers()["retry-after"],
        answer.headers()["inin-ratelimit-reset"]
    );
    let body = json_of(answer).await;
    assert_eq!(crate::schema::validate("error-body", &body).unwrap(), []);
    assert_eq!(body["limit"]["key"], "client.credentials.token.rate.per.minute");
    let summary = sandbox.handle.summary();
    assert_eq!((summary.throttled, summary.accepted_total), (1, 2));
    let other = sandbox.new_token().await;
    let answer = sandbox
        .client
        .post(sandbox.url(CONVERSATIONS))
        .bearer_auth(other)
        .json(&calls([3]));
    assert_eq!(answer.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_request_holds_so_many_bytes_and_events() {
    let sandbox = Running::default().await;
    assert_eq!(sandbox.inject(calls(1..=100)).await, [] as [Value; 0]);
    assert_eq!(sandbox.status(calls(101..=201)).await, 400);
    let mut large = calls([300]);
    large["externalEstablishedEvents"][0]["aniName"] = json!("x".repeat(512_000));
    let answer = sandbox.post(CONVERSATIONS, &large).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(json_of(answer).await["code"], "request.entity.too.large");
    let mut fits = calls([300]);
    let rest = 512_000 - fits.to_string().len() - r#","aniName":"""#.len();
    fits["externalEstablishedEvents"][0]["aniName"] = json!("x".repeat(rest));
    assert_eq!(fits.to_string().len(), 512_000);
    assert_eq!(sandbox.status(fits).await, 200);
}

#[tokio::test]
async fn what_is_no_request_is_refused_whole() {
    let sandbox = Running::default().await;
    let wrong = [
        json!([]),
        json!({"externalEstablishedEvents": 1}),
        json!({"userPresenceEvents": []}),
    ];
    for body in wrong {
        let answer = sandbox.post(CONVERSATIONS, &body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(json_of(answer).await["code"], "bad.request");
    }
    assert_eq!(sandbox.get("/api/v2/nothing").await.status(), 404);
}

#[tokio::test]
async fn one_bad_event_is_named_and_the_others_are_accepted() {
    let sandbox = Running::default().await;
    let mut body = calls([1, 2, 3]);
    body["externalEstablishedEvents"][1]["alerting"] = json!(true);
    body["communicationEndedEvents"] = json!([ended(7, 2)]);
    let errors = sandbox.inject(body).await;
    let told: Vec<_> = errors
        .iter()
        .map(|e| (e["eventId"].as_str().unwrap(), &e["retryable"]))
        .collect();
    assert_eq!(
        told,
        [(&*id(9, 2001), &json!(false)), (&*id(9, 7002), &json!(false))]
    );
    assert!(errors[0]["message"].as_str().unwrap().starts_with("shape: "));
    assert!(
        errors[1]["message"]
            .as_str()
            .unwrap()
            .starts_with("named-after-established: ")
    );
    let summary = sandbox.handle.summary();
    assert_eq!(
        (summary.accepted_total, summary.refused, summary.received),
        (2, 2, 4)
    );
    assert_eq!(
        summary.violations.keys().collect::<Vec<_>>(),
        ["named-after-established", "shape"]
    );
}

#[tokio::test]
async fn events_of_a_request_are_judged_in_order_of_their_time() {
    let sandbox = Running::default().await;
    let body = json!({"communicationEndedEvents": [ended(1, 3)], "externalEstablishedEvents": [established(1, 1)],
        "holdUpdatedEvents": [event(1, 2, json!({"held": true}))]});
    assert_eq!(sandbox.inject(body).await, [] as [Value; 0]);
    let journal = sandbox.get("/admin/journal").await.text().await.unwrap();
    let lines: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "externalEstablishedEvents",
            "holdUpdatedEvents",
            "communicationEndedEvents"
        ]
    );
    assert_eq!(
        lines
            .iter()
            .map(|line| line["n"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        sandbox
            .get("/admin/journal?after=1&limit=1")
            .await
            .text()
            .await
            .unwrap()
            .lines()
            .count(),
        1
    );
}

#[tokio::test]
async fn an_event_sent_again_is_accepted_without_effect_and_another_under_its_id_is_not() {
    let sandbox = Running::default().await;
    assert_eq!(sandbox.inject(calls([1])).await.len(), 0);
    assert_eq!(sandbox.inject(calls([1])).await.len(), 0);
    let mut other = calls([1]);
    other["externalEstablishedEvents"][0]["ani"] = json!("tel:+4912345");
    let errors = sandbox.inject(other).await;
    assert!(
        errors[0]["message"]
            .as_str()
            .unwrap()
            .starts_with("same-content: ")
    );
    let summary = sandbox.handle.summary();
    assert_eq!((summary.accepted_total, summary.repeats), (1, 1));
    let timeline = sandbox.handle.timeline(&id(1, 1)).unwrap();
    assert_eq!(
        timeline.iter().map(|line| &line["repeat"]).collect::<Vec<_>>(),
        [&json!(false), &json!(true)]
    );
}

#[tokio::test]
async fn the_journal_on_disk_passes_the_judge_and_shows_timelines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.ndjson");
    let sandbox = Running::start(Settings {
        journal: Some(path.clone()),
        ..Settings::default()
    })
    .await;
    sandbox.inject(calls([1, 2])).await;
    sandbox
        .inject(json!({"communicationEndedEvents": [ended(1, 5)]}))
        .await;
    let user = id(5, 1);
    let body = json!({"active": true, "indefinite": true});
    let office = sandbox
        .client
        .put(sandbox.url(&format!("/api/v2/users/{user}/outofoffice")));
    assert_eq!(
        office
            .bearer_auth(&sandbox.token)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let text = std::fs::read_to_string(path).unwrap();
    let report = judge::judge(text.as_bytes(), |finding| panic!("{finding:?}")).unwrap();
    assert_eq!(report.events.values().sum::<u64>(), 4);
    assert_eq!(
        (report.conversations.conversations, report.conversations.open),
        (2, 1)
    );
    let timeline = sandbox
        .get(&format!("/admin/conversations/{}", id(1, 1)))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(timeline.lines().count(), 2);
    let summary = json_of(sandbox.get("/admin/summary").await).await;
    assert_eq!(
        (&summary["acceptedTotal"], &summary["conversations"]["open"]),
        (&json!(4), &json!(1))
    );
}

#[tokio::test]
async fn users_have_lanes_of_their_own() {
    let sandbox = Running::default().await;
    let source = id(8, 1);
    let presence = |n: u32, second: u32| {
        json!({"userPresenceEvents": [{"eventId": id(9, n), "eventDateTime": format!("2026-03-01T10:00:{second:02}Z"),
            "userId": id(5, 1), "sourceId": source, "presenceDefinitionId": "d2390a99-8546-bad9-8f0a-219548e8aeb0"}]})
    };
    let status = json!({"userRoutingStatusEvents": [{"eventId": id(9, 3), "eventDateTime": "2026-03-01T10:00:05Z",
        "agentId": id(5, 1), "sourceId": source, "status": "Idle"}]});
    let errors = async |path: &str, body: &Value| {
        json_of(sandbox.post(path, body).send().await.unwrap()).await["errors"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(errors("/api/v2/events/users/presence", &presence(1, 5)).await, 0);
    assert_eq!(errors("/api/v2/events/users/routingstatus", &status).await, 0);
    assert_eq!(errors("/api/v2/events/users/presence", &presence(2, 5)).await, 1);
    assert_eq!(sandbox.handle.summary().violations["time-forward"], 1);
}

#[tokio::test]
async fn a_lenient_sandbox_counts_broken_rules_and_accepts() {
    let sandbox = Running::start(Settings {
        lenient: true,
        ..Settings::default()
    })
    .await;
    assert_eq!(
        sandbox
            .inject(json!({"communicationEndedEvents": [ended(1, 1)]}))
            .await
            .len(),
        0
    );
    let summary = sandbox.handle.summary();
    assert_eq!(
        (
            summary.accepted_total,
            summary.violations["named-after-established"]
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_counting_sandbox_counts_events_and_reads_nothing_else() {
    let sandbox = Running::start(Settings {
        count_only: true,
        rate_limit: 0,
        ..Settings::default()
    })
    .await;
    assert_eq!(
        sandbox
            .inject(json!({"communicationEndedEvents": [ended(1, 1), ended(1, 1)]}))
            .await
            .len(),
        0
    );
    assert_eq!(sandbox.handle.summary().accepted_total, 2);
}

#[test]
fn a_journal_that_cannot_be_written_is_refused_at_once() {
    let journal = Some("/no/such/folder/journal".into());
    let error = Handle::open(Settings {
        journal,
        ..Settings::default()
    })
    .unwrap_err()
    .to_string();
    let expected = "cannot write the journal /no/such/folder/journal; name a file in a folder that exists";
    assert_eq!(error, expected);
}
