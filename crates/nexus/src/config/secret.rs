use std::{env, fs, io, path::Path};

use crate::Failure;

/// Largest secret or key that is read, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// What a reference stands for: `env:NAME` is a variable of the environment, `file:PATH` a file that nobody else may
/// read. The white space at the end of a file is not part of a secret.
///
/// A secret that is written into the configuration itself is refused: configurations are copied around.
pub(super) fn resolve(reference: &str, beside: impl Fn(&Path) -> std::path::PathBuf) -> Result<String, String> {
    if let Some(name) = reference.strip_prefix("env:") {
        return match env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            Ok(_) => Err(format!("the variable {name} of the environment is empty")),
            Err(_) => Err(format!("there is no variable {name} in the environment, or it is not UTF-8")),
        };
    }
    let Some(path) = reference.strip_prefix("file:") else {
        return Err("a secret is not written into the configuration: say `file:PATH` or `env:NAME`".to_owned());
    };
    let path = beside(Path::new(path));
    private_text(&path).map_err(|failure| failure.to_string().trim_start_matches("error: ").to_owned())
}

/// The text of a file that others than its owner and group may not read, without white space at its end.
///
/// # Errors
/// When it cannot be read, or others may.
pub(crate) fn private_text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    if readable_by_others(path).map_err(|error| Failure::usage(format_args!("{shown}: {error}")))? {
        return Err(Failure::usage(format_args!("{shown} holds a secret, and everybody on this machine may read it"))
            .hint(format_args!("chmod 600 {shown}; and replace the secret if this was so for long")));
    }
    text(path).map_err(|error| Failure::usage(format_args!("{shown}: {error}")))
}

/// The text of a file, without white space at its end.
pub(super) fn text(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other("it has more than 256 KiB"));
    }
    Ok(fs::read_to_string(path)?.trim_end().to_owned())
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(path: &Path) -> io::Result<bool> {
    fs::metadata(path).map(|_| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(path: &Path) -> std::path::PathBuf {
        path.to_owned()
    }

    #[test]
    fn a_secret_in_the_configuration_is_refused() {
        let reason = resolve("correct horse battery staple", plain).unwrap_err();
        assert!(reason.contains("file:PATH") && !reason.contains("horse"), "{reason}");
    }

    #[test]
    fn a_variable_that_is_not_there_is_told_by_name() {
        let reason = resolve("env:NEXUS_TEST_NO_SUCH_VARIABLE", plain).unwrap_err();
        assert!(reason.contains("NEXUS_TEST_NO_SUCH_VARIABLE"), "{reason}");
        assert!(resolve("env:PATH", plain).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_everybody_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "s3cret\n").unwrap();
        let reference = format!("file:{}", path.display());
        for (mode, accepted) in [(0o600, true), (0o640, true), (0o604, false), (0o644, false), (0o602, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = resolve(&reference, plain);
            assert_eq!(read.is_ok(), accepted, "{mode:o}: {read:?}");
            match read {
                Ok(secret) => assert_eq!(secret, "s3cret"),
                Err(reason) => assert!(reason.contains("chmod 600") && !reason.contains("s3cret"), "{reason}"),
            }
        }
    }
}
