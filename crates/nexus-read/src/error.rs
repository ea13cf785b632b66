//! SQLite's errors as port errors. No text here may hold a path: these messages can reach an HTTP client.

use nexus_core::ports::ReadStoreError;
use rusqlite::{Error, ErrorCode};

pub(crate) fn invalid(reason: impl Into<String>) -> ReadStoreError {
    ReadStoreError::Invalid { reason: reason.into() }
}

pub(crate) fn corrupt(reason: impl Into<String>) -> ReadStoreError {
    ReadStoreError::Corrupt { reason: reason.into() }
}

pub(crate) fn unavailable(reason: impl Into<String>) -> ReadStoreError {
    ReadStoreError::Unavailable { reason: reason.into() }
}

/// What an SQLite error means for whoever called the port.
///
/// By value so that it fits `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
pub(crate) fn from_sqlite(error: Error) -> ReadStoreError {
    let Error::SqliteFailure(failure, ref message) = error else {
        // Rows or columns that are not what the table was made with.
        return corrupt(format!("the file does not hold what was written to it ({error})"));
    };
    match failure.code {
        ErrorCode::NotADatabase => corrupt("the file is not an SQLite database"),
        ErrorCode::DatabaseCorrupt => corrupt("the SQLite file is malformed; remove it to have it rebuilt"),
        ErrorCode::DiskFull => unavailable("the disk is full; free some space"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            unavailable("the file is locked by another process")
        }
        ErrorCode::CannotOpen => unavailable("the file cannot be opened; was it removed, or is access denied?"),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => unavailable("the file cannot be written"),
        ErrorCode::SystemIoFailure => unavailable(format!("input/output error {}", failure.extended_code)),
        ErrorCode::Unknown => {
            let detail = message.as_deref().unwrap_or("no detail");
            corrupt(format!("the tables are not as this program made them: {detail}"))
        }
        _ => unavailable(format!("SQLite answered {failure}")),
    }
}
