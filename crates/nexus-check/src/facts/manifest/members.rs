use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::{CheckError, facts::text::Text};

/// A value and where it is written, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) range: Range<usize>,
}

/// A file is not what it has to be.
pub(crate) fn malformed(
    text: &Text,
    range: Range<usize>,
    reason: impl Into<String>,
    fix: impl Into<String>,
) -> CheckError {
    let place = text.place(range);
    CheckError::Malformed {
        file: place.file,
        line: place.start.line,
        column: place.start.column,
        reason: reason.into(),
        fix: fix.into(),
    }
}

/// A table of a manifest and the names its members may have.
pub(crate) struct Members<'a> {
    text: &'a Text,
    table: &'a DeTable<'a>,
    range: Range<usize>,
    /// What it is, for messages: `[[produces]]`.
    title: &'static str,
}

impl<'a> Members<'a> {
    /// A table in which every member has one of these names.
    ///
    /// # Errors
    /// When another one is there, with the known name that looks most like it.
    pub(crate) fn new(
        text: &'a Text,
        table: &'a DeTable<'a>,
        range: Range<usize>,
        title: &'static str,
        known: &[&str],
    ) -> Result<Self, CheckError> {
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let nearest = known.iter().min_by_key(|other| strsim::damerau_levenshtein(name, other));
                let meant = nearest.map(|nearest| format!("did you mean `{nearest}`? ")).unwrap_or_default();
                let fix = format!("{meant}{title} may have {}", list(known));
                return Err(malformed(text, key.span(), format!("{title} has no member `{name}`"), fix));
            }
        }
        Ok(Self { text, table, range, title })
    }

    fn get(&self, name: &str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        self.table.get(name).map(|value| (value.get_ref(), value.span()))
    }

    fn wrong(&self, name: &str, range: Range<usize>, wanted: &str) -> CheckError {
        malformed(self.text, range, format!("`{name}` in {} is not {wanted}", self.title), format!("write {wanted}"))
    }

    /// # Errors
    /// When it is not there.
    pub(crate) fn required<T>(&self, name: &str, value: Option<At<T>>) -> Result<At<T>, CheckError> {
        value.ok_or_else(|| {
            let reason = format!("{} has no `{name}`", self.title);
            malformed(self.text, self.range.clone(), reason, format!("add `{name}`"))
        })
    }

    /// # Errors
    /// When it is no text, or an empty one.
    pub(crate) fn string(&self, name: &str) -> Result<Option<At<String>>, CheckError> {
        let Some((value, range)) = self.get(name) else { return Ok(None) };
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => Ok(Some(At { value: text.to_owned(), range })),
            _ => Err(self.wrong(name, range, "a text that is not empty")),
        }
    }

    /// # Errors
    /// When it is no list of texts.
    pub(crate) fn strings(&self, name: &str) -> Result<Option<Vec<At<String>>>, CheckError> {
        let Some((value, range)) = self.get(name) else { return Ok(None) };
        let wrong = |range: Range<usize>| self.wrong(name, range, "a list of texts");
        let array = value.as_array().ok_or_else(|| wrong(range))?;
        let element = |element: &toml::Spanned<DeValue<'a>>| match element.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => Ok(At { value: text.to_owned(), range: element.span() }),
            _ => Err(wrong(element.span())),
        };
        array.iter().map(element).collect::<Result<_, _>>().map(Some)
    }

    /// # Errors
    /// When it is neither `true` nor `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<At<bool>>, CheckError> {
        let Some((value, range)) = self.get(name) else { return Ok(None) };
        match value.as_bool() {
            Some(value) => Ok(Some(At { value, range })),
            None => Err(self.wrong(name, range, "`true` or `false`")),
        }
    }

    /// # Errors
    /// When it is no whole number above zero.
    pub(crate) fn number(&self, name: &str) -> Result<Option<At<u32>>, CheckError> {
        let Some((value, range)) = self.get(name) else { return Ok(None) };
        let number = value.as_integer().and_then(|integer| integer.to_string().parse().ok());
        match number.filter(|number| *number > 0) {
            Some(value) => Ok(Some(At { value, range })),
            None => Err(self.wrong(name, range, "a whole number above zero")),
        }
    }

    /// A text in a small language of its own.
    ///
    /// # Errors
    /// When it is not written in it.
    pub(crate) fn parsed<T: std::str::FromStr<Err = &'static str>>(
        &self,
        name: &str,
    ) -> Result<Option<At<T>>, CheckError> {
        let Some(At { value, range }) = self.string(name)? else { return Ok(None) };
        let parsed = value.parse().map_err(|form: &str| {
            malformed(self.text, range.clone(), format!("`{name}` is `{value}`; {form}"), "write it so")
        })?;
        Ok(Some(At { value: parsed, range }))
    }

    /// A table within.
    ///
    /// # Errors
    /// When it is none, or has a member it may not have.
    pub(crate) fn table(
        &self,
        name: &str,
        title: &'static str,
        known: &[&str],
    ) -> Result<Option<Members<'a>>, CheckError> {
        let Some((value, range)) = self.get(name) else { return Ok(None) };
        let table = value.as_table().ok_or_else(|| self.wrong(name, range.clone(), "a table"))?;
        Members::new(self.text, table, range, title, known).map(Some)
    }

    /// The tables of a list.
    ///
    /// # Errors
    /// When it is no list of tables, or one has a member it may not have.
    pub(crate) fn tables(
        &self,
        name: &str,
        title: &'static str,
        known: &[&str],
    ) -> Result<Vec<Members<'a>>, CheckError> {
        let Some((value, range)) = self.get(name) else { return Ok(Vec::new()) };
        let wrong = |range: Range<usize>| self.wrong(name, range, "a list of tables");
        let array = value.as_array().ok_or_else(|| wrong(range))?;
        let element = |element: &'a toml::Spanned<DeValue<'a>>| {
            let table = element.get_ref().as_table().ok_or_else(|| wrong(element.span()))?;
            Members::new(self.text, table, element.span(), title, known)
        };
        array.iter().map(element).collect()
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
