//! Each fault, switched on and off while the sandbox runs.

use super::*;

#[tokio::test]
async fn a_status_is_answered_so_many_times_and_no_more() {
    let sandbox = Running::default().await;
    let fault = json!({"endpoint": "conversations", "requests": 2,
        "effect": {"kind": "status", "status": 503, "retryAfter": 7}});
    sandbox.set_faults(fault).await;
    let answer = sandbox.post(CONVERSATIONS, &calls([1])).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert!(answer.headers().contains_key("inin-ratelimit-count"));
    assert_eq!(json_of(answer).await["status"], 503);
    assert_eq!(
        sandbox.get("/api/v2/tokens/me").await.status(),
        200,
        "another endpoint is not concerned"
    );
    let left = json_of(sandbox.get("/admin/faults").await).await;
    assert_eq!(left[0]["requests"], 1);
    assert_eq!(sandbox.status(calls([1])).await, 503);
    assert_eq!(sandbox.status(calls([1])).await, 200);
    assert_eq!(json_of(sandbox.get("/admin/faults").await).await, json!([]));
    assert_eq!(sandbox.handle.summary().accepted_total, 1);
}

#[tokio::test]
async fn a_fault_without_a_number_stands_until_it_is_deleted() {
    let sandbox = Running::default().await;
    sandbox
        .set_faults(json!([{"effect": {"kind": "status", "status": 502, "html": true}}]))
        .await;
    for _ in 0..3 {
        let answer = sandbox.post(CONVERSATIONS, &calls([1])).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (502, &"text/html".parse().unwrap())
        );
    }
    sandbox.new_token().await;
    let deleted = sandbox
        .client
        .delete(sandbox.url("/admin/faults"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(sandbox.status(calls([1])).await, 200);
}

#[tokio::test]
async fn a_request_may_take_effect_though_its_answer_is_lost() {
    let sandbox = Running::default().await;
    let lost = [
        json!({"kind": "status", "status": 500, "applied": true}),
        json!({"kind": "reset", "applied": true}),
        json!({"kind": "halfAnswer"}),
    ];
    for (effect, call) in lost.into_iter().zip(1..) {
        sandbox.set_faults(json!({"requests": 1, "effect": effect})).await;
        let answer = sandbox.post(CONVERSATIONS, &calls([call])).send().await;
        let read = match answer {
            Ok(answer) if answer.status() == 500 => None,
            Ok(answer) => answer.bytes().await.ok(),
            Err(_) => None,
        };
        assert_eq!(read, None, "{effect}");
        assert_eq!(
            sandbox.handle.summary().accepted_total,
            u64::from(call),
            "{effect}"
        );
        assert_eq!(
            sandbox.inject(calls([call])).await.len(),
            0,
            "sent again it is a repeat"
        );
    }
    assert_eq!(sandbox.handle.summary().repeats, 3);
}

#[tokio::test]
async fn half_an_answer_has_a_head_and_part_of_a_body() {
    let sandbox = Running::default().await;
    sandbox
        .set_faults(json!({"requests": 1, "effect": {"kind": "halfAnswer"}}))
        .await;
    let answer = sandbox.post(CONVERSATIONS, &calls([1])).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn a_reset_leaves_nothing_behind() {
    let sandbox = Running::default().await;
    sandbox
        .set_faults(json!({"requests": 1, "effect": {"kind": "reset"}}))
        .await;
    assert!(sandbox.post(CONVERSATIONS, &calls([1])).send().await.is_err());
    assert_eq!(sandbox.handle.summary().accepted_total, 0);
    assert_eq!(sandbox.status(calls([1])).await, 200);
}

#[tokio::test]
async fn some_events_are_refused_by_id_number_or_share() {
    let sandbox = Running::default().await;
    let refused = async |more: Value, from: u32| {
        let mut effect = json!({"kind": "partial", "retryable": true});
        effect
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        sandbox
            .set_faults(json!({"endpoint": "conversations", "requests": 1, "effect": effect}))
            .await;
        let errors = sandbox.inject(calls(from..from + 4)).await;
        assert!(errors.iter().all(|error| error["retryable"] == true));
        errors.len()
    };
    assert_eq!(
        refused(json!({"ids": [id(1, 11), id(9, 12_001), id(1, 99)]}), 10).await,
        2
    );
    assert_eq!(refused(json!({"count": 3}), 20).await, 3);
    assert_eq!(refused(json!({"fraction": 1.0}), 30).await, 4);
    assert_eq!(refused(json!({"fraction": 0.0}), 40).await, 0);
    assert_eq!(refused(json!({}), 50).await, 4);
    let summary = sandbox.handle.summary();
    assert_eq!((summary.faulted, summary.accepted_total), (13, 7));
    assert_eq!(
        sandbox.inject(calls([11])).await.len(),
        0,
        "what was refused is accepted when it comes again"
    );
}

#[tokio::test]
async fn an_expired_token_is_dead_and_a_new_one_works() {
    let mut sandbox = Running::default().await;
    sandbox
        .set_faults(json!({"requests": 1, "effect": {"kind": "tokenExpired"}}))
        .await;
    assert_eq!(sandbox.status(calls([1])).await, 401);
    assert_eq!(sandbox.status(calls([1])).await, 401);
    sandbox.token = sandbox.new_token().await;
    assert_eq!(sandbox.status(calls([1])).await, 200);
}

#[tokio::test]
async fn while_tokens_are_revoked_a_new_one_is_no_better() {
    let mut sandbox = Running::default().await;
    sandbox
        .set_faults(json!({"effect": {"kind": "tokenRevoked"}}))
        .await;
    assert_eq!(sandbox.status(calls([1])).await, 401);
    sandbox.token = sandbox.new_token().await;
    assert_eq!(sandbox.status(calls([1])).await, 401);
    sandbox.set_faults(json!([])).await;
    assert_eq!(sandbox.status(calls([1])).await, 200);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let sandbox = Running::default().await;
    sandbox
        .set_faults(json!({"endpoint": "conversations", "effect": {"kind": "forbidden"}}))
        .await;
    let answer = sandbox.post(CONVERSATIONS, &calls([1])).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    let body = json_of(answer).await;
    assert_eq!(body["code"], "missing.permissions");
    assert_eq!(
        body["messageParams"]["permissions"],
        "conversation:conversation:inject"
    );
}

#[tokio::test]
async fn a_429_names_the_limit_that_it_is_told_to() {
    let sandbox = Running::default().await;
    let limited = async |more: Value| {
        let mut effect = json!({"kind": "status", "status": 429, "retryAfter": 3});
        effect
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        sandbox.set_faults(json!({"requests": 1, "effect": effect})).await;
        let answer = sandbox.post(CONVERSATIONS, &calls([1])).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"3".parse().unwrap())
        );
        json_of(answer).await["limit"]["key"].clone()
    };
    assert_eq!(limited(json!({})).await, Value::Null);
    assert_eq!(limited(json!({"limitKey": "events.rate"})).await, "events.rate");
    assert_eq!(
        sandbox.handle.summary().throttled,
        0,
        "only the rate limit's own are counted"
    );
}

#[tokio::test]
async fn a_delay_goes_with_what_follows_it() {
    let sandbox = Running::default().await;
    let delay = json!({"effect": {"kind": "delay", "ms": 50}});
    sandbox
        .set_faults(json!([delay, {"effect": {"kind": "status", "status": 504}}]))
        .await;
    let before = tokio::time::Instant::now();
    assert_eq!(sandbox.status(calls([1])).await, 504);
    assert!(before.elapsed().as_millis() >= 50);
}

#[tokio::test]
async fn what_is_no_fault_is_refused_and_changes_nothing() {
    let sandbox = Running::default().await;
    sandbox
        .set_faults(json!({"effect": {"kind": "delay", "ms": 0}}))
        .await;
    for wrong in [
        json!({"effect": {"kind": "explode"}}),
        json!({"effect": {"kind": "delay", "ms": 0, "seconds": 1}}),
        json!({"path": "/", "effect": {"kind": "delay", "ms": 0}}),
    ] {
        let answer = sandbox
            .client
            .put(sandbox.url("/admin/faults"))
            .json(&wrong)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{wrong}");
    }
    assert_eq!(
        json_of(sandbox.get("/admin/faults").await)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_status_may_be_for_requests_with_one_event_only() {
    let sandbox = Running::default().await;
    let call = calls([2]);
    let id = call["externalEstablishedEvents"][0]["eventId"].clone();
    let fault = json!({"effect": {"kind": "status", "status": 400, "ids": [id]}});
    sandbox.set_faults(fault).await;
    assert_eq!(sandbox.status(calls([1])).await, 200);
    assert_eq!(sandbox.status(call).await, 400);
    assert_eq!(
        sandbox.status(calls([2, 3])).await,
        400,
        "whatever stands beside it"
    );
    assert_eq!(sandbox.handle.summary().accepted_total, 1);
}
