//! Every metric of the agent: name, unit, help, labels.
