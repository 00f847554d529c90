//! Realistic CIC traffic, and the truth beside it. Imports nothing of the agent: what both share is CIC's own
//! documents.
//!
//! In: [`Settings`]. Out: [`Said`], record after record, in ICWS's own messages, names and one-second stamps; the same
//! settings give the same bytes. Agents come and go, rest and learn; calls come in through lines, IVR and workgroup
//! queues, ring, are answered or not, held, sent on, and end in every way; agents dial too. Around it is what a
//! live exporter says besides: repetitions by other queues, attributes that change nothing, full snapshots.
//!
//! The truth is NDJSON in a form of its own: see [`truth`].

mod after;
mod agent;
mod call;
mod filler;
mod habits;
mod inbound;
mod json;
pub mod kafka;
pub mod names;
mod outbound;
mod random;
mod ringing;
mod say;
mod settings;
mod simulation;
mod site;
mod speaker;
mod stamp;
mod status;
mod talking;
pub mod truth;

pub use names::Names;
pub use settings::{DEFAULT_START, Form, Settings, Shares};
pub use simulation::Simulation;
pub use speaker::Said;
