use std::ops::Range;

use super::lexer::{Kind, SqlToken, tokens};

/// What a statement does to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verb {
    Update,
    Delete,
    Truncate,
    /// `MERGE` with an update or deletion, `REPLACE`, `INSERT` that updates what is there.
    Overwrite,
    Drop,
    Insert,
    Read,
}

impl Verb {
    /// Whether it changes or removes rows that are there.
    pub(crate) fn is_destructive(self) -> bool {
        !matches!(self, Self::Insert | Self::Read)
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
            Self::Overwrite => "an INSERT or MERGE that overwrites rows",
            Self::Drop => "DROP TABLE",
            Self::Insert => "INSERT",
            Self::Read => "SELECT",
        }
    }
}

/// One thing a statement does to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) verb: Verb,
    /// The table without its schema, in lower case.
    pub(crate) table: String,
    /// From the verb to the table, in bytes.
    pub(crate) range: Range<usize>,
}

/// What a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file of SQL.
    File,
    /// A string of a program, which may as well be a sentence.
    Program,
}

/// Everything a text does to tables.
pub(crate) fn statements(sql: &str, origin: Origin) -> Vec<Statement> {
    let tokens = tokens(sql);
    let mut found = Vec::new();
    let reads = origin == Origin::File || begins_as_statement(sql, &tokens);
    let mut scan = Scan { sql, tokens: &tokens, origin, marks: Marks::default() };
    scan.marks = scan.marks();
    for index in 0..tokens.len() {
        if let Some(verb) = scan.word(index) {
            scan.statement(&verb.to_ascii_uppercase(), index, reads, &mut found);
        }
        found.extend(scan.executed(index));
    }
    found
}

/// Whether a string begins as a statement does, so that `FROM` and `JOIN` in it name tables.
fn begins_as_statement(sql: &str, tokens: &[SqlToken]) -> bool {
    let first = tokens.iter().find(|token| token.kind == Kind::Word).and_then(|token| sql.get(token.inner.clone()));
    let first = first.unwrap_or("");
    let begins = ["select", "with", "insert", "update", "delete", "merge", "replace", "explain"];
    let one_case = first.chars().all(char::is_uppercase) || first.chars().all(char::is_lowercase);
    one_case && begins.contains(&first.to_lowercase().as_str()) && tokens.len() > 3
}

/// Words that may stand between a verb and its table.
const HINTS: &[&str] = &["LOW_PRIORITY", "QUICK", "IGNORE", "ONLY"];

struct Scan<'a> {
    sql: &'a str,
    tokens: &'a [SqlToken],
    origin: Origin,
    marks: Marks,
}

/// Where the words stand that tell statements apart, each ascending; found once, so that long files take no longer than
/// their length.
#[derive(Default)]
struct Marks {
    /// `;`
    ends: Vec<usize>,
    /// `SET`
    sets: Vec<usize>,
    /// `DO UPDATE`, `KEY UPDATE`
    upserts: Vec<usize>,
    /// `THEN UPDATE`, `THEN DELETE`
    matches: Vec<usize>,
}

/// The first of ascending places from one on.
fn next(places: &[usize], from: usize) -> usize {
    places.get(places.partition_point(|place| *place < from)).copied().unwrap_or(usize::MAX)
}

impl Scan<'_> {
    /// A word that may be a keyword, as it is written.
    fn word(&self, index: usize) -> Option<&str> {
        let token = self.tokens.get(index).filter(|token| token.kind == Kind::Word && token.range.len() <= 16)?;
        self.sql.get(token.inner.clone())
    }

    fn is(&self, index: usize, words: &[&str]) -> bool {
        self.word(index).is_some_and(|word| words.iter().any(|other| other.eq_ignore_ascii_case(word)))
    }

    fn is_sign(&self, index: usize, sign: u8) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == Kind::Sign(sign))
    }

    /// Passes any of these words.
    fn skip(&self, mut index: usize, words: &[&str]) -> usize {
        while self.is(index, words) {
            index += 1;
        }
        index
    }

    /// The last part of a name, and the token behind it.
    fn name(&self, mut index: usize) -> Option<(usize, usize)> {
        loop {
            let token = self.tokens.get(index)?;
            if !matches!(token.kind, Kind::Word | Kind::Quoted) {
                return None;
            }
            if !self.is_sign(index + 1, b'.') {
                return Some((index, index + 1));
            }
            // T-SQL leaves out the schema: `base..table`.
            index += if self.is_sign(index + 2, b'.') { 3 } else { 2 };
        }
    }

    /// What the statement that begins at a keyword does.
    fn statement(&self, verb: &str, index: usize, reads: bool, found: &mut Vec<Statement>) {
        let next = index + 1;
        let names: Vec<(Verb, usize)> = match verb {
            "UPDATE" => self.updated(index).map(|name| (Verb::Update, name)).into_iter().collect(),
            "DELETE" => self.deleted(index).map(|name| (Verb::Delete, name)).into_iter().collect(),
            "TRUNCATE" => self.truncated(index).into_iter().map(|name| (Verb::Truncate, name)).collect(),
            "DROP" if self.is(next, &["TABLE"]) => {
                let start = self.skip(next + 1, &["IF", "EXISTS"]);
                self.names(start).into_iter().map(|name| (Verb::Drop, name)).collect()
            }
            "MERGE" | "REPLACE" | "INSERT" | "UPSERT" => {
                self.inserted(verb, index).map(|(name, verb)| (verb, name)).into_iter().collect()
            }
            "FROM" | "JOIN" if reads && !self.follows(index, &["DELETE", "EXTRACT", "DISTINCT"]) => {
                let name = self.name(self.skip(next, &["ONLY", "LATERAL"]));
                name.map(|(name, _)| (Verb::Read, name)).into_iter().collect()
            }
            _ => return,
        };
        let from = self.tokens.get(index).map_or(0, |token| token.range.start);
        found.extend(names.into_iter().filter_map(|(verb, name)| {
            let token = self.tokens.get(name)?;
            let table = self.sql.get(token.inner.clone())?.trim().to_lowercase();
            Some(Statement { verb, table, range: from..token.range.end })
        }));
    }

    /// Whether one of these words stands before a token.
    fn follows(&self, index: usize, words: &[&str]) -> bool {
        index.checked_sub(1).is_some_and(|before| self.is(before, words))
    }

    /// Whether a keyword is written as programs write SQL and sentences do not.
    fn is_shouted(&self, index: usize) -> bool {
        let written = self.tokens.get(index).and_then(|token| self.sql.get(token.inner.clone())).unwrap_or("");
        self.origin == Origin::File || !written.chars().any(char::is_lowercase)
    }

    fn marks(&self) -> Marks {
        let all = |is: &dyn Fn(usize) -> bool| (0..self.tokens.len()).filter(|at| is(*at)).collect();
        Marks {
            ends: all(&|at| self.is_sign(at, b';')),
            sets: all(&|at| self.is(at, &["SET"])),
            upserts: all(&|at| self.is(at, &["DO", "KEY"]) && self.is(at + 1, &["UPDATE"])),
            matches: all(&|at| self.is(at, &["THEN"]) && self.is(at + 1, &["UPDATE", "DELETE"])),
        }
    }

    /// Whether one of some places is in what is left of the statement.
    fn goes_on_with(&self, places: &[usize], behind: usize) -> bool {
        next(places, behind) < next(&self.marks.ends, behind)
    }

    /// The table of an `UPDATE` that goes on as one: there is a `SET`, or a program adds it later.
    fn updated(&self, index: usize) -> Option<usize> {
        if self.follows(index, &["FOR", "ON", "DO", "KEY", "BEFORE", "AFTER", "GRANT", "REVOKE"]) {
            return None;
        }
        let start = if self.is(index + 1, &["OR"]) { index + 3 } else { index + 1 };
        let (name, behind) = self.name(self.skip(start, HINTS))?;
        let sets = self.goes_on_with(&self.marks.sets, behind);
        (sets || (behind >= self.tokens.len() && self.is_shouted(index))).then_some(name)
    }

    /// The tables of a `TRUNCATE`.
    fn truncated(&self, index: usize) -> Vec<usize> {
        let start = self.skip(index + 1, &["TABLE", "ONLY"]);
        let ends = |(_, end): (usize, usize)| end >= self.tokens.len() || self.is_sign(end, b';');
        let is_one = start > index + 1 || self.is_shouted(index) || self.name(start).is_some_and(ends);
        if is_one { self.names(start) } else { Vec::new() }
    }

    /// The table of a `DELETE`: `DELETE FROM name`, or without `FROM` as some databases let.
    fn deleted(&self, index: usize) -> Option<usize> {
        let start = self.skip(index + 1, HINTS);
        let has_from = self.is(start, &["FROM"]);
        let (name, end) = self.name(self.skip(start + usize::from(has_from), &["ONLY"]))?;
        let goes_on = end >= self.tokens.len()
            || self.is(end, &["WHERE", "USING", "RETURNING", "LIMIT", "ORDER", "AS", "OUTPUT", "FROM"])
            || self.is_sign(end, b';')
            || self.is_sign(end, b')');
        let is_one =
            if has_from { goes_on || self.is_shouted(index) } else { self.is(end, &["WHERE", "FROM", "OUTPUT"]) };
        let is_keyword = !has_from && self.is(name, &["ON", "CASCADE", "FROM", "SET", "OR"]);
        (is_one && !is_keyword).then_some(name)
    }

    /// Names with commas between them.
    fn names(&self, start: usize) -> Vec<usize> {
        let mut names = Vec::new();
        let mut at = start;
        while let Some((name, end)) = self.name(at) {
            names.push(name);
            let next = self.skip(end, &["CASCADE", "RESTRICT"]);
            if !self.is_sign(next, b',') {
                break;
            }
            at = next + 1;
        }
        names
    }

    /// The table that rows are put into, and whether that can overwrite others.
    fn inserted(&self, verb: &str, index: usize) -> Option<(usize, Verb)> {
        let mut start = index + 1;
        let mut overwrites = matches!(verb, "REPLACE" | "UPSERT");
        if verb == "INSERT" && self.is(start, &["OR"]) {
            overwrites = self.is(start + 1, &["REPLACE"]);
            start += 2;
        }
        let start = self.skip(start, &["IGNORE", "LOW_PRIORITY"]);
        if !self.is(start, &["INTO"]) {
            return None;
        }
        let (name, behind) = self.name(start + 1)?;
        let places = if verb == "MERGE" { &self.marks.matches } else { &self.marks.upserts };
        overwrites |= self.goes_on_with(places, behind);
        Some((name, if overwrites { Verb::Overwrite } else { Verb::Insert }))
    }

    /// What a string does that the database is told to run: `EXECUTE 'DELETE …'`.
    fn executed(&self, index: usize) -> Vec<Statement> {
        if !self.is(index, &["EXECUTE", "EXEC", "SP_EXECUTESQL", "PREPARE"]) {
            return Vec::new();
        }
        let text = self.tokens.iter().skip(index + 1).take(6).find(|token| token.kind == Kind::Text);
        let Some(inner) = text.map(|token| token.inner.clone()) else { return Vec::new() };
        let within = statements(self.sql.get(inner.clone()).unwrap_or(""), Origin::File);
        let moved = within.into_iter().map(|statement| Statement {
            range: statement.range.start + inner.start..statement.range.end + inner.start,
            ..statement
        });
        moved.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str, origin: Origin) -> Vec<(Verb, String)> {
        statements(sql, origin).into_iter().map(|statement| (statement.verb, statement.table)).collect()
    }

    fn destroyed(sql: &str) -> Vec<(Verb, String)> {
        let of = |origin| found(sql, origin).into_iter().filter(|(verb, _)| verb.is_destructive()).collect::<Vec<_>>();
        assert_eq!(of(Origin::File), of(Origin::Program), "{sql}");
        of(Origin::File)
    }

    #[test]
    fn what_changes_or_removes_rows_is_seen_however_it_is_written() {
        for (sql, verb) in [
            ("UPDATE events SET a = 1", Verb::Update),
            ("update only \"shop\".\"Events\" e set a = 1", Verb::Update),
            ("UPDATE OR IGNORE events SET a=1", Verb::Update),
            ("UPDATE `events` JOIN x ON x.a = b SET b = 1", Verb::Update),
            ("UPDATE /* c */ [dbo].[events]\n-- d\nSET a = 1", Verb::Update),
            ("DELETE FROM events", Verb::Delete),
            ("delete from events where a = 1", Verb::Delete),
            ("DELETE e FROM events WHERE 1=1; DELETE events WHERE 1=1", Verb::Delete),
            ("WITH gone AS (DELETE FROM events RETURNING *) SELECT 1", Verb::Delete),
            ("CREATE FUNCTION f() AS $$ BEGIN DELETE FROM events; END $$", Verb::Delete),
            ("TRUNCATE TABLE x, shop..events", Verb::Truncate),
            ("TRUNCATE events", Verb::Truncate),
            ("MERGE INTO events USING x ON a WHEN MATCHED THEN UPDATE SET a = 1", Verb::Overwrite),
            ("REPLACE INTO events VALUES (1)", Verb::Overwrite),
            ("INSERT OR REPLACE INTO events VALUES (1)", Verb::Overwrite),
            ("INSERT INTO events VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1", Verb::Overwrite),
            ("INSERT INTO events VALUES (1) ON DUPLICATE KEY UPDATE a = 1", Verb::Overwrite),
            ("DROP TABLE IF EXISTS events CASCADE", Verb::Drop),
            ("DO $$ BEGIN EXECUTE 'DELETE FROM events'; END $$", Verb::Delete),
            ("it's DELETE FROM events", Verb::Delete),
        ] {
            assert!(destroyed(sql).contains(&(verb, "events".to_owned())), "{sql}: {:?}", destroyed(sql));
        }
    }

    #[test]
    fn what_only_sounds_like_it_is_not_one() {
        for sql in [
            "SELECT * FROM events FOR UPDATE",
            "GRANT UPDATE, DELETE ON events TO x",
            "REVOKE DELETE ON events FROM x",
            "CREATE TRIGGER t BEFORE UPDATE OR DELETE ON events EXECUTE FUNCTION refuse()",
            "CREATE TABLE x (a int REFERENCES events ON UPDATE CASCADE ON DELETE SET NULL)",
            "INSERT INTO events VALUES (1) ON CONFLICT DO NOTHING",
            "MERGE INTO events USING x ON a WHEN NOT MATCHED THEN INSERT VALUES (1)",
            "-- DELETE FROM events",
            "/* UPDATE events SET a = 1 */",
            "INSERT INTO notes VALUES ('DELETE FROM events')",
        ] {
            let events: Vec<_> = destroyed(sql).into_iter().filter(|(_, table)| table == "events").collect();
            assert_eq!(events, [], "{sql}");
        }
    }

    #[test]
    fn a_sentence_of_a_program_is_no_statement() {
        for sentence in ["Update events", "we never delete from events that are stored", "truncate events of old"] {
            assert_eq!(found(sentence, Origin::Program), [], "{sentence}");
        }
        assert_eq!(found("nothing was read from orders", Origin::Program), []);
        assert_eq!(
            found("select a from shop.orders o join lines", Origin::Program),
            [(Verb::Read, "orders".to_owned()), (Verb::Read, "lines".to_owned())]
        );
    }

    #[test]
    fn a_long_file_takes_no_longer_than_its_length() {
        let many = "INSERT INTO events UPDATE events MERGE INTO events DELETE FROM ".repeat(100_000);
        assert!(statements(&many, Origin::File).len() > 100_000);
    }

    #[test]
    fn a_statement_that_a_program_goes_on_with_is_one() {
        assert_eq!(found("UPDATE events ", Origin::Program), [(Verb::Update, "events".to_owned())]);
        assert_eq!(found("DELETE FROM events {}", Origin::Program), [(Verb::Delete, "events".to_owned())]);
        assert_eq!(found("DELETE FROM {}", Origin::Program), []);
    }
}
