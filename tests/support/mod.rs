//! What integration tests share.

#![allow(dead_code, reason = "every test binary uses a part of it")]

pub(crate) mod apache_kafka;
pub(crate) mod certificates;
pub(crate) mod programs;
