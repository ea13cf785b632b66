use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;

use super::{
    manifest::{MANIFEST, Manifest},
    source::Target,
};
use crate::Failure;

/// Bytes copied at once.
const CHUNK: usize = 1 << 20;

/// A new directory that files are written into, durably and for their owner's eyes only: keys may be among them.
pub(crate) struct NewDirectory {
    path: PathBuf,
    bar: ProgressBar,
}

impl NewDirectory {
    /// Takes `path`, which must be empty or not there.
    pub(crate) fn new(path: &Path, bar: ProgressBar) -> Result<Self, Failure> {
        let unusable = |error: io::Error| {
            Failure::usage(format_args!("{} cannot be written: {error}", path.display()))
                .hint("name a directory that this user may make")
        };
        match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    let problem = format!("{} is not empty, and nothing is ever written over", path.display());
                    return Err(Failure::usage(problem).hint("name a directory that does not exist yet"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_dirs(path).map_err(unusable)?,
            Err(error) => return Err(unusable(error)),
        }
        Ok(Self { path: path.to_owned(), bar })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the manifest, which makes a backup of the directory. Everything else is durable before.
    pub(crate) fn finish(&self, manifest: &Manifest) -> io::Result<()> {
        sync_tree(&self.path)?;
        let temporary = self.path.join("manifest.tmp");
        let mut file = create(&temporary)?;
        file.write_all(&manifest.to_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, self.path.join(MANIFEST))?;
        sync_dir(&self.path)?;
        sync_dir(&parent(&self.path))
    }
}

impl Target for NewDirectory {
    fn file(&mut self, path: &str, bytes: u64, content: &mut dyn Read) -> io::Result<()> {
        let path = self.path.join(path);
        make_dirs(&parent(&path))?;
        let mut file = create(&path)?;
        let (mut buf, mut written) = (vec![0; CHUNK], 0);
        loop {
            let got = content.read(&mut buf)?;
            if got == 0 {
                break;
            }
            file.write_all(buf.get(..got).unwrap_or_default())?;
            written += got as u64;
            self.bar.inc(got as u64);
        }
        if written != bytes {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file ended early"));
        }
        file.sync_all()
    }
}

/// Makes an empty file that only its owner may read.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_dirs(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the names of all files below `dir` survive a loss of power.
pub(crate) fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync_dir(dir)
}

pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
