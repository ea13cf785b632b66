//! nexus-schema
