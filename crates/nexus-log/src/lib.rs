//! nexus-log
