//! Calls that stay open.

/// Users who talk on them, by turns.
pub(crate) const USERS: usize = 5_000;

/// The interaction id of the n-th one.
pub(crate) fn id(n: usize) -> usize {
    1_001_000_000 + n
}

/// A call that a user talks on, out of a queue.
pub(crate) fn call(n: usize) -> [String; 2] {
    let id = id(n);
    let begins = format!(
        r#""Eic_ObjectType":"Call","Eic_CallType":"E","Eic_CallDirection":"I","Eic_State":"O","Eic_CallIdKey":"{id}{n:08}20260302","Eic_InitiationTime":"20260302T080000Z","Eic_WorkgroupName":"Workgroup Queue:Support {}","Eic_WorkgroupQueueTimestamp":"20260302T080003Z","Eic_RemoteTn":"+4930{n:07}","Eic_RemoteTnRaw":"0049 30 {n:07}","Eic_RemoteAddress":"sip:+4930{n:07}@example.com","Eic_RemoteName":"Somebody {n}","Eic_LocalTn":"+49301234567","Eic_LineName":"Trunk {}","Eic_AcdSkillSet":"German|Support""#,
        n % 50,
        n % 8
    );
    let talks = format!(
        r#""Eic_State":"C","Eic_UserName":"user{}","Eic_StationName":"station{n}""#,
        n % USERS
    );
    [begins, talks].map(|attributes| changed(id, &attributes))
}

pub(crate) fn changed(id: usize, attributes: &str) -> String {
    format!(
        r#"{{"__type":"urn:inin.com:interactions:interactionChangedMessage","isDelta":true,"interactionID":"{id}","attributes":{{{attributes}}}}}"#
    )
}
