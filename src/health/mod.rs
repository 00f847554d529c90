//! Where parts report how they are, and what that means for the operator.
