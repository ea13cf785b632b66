use std::{path::Path, sync::Arc};

use super::{
    files::{FileKind, walk},
    git::Git,
    registry,
    schemas::Schemas,
    text::Text,
};
use crate::{Against, CheckError, CheckOptions};

/// The schemas as they were before the change that is checked.
#[derive(Debug)]
pub(crate) struct Base {
    /// What it is called, for people: `main`.
    pub(crate) name: String,
    pub(crate) schemas: Schemas,
}

impl Base {
    /// Reads what to compare with.
    ///
    /// # Errors
    /// [`CheckError::Base`] and [`CheckError::NotLetIn`] when it cannot be had.
    pub(crate) fn read(options: &CheckOptions, against: &Against, now: &Schemas) -> Result<Self, CheckError> {
        let (name, files) = match against {
            Against::Revision(revision) => (revision.clone(), of_revision(&options.root, revision)?),
            Against::Directory(directory) => (directory.display().to_string(), of_directory(directory)?),
            Against::Url(address) => {
                (address.clone(), registry::schemas(address, options.token.as_ref(), now.subjects.keys())?)
            }
        };
        let mut schemas = Schemas::default();
        let (locks, files) =
            files.into_iter().partition::<Vec<_>, _>(|text| FileKind::of(&text.file) == Some(FileKind::SchemaLock));
        schemas.add(files);
        for lock in locks {
            schemas.add_lock(&lock)?;
        }
        Ok(Self { name, schemas })
    }
}

fn counts(file: &str) -> bool {
    matches!(FileKind::of(file), Some(FileKind::SchemaFile | FileKind::SchemaLock))
}

fn of_revision(root: &Path, revision: &str) -> Result<Vec<Arc<Text>>, CheckError> {
    let git = Git::new(root, revision);
    let commit = git.commit()?;
    let files: Vec<_> = git.files(&commit)?.into_iter().filter(|file| counts(file)).collect();
    let contents = git.contents(&commit, &files)?;
    Ok(files.into_iter().zip(contents).map(|(file, bytes)| Arc::new(Text::new(file, bytes))).collect())
}

fn of_directory(directory: &Path) -> Result<Vec<Arc<Text>>, CheckError> {
    let failed =
        |error: CheckError| CheckError::Base { base: directory.display().to_string(), reason: error.to_string() };
    let found = walk(directory).map_err(failed)?;
    let texts = found.iter().filter(|found| counts(&found.file)).map(|found| found.read().map(Arc::new));
    texts.collect::<Result<_, _>>().map_err(failed)
}
