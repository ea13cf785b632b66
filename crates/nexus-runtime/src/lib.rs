//! nexus-runtime
