//! A strict stand-in for Genesys Cloud. Judges raw JSON; shares no event type with the agent.
//!
//! In: requests as Genesys Cloud takes them, or the lines of `convert`. Out: what was accepted, in order, and
//! what was not, with the reason. Shapes are judged by the compiled-in schemas, everything beyond shapes by
//! [`rules`]. It never calls the agent's code: a mistake made there must not be excused here.

pub mod judge;
pub mod rules;
