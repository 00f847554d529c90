//! What integration tests share.

pub(crate) mod apache_kafka;
pub(crate) mod certificates;
