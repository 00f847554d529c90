//! Rights of a broker that asks for them, given and taken by Kafka's own protocol: no client here speaks that part.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::apache_kafka::{ApacheKafka, USER, Way};

/// What a right is on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Topic = 2,
    Group = 3,
}

/// What it allows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Read = 3,
    Write = 4,
    Create = 5,
    Describe = 8,
}

/// A right of the user [`USER`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Right(pub(crate) On, pub(crate) &'static str, pub(crate) Operation);

/// What the broker is to be started with: nothing is allowed to anybody but those who come in the clear.
pub(crate) const LINES: [&str; 2] = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
];

const CREATE: i16 = 30;
const DELETE: i16 = 31;

pub(crate) fn give(kafka: &ApacheKafka, right: Right) {
    change(kafka, CREATE, right);
}

pub(crate) fn take(kafka: &ApacheKafka, right: Right) {
    change(kafka, DELETE, right);
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
    body.extend(text.as_bytes());
}

/// Version 1 of either request: one right, or a filter that fits only this right.
fn change(kafka: &ApacheKafka, request: i16, Right(on, name, operation): Right) {
    let (literal, allow) = (3, 3);
    let mut body = Vec::new();
    body.extend(request.to_be_bytes());
    body.extend(1_i16.to_be_bytes());
    body.extend(7_i32.to_be_bytes());
    text(&mut body, "test");
    body.extend(1_i32.to_be_bytes());
    body.push(on as u8);
    text(&mut body, name);
    body.push(literal);
    text(&mut body, &format!("User:{USER}"));
    text(&mut body, "*");
    body.push(operation as u8);
    body.push(allow);
    let mut stream = TcpStream::connect(kafka.at(Way::Plain)).unwrap();
    stream
        .write_all(&u32::try_from(body.len()).unwrap().to_be_bytes())
        .unwrap();
    stream.write_all(&body).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    // The request's number, a time, how many results, and the first one's error code.
    assert_eq!(answer[..4], 7_i32.to_be_bytes(), "{answer:?}");
    assert_eq!(answer[8..14], [0, 0, 0, 1, 0, 0], "{answer:?}");
}
