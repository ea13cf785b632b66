//! nexus-api
