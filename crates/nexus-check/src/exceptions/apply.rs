use jiff::{ToSpan as _, civil::Date};

use super::{Exception, Exceptions, read};
use crate::{Excepted, Finding, Scope};

/// The longest an exception may still hold, in years: what is to stay for ever is a rule to change.
const MOST_YEARS: i32 = 1;

impl Exceptions {
    /// Sorts findings into those that count and those that are let pass today, and adds what is wrong with the
    /// exceptions themselves: incomplete, expired, too long, and, where the scope of the run settles it, needless.
    #[must_use]
    pub fn apply(&self, findings: Vec<Finding>, scope: Scope, today: Date) -> (Vec<Finding>, Vec<Excepted>) {
        let (mut counting, mut excepted) = (Vec::new(), Vec::new());
        let mut used = vec![false; self.entries.len()];
        for finding in findings {
            let mut concerned = self.entries.iter().zip(used.iter_mut()).filter(|(entry, _)| entry.concerns(&finding));
            match concerned.next() {
                Some((entry, used)) => {
                    *used = true;
                    match entry.expires >= today {
                        true => excepted.push(entry.let_pass(finding)),
                        false => counting.push(finding),
                    }
                }
                None => counting.push(finding),
            }
        }
        counting.extend(self.findings.iter().cloned());
        let wrong = |(entry, used): (&Exception, bool)| entry.wrong(used || !scope.settles(entry.rule), today);
        counting.extend(self.entries.iter().zip(used).filter_map(wrong));
        (counting, excepted)
    }
}

impl Exception {
    fn let_pass(&self, finding: Finding) -> Excepted {
        Excepted { finding, owner: self.owner.clone(), reason: self.reason.clone(), expires: self.expires }
    }

    /// What is wrong with it today.
    fn wrong(&self, needed: bool, today: Date) -> Option<Finding> {
        let name = self.name();
        let furthest = today.saturating_add(MOST_YEARS.years());
        let (place, member, message, fix) = if !needed {
            let message = format!("nothing is left that this exception to {} would let pass", self.rule);
            (&self.place, "needless", message, "delete the exception")
        } else if self.expires < today {
            let message = format!("this exception to {} expired on {}", self.rule, self.expires);
            let fix = "mend what it hid, or have its owner decide again and set a new day";
            (&self.expires_place, "expires", message, fix)
        } else if self.expires > furthest {
            let message = format!("this exception to {} holds until {}, more than a year", self.rule, self.expires);
            (&self.expires_place, "expires", message, "set a day within a year; its owner can decide again then")
        } else {
            return None;
        };
        Some(read::finding(place.clone(), format!("{name}: {member}"), message, fix))
    }
}
