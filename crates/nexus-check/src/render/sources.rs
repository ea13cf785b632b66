use std::{
    cell::RefCell,
    fs,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

/// The largest file that a line is shown of, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Where the lines that findings point at are read from.
#[derive(Debug)]
pub struct Sources {
    root: PathBuf,
    /// The file that was read last; findings come sorted by file.
    last: RefCell<Option<(String, Option<Rc<str>>)>>,
}

impl Sources {
    /// The files below the root that was checked.
    #[must_use]
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), last: RefCell::new(None) }
    }

    /// Lines of a file, 1-based, both ends included; `None` when it cannot be read or has fewer.
    pub(crate) fn lines(&self, file: &str, first: usize, last: usize) -> Option<Vec<String>> {
        let text = self.text(file)?;
        let wanted = last.checked_sub(first)?.checked_add(1)?;
        let lines: Vec<_> = text.lines().skip(first.checked_sub(1)?).take(wanted).map(str::to_owned).collect();
        (lines.len() == wanted).then_some(lines)
    }

    fn text(&self, file: &str) -> Option<Rc<str>> {
        let mut last = self.last.borrow_mut();
        match &*last {
            Some((name, text)) if name == file => text.clone(),
            _ => {
                let text = self.read(file);
                *last = Some((file.to_owned(), text.clone()));
                text
            }
        }
    }

    /// Only regular files inside the root: a place that was made up must not show what is elsewhere.
    fn read(&self, file: &str) -> Option<Rc<str>> {
        let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        let path = self.root.join(file);
        let meta = inside.then(|| fs::symlink_metadata(&path).ok())??;
        let text = (meta.is_file() && meta.len() <= LARGEST).then(|| fs::read(&path).ok())??;
        Some(Rc::from(String::from_utf8_lossy(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_the_root_are_read() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        fs::write(directory.path().join("secret"), "s").unwrap();
        fs::write(directory.path().join("root/a"), "one\ntwo\n").unwrap();
        let sources = Sources::below(directory.path().join("root"));
        assert_eq!(sources.lines("a", 2, 2), Some(vec!["two".to_owned()]));
        assert_eq!(sources.lines("a", 2, 3), None);
        assert_eq!(sources.lines("a", 0, 1), None);
        assert_eq!(sources.lines("../secret", 1, 1), None);
        assert_eq!(sources.lines(&directory.path().join("secret").to_string_lossy(), 1, 1), None);
    }
}
