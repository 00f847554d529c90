//! The parts joined: from an assigned partition to accepted events.

pub mod settings;
