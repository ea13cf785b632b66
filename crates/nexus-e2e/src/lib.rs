//! nexus-e2e
