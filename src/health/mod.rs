//! Where parts report how they are, and what that means for the operator.

mod alive;
pub mod board;
mod connection;
#[cfg(test)]
pub(crate) mod heard;
mod item;
mod judge;
mod report;
#[cfg(test)]
mod tests;

pub use alive::Heart;
pub use board::{Board, Item, State};
pub use judge::Shown;
pub use report::Report;
