//! Where parts report how they are, and what that means for the operator.

pub mod board;

pub use board::{Board, Item, State};
