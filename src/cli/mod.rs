//! The command line: one file per subcommand.
pub mod judge;
pub mod schema;
