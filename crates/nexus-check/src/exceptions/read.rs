//! From TOML to exceptions, keeping where everything is written.

use std::ops::Range;

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Exception, Exceptions, ExceptionsError, place::place};
use crate::{Finding, Level, catalogue};

const RULE: &str = "NX-EXC-001";
const MEMBERS: [&str; 6] = ["rule", "place", "pointer", "owner", "reason", "expires"];

pub(super) fn exceptions(file: &str, text: &str) -> Result<Exceptions, ExceptionsError> {
    let document = DeTable::parse(text).map_err(|error| {
        let at = place(file, text, error.span().unwrap_or_default()).start;
        let reason = error.message().to_owned();
        ExceptionsError::NotToml { file: file.to_owned(), line: at.line, column: at.column, reason }
    })?;
    let mut reader = Reader { file, text, exceptions: Exceptions::default() };
    for (key, value) in document.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("exception", DeValue::Array(entries)) => entries.iter().for_each(|entry| reader.entry(entry)),
            ("exception", _) => reader.complain(value.span(), "exception", "`exception` is not a list of tables"),
            (name, _) => reader.complain(key.span(), name, &format!("`{name}` is not an exception")),
        }
    }
    Ok(reader.exceptions)
}

/// What names an exception from one run to the next: what it is about, not where it is written.
pub(super) fn name(rule: Option<&str>, files: Option<&str>, pointer: Option<&str>) -> String {
    format!("{} in {} about {}", rule.unwrap_or("?"), files.unwrap_or("*"), pointer.unwrap_or("*"))
}

/// A finding of NX-EXC-001.
pub(super) fn finding(at: crate::Place, pointer: String, message: String, remediation: &str) -> Finding {
    let remediation = remediation.to_owned();
    let (level, evidence, owner) = (Level::Error, Vec::new(), None);
    Finding { rule: RULE, level, message, place: at, pointer, evidence, remediation, owner }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    exceptions: Exceptions,
}

/// What an entry says, each with where.
#[derive(Default)]
struct Draft {
    rule: Option<&'static str>,
    files: Option<(String, GlobMatcher)>,
    pointer: Option<String>,
    owner: Option<String>,
    reason: Option<String>,
    expires: Option<(Date, Range<usize>)>,
    /// Where, which member, and what is wrong.
    wrong: Vec<(Range<usize>, String, String)>,
}

impl Reader<'_> {
    fn complain(&mut self, at: Range<usize>, pointer: &str, message: &str) {
        let at = place(self.file, self.text, at);
        let fix = "write each as `[[exception]]` with rule, place or pointer, owner, reason and expires";
        self.exceptions.findings.push(finding(at, pointer.to_owned(), message.to_owned(), fix));
    }

    fn entry(&mut self, entry: &Spanned<DeValue<'_>>) {
        let DeValue::Table(table) = entry.get_ref() else {
            return self.complain(entry.span(), "exception", "an exception is not a table");
        };
        let mut draft = Draft::default();
        for (key, value) in table {
            draft.member(key, value);
        }
        draft.miss(entry.span());
        draft.wrong.sort_by_key(|(at, ..)| at.start);
        let name = name(draft.rule, draft.files.as_ref().map(|(files, _)| files.as_str()), draft.pointer.as_deref());
        for (at, member, message) in std::mem::take(&mut draft.wrong) {
            let at = place(self.file, self.text, at);
            let fix = "complete the exception, or delete it and mend what it hides; it is not in force as it is";
            self.exceptions.findings.push(finding(at, format!("{name}: {member}"), message, fix));
        }
        self.exceptions.entries.extend(draft.complete(|range| place(self.file, self.text, range), entry.span()));
    }
}

impl Draft {
    fn member(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) {
        let name = key.get_ref().as_ref();
        let read = match name {
            "expires" => day(value).map(|day| self.expires = Some((day, value.span()))),
            "rule" => text(value).and_then(known_rule).map(|rule| self.rule = Some(rule)),
            "place" => text(value).and_then(glob).map(|files| self.files = Some(files)),
            "pointer" => text(value).map(|pointer| self.pointer = Some(pointer.to_owned())),
            "owner" => text(value).map(|owner| self.owner = Some(owner.to_owned())),
            "reason" => text(value).map(|reason| self.reason = Some(reason.to_owned())),
            _ => {
                let nearest = MEMBERS.iter().min_by_key(|member| strsim::damerau_levenshtein(member, name));
                let meant = nearest.map_or("", |member| member);
                self.wrong.push((
                    key.span(),
                    name.to_owned(),
                    format!("`{name}` says nothing here; is `{meant}` meant?"),
                ));
                return;
            }
        };
        if let Err(problem) = read {
            self.wrong.push((value.span(), name.to_owned(), format!("`{name}` {problem}")));
        }
    }

    /// Complains about what is not said at all.
    fn miss(&mut self, entry: Range<usize>) {
        let said = [
            ("rule", self.rule.is_some()),
            ("place", self.files.is_some() || self.pointer.is_some()),
            ("owner", self.owner.is_some()),
            ("reason", self.reason.is_some()),
            ("expires", self.expires.is_some()),
        ];
        for (member, _) in said.iter().filter(|(_, said)| !said) {
            // What is written and wrong is not missing as well.
            if self.wrong.iter().any(|(_, wrong, _)| wrong == member) {
                continue;
            }
            let message = match *member {
                "place" => {
                    "an exception says neither `place` nor `pointer`, so it would let the whole rule pass".to_owned()
                }
                _ => format!("an exception has no `{member}`"),
            };
            self.wrong.push((entry.clone(), (*member).to_owned(), message));
        }
    }

    fn complete(self, place: impl Fn(Range<usize>) -> crate::Place, entry: Range<usize>) -> Option<Exception> {
        let (expires, expires_at) = self.expires?;
        let (files, matcher) = self.files.unzip();
        (files.is_some() || self.pointer.is_some()).then_some(())?;
        Some(Exception {
            rule: self.rule?,
            files,
            pointer: self.pointer,
            owner: self.owner?,
            reason: self.reason?,
            expires,
            place: place(entry),
            expires_place: place(expires_at),
            matcher,
        })
    }
}

fn text<'v>(value: &'v Spanned<DeValue<'_>>) -> Result<&'v str, String> {
    let text = value.get_ref().as_str().ok_or("is not a text")?.trim();
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

fn known_rule(id: &str) -> Result<&'static str, String> {
    match catalogue::rule(id) {
        Ok(rule) if rule.id == RULE => Err(format!("is {RULE}, to which there are no exceptions")),
        Ok(rule) => Ok(rule.id),
        Err(nearest) => Err(format!("names no rule; is `{nearest}` meant?")),
    }
}

fn glob(pattern: &str) -> Result<(String, GlobMatcher), String> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.map_err(|error| format!("is no pattern of files: {}", error.kind()))?;
    Ok((pattern.to_owned(), glob.compile_matcher()))
}

fn day(value: &Spanned<DeValue<'_>>) -> Result<Date, String> {
    let written = match value.get_ref() {
        DeValue::Datetime(day) => day.to_string(),
        _ => text(value)?.to_owned(),
    };
    written.parse().map_err(|_| format!("is `{written}`, which is no day such as 2027-03-31"))
}
